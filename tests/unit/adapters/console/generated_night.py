"""A night made up for tests: many visits, of which few fared ill."""

import asyncio
import datetime
import random
from collections.abc import Iterable
from typing import Any

import numpy as np
from attrs import evolve

from adapters.console.night import ConsoleNight
from adapters.host.clock import SystemClock
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
    "archive_of_images",
    "archive_of_sources",
    "console_night",
    "generated_board",
    "group_of",
]

NIGHT = datetime.date(2031, 5, 14)
BEGIN = UtcSeconds(datetime.datetime(2031, 5, 15, 1, 0, tzinfo=datetime.UTC).timestamp())
EXPOSURE = 2031051400001
"""Of the first visit."""

_BETWEEN = 34.0
_FILTERS = ("r_03", "i_06", "g_01", "z_10")


def group_of(number: int) -> str:
    """Name a visit as the observatory does."""
    moment = datetime.datetime.fromtimestamp(BEGIN + number * _BETWEEN, datetime.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{number % 1000:03d}"


async def _recorded(records: Iterable[AttemptRecord], clock: SystemClock) -> StoredLedger:
    store = MemoryHistoryStore(clock)
    for record in records:
        await store.change(
            record.attempt.identity,
            lambda history, _, record=record: (evolve(history, records=(record,)), None),  # type: ignore[misc]
        )
    return StoredLedger(store)


def console_night(board: MemoryNightBoard, **archives: Any) -> ConsoleNight:
    """Make what the console looks at of a board: its records are those of the ledger too."""
    clock = SystemClock()
    records = [record for visit in board.view().visits for record in visit.detectors.values()]
    ledger = asyncio.run(_recorded(records, clock))
    return ConsoleNight(board=board, ledger=ledger, clock=clock, **({"logs": MemoryLogArchive()} | archives))


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
            mjd=63_000.1 + number * 0.01,
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
