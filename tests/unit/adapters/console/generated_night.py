"""A night made up for tests: many visits, of which few fared ill."""

import asyncio
import datetime
import math
import random
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import evolve

from adapters.console.night import ConsoleNight
from adapters.memory.console.image_archive import MemoryImageArchive
from adapters.memory.console.night_board import MemoryLogArchive, MemoryNightBoard
from adapters.memory.console.source_archive import MemorySourceArchive
from adapters.memory.history_store import MemoryHistoryStore
from application.ledger import StoredLedger
from domain.results.images import ImageKind, ImagePixels, KeptImage
from domain.results.night_view import NeighbourHealth, QueueCounts
from domain.results.sources import DiaSource
from domain.times import TaiSeconds, UtcSeconds
from domain.visit import CoordinateSystem, Identity
from domain.work.about import AboutVisit
from domain.work.attempts import Attempt, AttemptRecord
from domain.work.history import WorkHistory
from domain.work.outcomes import (
    Completed,
    FailedAfterChange,
    FailedBeforeChange,
    ImagesRejected,
    NoImages,
    Outcome,
    SnapResult,
    SnapStatus,
)

__all__ = [
    "BEGIN",
    "EXPOSURE",
    "StillClock",
    "archive_of_images",
    "archive_of_sources",
    "console_night",
    "generated_board",
    "group_of",
    "mover",
    "night_of",
    "put",
    "sky_images",
    "sky_sources",
]

NIGHT = datetime.date(2031, 5, 14)
BEGIN = UtcSeconds(datetime.datetime(2031, 5, 15, 1, 0, tzinfo=datetime.UTC).timestamp())
EXPOSURE = 2031051400001
"""Of the first visit."""

_SIDE = 400
_SOURCES = ((210.0, 240.0, 6000.0), (90.0, 120.0, 2500.0), (320.0, 90.0, 1800.0))
_SKY: Mapping[str, str | float | int] = {
    "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.1, "CRVAL2": 2.2, "CRPIX1": 1.0, "CRPIX2": 1.0,
    "CD1_1": 1 / 18_000, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 1 / 18_000,
}  # fmt: skip
"""North is up and east to the right, 0.2 arcseconds a pixel."""
_BETWEEN = 34.0
_FILTERS = ("r_03", "i_06", "g_01", "z_10")


