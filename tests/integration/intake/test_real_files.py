"""The intake on real files and a real SQLite file, killed in between, and what a worker finds afterwards."""

import asyncio
import contextlib
import gzip
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from attrs import evolve, frozen

from adapters.folder.frame_reader import FolderFrameReader
from adapters.folder.image_store import FolderImageStore
from adapters.folder.incoming_files import FolderIncomingFiles
from adapters.folder.raw_keeper import FolderRawKeeper
from adapters.folder.watched_folder import WatchPolicy
from adapters.host.clock import SystemClock
from adapters.memory.metrics import MemoryMetrics
from adapters.memory.raws.raw_notifications import MemoryRawNotifications
from adapters.sqlite.frame_journal import SqliteFrameJournal
from adapters.sqlite.raw_index import SqliteRawIndex
from adapters.sqlite.work_publisher import SqliteWorkPublisher
from adapters.sqlite.work_queue import SqliteWorkQueue
from application.intake.keep_frames import FrameKeeping, VisitPolicy
from application.intake.take_in_frames import FrameIntake, IntakePolicy
from application.raw_lookup import IndexLookup
from application.sidecars import Sidecars
from application.worker.find_raws import RawSearch, SearchPolicy
from domain.cameras.camera import Camera, RawKeys, RawKeyScheme
from domain.raws.raws import RawImage
from domain.visit import VisitDetector
from tests.unit.application.intake.site import Fuse, Fused, Killed
from tests.unit.simulator.cameras import make_camera

GROUPED = make_camera(scheme=RawKeyScheme.GROUPED)
MOSAIC = evolve(
    GROUPED,
    detectors=tuple(evolve(each, hdu=each.name) for each in GROUPED.detectors),
    raw_keys=RawKeys(scheme=RawKeyScheme.MOSAIC),
)
LSST = make_camera()


@frozen
class Folders:
    """A site's folder."""

    root: Path
    camera: Camera

    @contextlib.asynccontextmanager
    async def intake(self, fuse: Fuse) -> AsyncIterator[FrameIntake]:
        """Start the process anew."""
        async with contextlib.AsyncExitStack() as stack:
            enter, address = stack.enter_async_context, f"sqlite:///{self.root}/work.db"
            ports: dict[str, Any] = {
                "keeper": Fused(await enter(FolderRawKeeper(self.root / "raws")), fuse),
                "index": Fused(await enter(SqliteRawIndex(address)), fuse),
                "journal": Fused(await enter(SqliteFrameJournal(address)), fuse),
                "publisher": Fused(
                    await enter(SqliteWorkPublisher(address, instruments=["TestCam"], old_after=7200.0)), fuse
                ),
            }
            common: dict[str, Any] = {"clock": SystemClock(), "metrics": MemoryMetrics()}
            incoming = [self.root / "incoming"]
            yield FrameIntake(
                instrument="TestCam",
                policy=IntakePolicy(settle=1.0, give_up=1.0, look_again=0.1),
                incoming=await enter(FolderIncomingFiles(incoming, WatchPolicy(quiet=0.1, check_every=0.1))),
                reader=await enter(FolderFrameReader(self.camera)),
                keeping=FrameKeeping(
                    camera=self.camera,
                    policy=VisitPolicy(),
                    store=await enter(FolderImageStore(self.root / "raws")),
                    **ports,
                    **common,
                ),
                journal=ports["journal"],
                **common,
            )

    async def live(self, steps: int | None, seconds: float) -> bool:
        """Run the process until it is killed; whether it lived for so long."""
        try:
            async with self.intake(Fuse(steps)) as intake, asyncio.timeout(seconds):
                await intake.run()
        except TimeoutError:
            return True
        except Killed:
            pass
        return False

    async def endings(self) -> dict[str, str]:
        """Tell what became of each file, as it was last."""
        async with SqliteFrameJournal(f"{self.root}/work.db") as journal:
            records = await journal.records()
        return {Path(one.file.path).name: one.ending.value for one in records}

    async def work(self) -> list[VisitDetector]:
        """List what is queued, each once."""
        found: dict[VisitDetector, None] = {}
        async with SqliteWorkQueue(f"{self.root}/work.db", queue="TestCam", consumer="eyes") as queue:
            while (lease := await queue.lease(0.0)) is not None:
                assert lease.work is not None
                found[lease.work] = None
        return list(found)

    async def found(self, work: VisitDetector) -> list[RawImage]:
        """Let a worker look for the raws of a visit-detector."""
        found: list[RawImage] = []
        address = f"{self.root}/work.db"
        async with FolderImageStore(self.root / "raws") as store, SqliteRawIndex(address) as index:
            search = RawSearch(
                camera=self.camera,
                notifications=MemoryRawNotifications(self.camera),
                store=store,
                lookup=IndexLookup(index),
                sidecars=Sidecars(self.camera, store),
                clock=SystemClock(),
                policy=SearchPolicy(),
            )
            assert not await search.look_again(work, found.append)
        return found


def hdu(number: int, slot: str = "S12", dtype: type = np.uint16, **cards: object) -> fits.ImageHDU:
    image = fits.ImageHDU(np.full((160, 236), 3, dtype))
    image.header.update(
        {
            "INSTRUME": "TestCam",
            "GROUPID": f"g {number}#1",
            "CURINDEX": 1,
            "DAYOBS": 20260313,
            "SEQNUM": number,
            "OBSID": f"TC_O_20260313_{number:06d}",
            "FILTER": "r_test",
            "EXPTIME": 30.0,
            "DATE-BEG": f"2026-03-14T02:{number:02d}:00",
            "IMGTYPE": "OBJECT",
            "RAFTBAY": "R22",
            "CCDSLOT": slot,
            "EXTNAME": f"R22_{slot}",
        }
        | cards
    )
    return image