def group_of(number: int) -> str:
    """Name a visit as the observatory does."""
    moment = datetime.datetime.fromtimestamp(BEGIN + number * _BETWEEN, datetime.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{number % 1000:03d}"


class StillClock:
    """It stays shortly after the night."""

    def utc(self) -> UtcSeconds:
        """Tell the time."""
        return UtcSeconds(BEGIN + 36_000)


async def put(store: MemoryHistoryStore, record: AttemptRecord) -> None:
    """Let a ledger have a record, as the only one of its work."""

    def change(history: WorkHistory, _: UtcSeconds) -> tuple[WorkHistory, None]:
        return evolve(history, records=(record,)), None

    await store.change(record.attempt.identity, change)


async def night_of(board: MemoryNightBoard, store: MemoryHistoryStore, **archives: Any) -> ConsoleNight:
    """Make what the console looks at of a board: its records are those of the ledger too."""
    for visit in board.view().visits:
        for record in visit.detectors.values():
            await put(store, record)
    ledger = StoredLedger(store)
    return ConsoleNight(
        board=board, ledger=ledger, clock=StillClock(), **({"logs": MemoryLogArchive()} | archives)
    )


def console_night(board: MemoryNightBoard, **archives: Any) -> ConsoleNight:
    """Make it where no event loop runs."""
    return asyncio.run(night_of(board, MemoryHistoryStore(StillClock()), **archives))


def archive_of_images() -> MemoryImageArchive:
    """Keep three images of the first visit's detector 1, whose pixels count up."""
    pixels = np.arange(48 * 64, dtype=np.float32).reshape(48, 64)
    return MemoryImageArchive(
        ImagePixels(
            name=KeptImage(group=group_of(0), visit=EXPOSURE, detector=1, kind=kind),
            array=pixels,
            mask=np.zeros(pixels.shape, np.uint8),
            planes={"SAT": 1},
            unit="nJy",
            wcs=None,
            path="image.fits",
        )
        for kind in (ImageKind.CALIBRATED, ImageKind.TEMPLATE, ImageKind.DIFFERENCE)
    )


def archive_of_sources() -> MemorySourceArchive:
    """Know four sources of one object on the first visit's detector 1."""
    return MemorySourceArchive(
        DiaSource(
            source_id=2766899023213232130 + number,
            object_id=7,
            visit=EXPOSURE,
            detector=1,
            band="r",
            mjd=63_001.1 + number * 0.01,
            ra=150.0,
            dec=2.0,
            x=20.0,
            y=30.0,
            snr=6.0 + 3.0 * number,
            flux=1000.0 + 50.0 * number,
            flux_err=60.0,
            science_flux=2000.0,
        )
        for number in range(4)
    )


def mover() -> Iterable[DiaSource]:
    """See one that moves by half an arcsecond a minute, each time as an object of its own."""
    for number in range(5):
        yield DiaSource(
            source_id=900 + number,
            object_id=900 + number,
            visit=EXPOSURE + 1 + number,
            detector=94,
            band="r",
            mjd=63_001.06 + number * 0.01,
            ra=150.12,
            dec=2.21 + number * 7.2 / 3600.0,
            x=250.0,
            y=200.0 + 36.0 * number,
            snr=40.0,
            flux=3600.0,
            flux_err=90.0,
            science_flux=3650.0,
            ra_err=1e-5,
            dec_err=1e-5,
        )


def sky_images() -> MemoryImageArchive:
    """Make images of a small piece of sky with three sources in the difference, for people to look at."""
    chance = np.random.default_rng(4)
    stars = [(*chance.uniform(0, _SIDE, 2), 10 ** chance.uniform(2.2, 4.3)) for _ in range(140)]
    steady = _drawn(stars)
    new = _drawn([(x, y, flux) for x, y, flux in _SOURCES])
    arrays = {
        ImageKind.CALIBRATED: steady + new + chance.normal(0, 12, steady.shape),
        ImageKind.TEMPLATE: steady + chance.normal(0, 5, steady.shape),
        ImageKind.DIFFERENCE: new + chance.normal(0, 13, steady.shape),
    }
    mask = np.zeros(steady.shape, np.uint8)
    mask[steady > 1500] = 2
    arrays[ImageKind.RAW] = np.pad(steady + new + 1000.0, ((0, 0), (20, 20)), constant_values=1000.0)
    return MemoryImageArchive(
        ImagePixels(
            name=KeptImage(group=group_of(0), visit=EXPOSURE, detector=94, kind=kind),
            array=array.astype(np.float32),
            mask=None if kind is ImageKind.RAW else mask,
            planes={} if kind is ImageKind.RAW else {"SAT": 1},
            unit="adu" if kind is ImageKind.RAW else "nJy",
            wcs=None if kind is ImageKind.RAW else _SKY,
            path=f"{kind}.fits",
        )
        for kind, array in arrays.items()
    )


def sky_sources() -> MemorySourceArchive:
    """Know the sources of those images, the first of them from other visits too."""
    found = MemorySourceArchive()
    for number, (x, y, flux) in enumerate(_SOURCES):
        for sighting in range(24 if number == 0 else 1):
            shine = flux * (1.0 + 0.5 * math.sin(sighting / 4.0))
            found.put(
                DiaSource(
                    source_id=EXPOSURE + 100 * number + sighting,
                    object_id=7_000 + number,
                    visit=EXPOSURE + sighting,
                    detector=94,
                    band="rgi"[sighting % 3],
                    mjd=63_001.04 + sighting * 0.0137,
                    ra=150.1 + x / 18_000,
                    dec=2.2 + y / 18_000,
                    x=x,
                    y=y,
                    snr=shine / 90.0,
                    flux=shine,
                    flux_err=90.0,
                    science_flux=shine + 60.0,
                )
            )
    return found


def _drawn(stars: Iterable[tuple[float, float, float]]) -> npt.NDArray[np.float64]:
    y, x = np.mgrid[0:_SIDE, 0:_SIDE]
    image = np.zeros((_SIDE, _SIDE))
    for at_x, at_y, flux in stars:
        image += flux / 9.0 * np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / 4.5)
    return image