def write(folder: Path, name: str, *hdus: fits.ImageHDU) -> Path:
    path = folder / name
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
    return path


async def dribble(path: Path, content: bytes) -> None:
    """Write as a slow camera does, a piece at a time."""
    for at in range(0, len(content), len(content) // 5):
        with path.open("ab") as file:
            file.write(content[at : at + len(content) // 5])
        await asyncio.sleep(0.3)


@pytest.mark.parametrize("steps", [None, 3, 11, 23])
async def test_each_file_ends_as_it_should_whoever_writes_it_and_however(
    tmp_path: Path, steps: int | None
) -> None:
    site, incoming, beside = Folders(tmp_path, GROUPED), tmp_path / "incoming", tmp_path / "beside"
    incoming.mkdir()
    beside.mkdir()
    write(incoming, "whole.fits", hdu(1))
    (incoming / "again.fits.gz").write_bytes(gzip.compress((incoming / "whole.fits").read_bytes()))
    write(incoming, "bias.fits", hdu(2, IMGTYPE="BIAS"))
    write(incoming, "other.fits", hdu(1, OBSERVER="somebody else"))
    os.utime(incoming / "other.fits", (4e9, 4e9))
    write(incoming, "copy.fits", hdu(1, dtype=np.float32))
    (incoming / "page.fits").write_text("<html>" * 1000)
    truncated = write(incoming, "cut.fits", hdu(3))
    truncated.write_bytes(truncated.read_bytes()[:40_000])
    write(beside, "moved.fits", hdu(4))
    slow = write(beside, "slow.fits", hdu(5)).read_bytes()

    async def observe() -> None:
        await asyncio.sleep(0.2)
        (beside / "moved.fits").rename(incoming / "moved.fits")
        await dribble(incoming / "slow.fits", slow)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(observe())
        while not await site.live(steps, 4.0):
            steps = None if steps is None else steps * 2
    assert await site.endings() == {
        "whole.fits": "taken",
        "again.fits.gz": "copy",
        "bias.fits": "calibration",
        "other.fits": "differs",
        "copy.fits": "copy",
        "page.fits": "refused",
        "cut.fits": "unfinished",
        "moved.fits": "taken",
        "slow.fits": "taken",
    }
    work = await site.work()
    assert sorted(each.visit.group for each in work) == ["g 1#1", "g 4#1", "g 5#1"]
    for each in work:
        (raw,) = {raw.exposure: raw for raw in await site.found(each)}.values()
        assert fits.getheader(raw.uri.removeprefix("file://").replace("%20", " ").replace("%23", "#"), 1)


@pytest.mark.parametrize("scheme", [RawKeyScheme.GROUPED, RawKeyScheme.MOSAIC])
@pytest.mark.parametrize("steps", [None, 7])
async def test_exposures_of_a_counter_that_began_again_get_numbers_of_their_own(
    tmp_path: Path, scheme: RawKeyScheme, steps: int | None
) -> None:
    camera = MOSAIC if scheme is RawKeyScheme.MOSAIC else GROUPED
    computed = {"obs_id", "group", "snap", "end", "day_obs"}
    facts = {fact: rules for fact, rules in LSST.header.facts.items() if fact not in computed}
    site = Folders(tmp_path, evolve(camera, header=evolve(LSST.header, facts=facts)))
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    for name, minute in (("a.fits", 1), ("again.fits", 21)):
        hdus = [hdu(1, slot) for slot in ("S00", "S12")]
        for one in hdus:
            one.header["DATE-BEG"] = f"2026-03-14T02:{minute:02d}:00"
        if camera is MOSAIC:
            write(incoming, name, *hdus)
        else:
            for one in hdus:
                write(incoming, f"{one.name}_{name}", one)
    (incoming / "copy.fits").write_bytes(next(incoming.glob("*again.fits")).read_bytes())
    os.utime(incoming / "copy.fits", (4e9, 4e9))
    while not await site.live(steps, 2.0):
        steps = None if steps is None else steps * 2
    endings = await site.endings()
    assert endings.pop("copy.fits") == "copy"
    assert set(endings.values()) == {"taken"}
    work = await site.work()
    # Of the day that began at noon, 51660 is the second.
    groups = ("TestCam_2026031300001", "TestCam_2026031351660")
    assert sorted((each.visit.group, each.detector) for each in work) == [
        (group, detector) for group in groups for detector in (0, 5)
    ]
    for each in work:
        (number,) = {raw.exposure for raw in await site.found(each)}
        assert each.visit.group.endswith(str(number))


@pytest.mark.parametrize("camera", [MOSAIC, LSST], ids=["mosaic", "sidecars"])
async def test_a_worker_finds_the_detectors_of_other_schemes(tmp_path: Path, camera: Camera) -> None:
    site, incoming = Folders(tmp_path, camera), tmp_path / "incoming"
    incoming.mkdir()
    if camera is MOSAIC:
        write(incoming, "a.fits", hdu(1, "S00"), hdu(1, "S12"))
    else:
        write(incoming, "a.fits", hdu(1, "S00"))
        write(incoming, "b.fits", hdu(1, "S12"))
    assert await site.live(None, 2.0)
    work = await site.work()
    assert sorted(each.detector for each in work) == [0, 5]
    for each in work:
        assert {raw.key.detector for raw in await site.found(each)} == {each.detector}