def generated_board(
    *, visits: int, detectors: int, instrument: str = "LSSTCam", seed: int = 1, under_way: int = 1
) -> MemoryNightBoard:
    """Make a night; its last visits are under way."""
    chance = random.Random(seed)  # noqa: S311 - a made-up night is no secret
    at = UtcSeconds(BEGIN + visits * _BETWEEN)
    board = MemoryNightBoard(instrument, NIGHT, at)
    records = []
    for number in range(visits):
        is_done = number < visits - under_way
        records += [_record(chance, instrument, number, detector, is_done) for detector in range(detectors)]
    board.tell(*records, at=at)
    board.tell_of(
        QueueCounts(waiting=12 if under_way else 0, leased=detectors if under_way else 0, dead=1),
        NeighbourHealth(name="ledger", is_reached=True),
        NeighbourHealth(name="queue", is_reached=True),
        NeighbourHealth(name="repository", is_reached=True),
        NeighbourHealth(name="APDB", is_reached=True),
    )
    return board


def _record(
    chance: random.Random, instrument: str, number: int, detector: int, is_done: bool
) -> AttemptRecord:
    group = group_of(number)
    begun = UtcSeconds(BEGIN + number * _BETWEEN + chance.uniform(0, 2))
    attempt = Attempt(Identity(instrument, group, detector), 1)
    worker = f"worker-{detector % 400:03d}"
    about = AboutVisit(
        filters=_FILTERS[number // 40 % len(_FILTERS)],
        coordinate_system=CoordinateSystem.ICRS,
        position=(150.0 + number * 0.01, -12.5),
        nimages=1,
        survey="BLOCK-407",
        sent=TaiSeconds(begun + 36.0),
        pipelines=("ApPipe", "SingleFrame", "Isr"),
        preprocessing=("Preprocessing",),
        rule="survey BLOCK-407 matched node 2: {survey: BLOCK-407, pipelines: [ApPipe, SingleFrame, Isr]}",
    )
    if not is_done:
        stages = ("prepare", "wait", "ingest", "process", "process", "export")
        stage = chance.choice(stages)
        return AttemptRecord(
            attempt=attempt, worker=worker, begun=begun, stage=stage,
            stage_begun=UtcSeconds(begun + 1 + 5 * stages.index(stage)), about=about,
        )  # fmt: skip
    seconds = _seconds(chance)
    work = sum(seconds[name] for name in ("transfer", "ingest", "process"))
    outcome = _outcome(chance, EXPOSURE + number)
    return AttemptRecord(
        attempt=attempt,
        worker=worker,
        begun=begun,
        outcome=outcome,
        ended=UtcSeconds(begun + 8 + work),
        final=True,
        seconds=seconds,
        since_shutter=work + 0.4 if isinstance(outcome, Completed) else None,
        about=about,
    )


def _seconds(chance: random.Random) -> dict[str, float]:
    slow = 1.0 if chance.random() > 0.004 else 2.2
    tasks = {
        "process.task isr": chance.gauss(4, 0.4),
        "process.task detectSources": chance.gauss(6, 0.6),
        "process.task subtractImages": chance.gauss(11 * slow, 1.0),
        "process.task detectDiaSources": chance.gauss(4, 0.5),
        "process.task associate": chance.gauss(6 * slow, 0.8),
    }
    return {
        "prepare": chance.gauss(6, 0.5),
        "wait": chance.gauss(20, 1),
        "transfer": max(chance.gauss(4.2 if chance.random() > 0.003 else 31, 0.8), 0.5),
        "ingest": chance.gauss(0.5, 0.05),
        "process.graph": chance.gauss(0.2, 0.02),
        **tasks,
        "process": sum(tasks.values()) + 0.3,
        "export": chance.gauss(2, 0.2),
    }


def _outcome(chance: random.Random, exposure: int) -> Outcome:
    dice = chance.random()
    if dice > 0.002:
        return Completed(
            pipeline="ApPipe", snaps=(SnapResult(exposure=exposure, result=SnapStatus.COMPLETED),)
        )
    if dice > 0.0012:
        return FailedBeforeChange(reason="calibrateVisit: 3 of 214 stars fit; at least 8 are needed (cloud?)")
    if dice > 0.0008:
        return FailedAfterChange(reason="export: the central repository did not answer for 120 s")
    if dice > 0.0004:
        return NoImages(waited=120.0)
    snap = SnapResult(exposure=exposure, result=SnapStatus.REJECTED, reason="EXPTIME is 0")
    return ImagesRejected(snaps=(snap,))
