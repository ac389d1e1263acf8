"""What a site does by itself: when, how often, and what it says of it."""

import asyncio
import logging
from pathlib import Path

import pytest
from attrs import evolve

from adapters.memory.frames.frame_journal import MemoryFrameJournal
from adapters.memory.metrics import MemoryMetrics
from domain.raws.frame_files import Ending, FrameFile, FrameRecord, TakenFrame
from domain.times import UtcSeconds, begin_of_day_obs, day_obs_of
from domain.upkeep import Job, JobEnding, JobKind, JobResult, TakenFrames
from entrypoints.settings.site import SiteFolder
from entrypoints.site.upkeep.disk_watch import DiskWatch, disk_forecast
from entrypoints.site.upkeep.idle_work import SiteUpkeep, UpkeepSettings
from entrypoints.site.upkeep.job_records import JobRecords
from entrypoints.site.upkeep.jobs import CommandFailedError, run_command
from ports.metrics import Counter
from ports.work_queue import QueueDepth
from tests.contract_suites.samples import an_exposure

BEGIN = begin_of_day_obs(day_obs_of(UtcSeconds(1_773_454_500.0)))
TONIGHT = 20260313
GB = 10**9


class Queue:
    depths = QueueDepth(waiting=0, leased=0, dead=3)

    async def depth(self) -> QueueDepth:
        return self.depths


class Jobs:
    def __init__(self) -> None:
        self.done: list[tuple[str, int, int]] = []
        self.ending = JobEnding.DONE

    async def do(self, job: Job, frames: TakenFrames) -> JobResult:
        nights = frames.calibrations if job.kind is JobKind.CALIBRATIONS else frames.science
        self.done.append((job.kind.value, job.night, len(nights[job.night])))
        return JobResult(ending=self.ending, said="so it ended")


class Site:
    """A site whose supervisor may be started anew."""

    def __init__(self, folder: Path) -> None:
        self.now = UtcSeconds(BEGIN + 3600.0)
        self.journal = MemoryFrameJournal()
        self.queue = Queue()
        self.jobs = Jobs()
        self.metrics = MemoryMetrics()
        self.records = JobRecords(folder / "jobs.json")
        self.told: list[str] = []
        self.free = 100 * GB
        self.disk_told: list[str] = []
        self.folder = SiteFolder(folder)
        self.folder.state.mkdir()
        self.upkeep = self.start()

    def utc(self) -> UtcSeconds:
        return self.now

    def start(self) -> SiteUpkeep:
        self.upkeep = SiteUpkeep(
            UpkeepSettings(
                instrument="TestCam",
                day_begins=12.0,
                idle_after=600.0,
                kinds=frozenset({JobKind.CALIBRATIONS, JobKind.TEMPLATES, JobKind.RETENTION}),
            ),
            journal=self.journal,
            queue=self.queue,  # type: ignore[arg-type]  # only its depth is asked for
            clock=self,
            metrics=self.metrics,
            jobs=self.jobs,
            records=self.records,
            disk=DiskWatch(self.folder, self.disk_told.append, lambda _: self.free),
            tell=self.told.append,
        )
        return self.upkeep

    async def take(self, number: int, night: int, ending: Ending) -> None:
        exposure = evolve(an_exposure(number), instrument="TestCam", day_obs=night)
        path = f"/in/{number}.fits"
        frame = TakenFrame(path=path, key=f"{number}.fits", exposure=exposure)
        file = FrameFile(path=path, size=1, modified_ns=number)
        await self.journal.note(FrameRecord(file=file, ending=ending, frames=(frame,), noted=self.now))

    async def look_until_nothing_is_due(self) -> None:
        while await self.upkeep.look():
            assert len(self.jobs.done) < 20


async def test_jobs_wait_until_no_frame_has_come_for_a_while_and_nothing_is_left_to_do(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path)
    await site.take(1, TONIGHT, Ending.CALIBRATION)
    assert not await site.upkeep.look()
    site.now = UtcSeconds(site.now + 599.0)
    await site.take(2, TONIGHT, Ending.CALIBRATION)
    site.now = UtcSeconds(site.now + 599.0)
    assert not await site.upkeep.look()
    site.now = UtcSeconds(site.now + 1.0)
    site.queue.depths = QueueDepth(waiting=0, leased=1, dead=0)
    assert not await site.upkeep.look()
    site.queue.depths = Queue.depths
    await site.look_until_nothing_is_due()
    assert site.jobs.done == [("calibrations", TONIGHT, 2)]
    assert site.told == [f"calibrations of {TONIGHT}", ""]


async def test_a_failure_is_said_once_and_tried_again_only_with_other_frames(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(tmp_path)
    site.jobs.ending = JobEnding.FAILED
    await site.take(1, TONIGHT - 1, Ending.TAKEN)
    await site.take(2, TONIGHT, Ending.TAKEN)
    for _ in range(3):  # Restarts included.
        site.now = UtcSeconds(site.now + 601.0)
        await site.look_until_nothing_is_due()
        site.start()
    assert site.jobs.done == [("templates", TONIGHT - 1, 1)]
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert errors == [
        f"templates of {TONIGHT - 1}: failed: so it ended; tried again when there are other frames"
    ]
    assert site.metrics.total(Counter.SITE_JOBS, kind="templates", ending="failed") == 1
    site.now = UtcSeconds(site.now + 86_400.0)
    await site.look_until_nothing_is_due()
    assert site.jobs.done[1:] == [("templates", TONIGHT, 1)]


async def test_a_damaged_record_of_jobs_costs_doing_them_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(tmp_path)
    await site.take(1, TONIGHT, Ending.CALIBRATION)
    site.now = UtcSeconds(site.now + 601.0)
    await site.look_until_nothing_is_due()
    assert len(site.records.read()) == 1
    (tmp_path / "jobs.json").write_text('{"jobs": [{"kind": "tea"}]}')
    await site.look_until_nothing_is_due()
    assert [night for _, night, _ in site.jobs.done] == [TONIGHT, TONIGHT]
    assert "cannot be read" in caplog.text


async def test_a_command_that_fails_says_why_and_one_that_is_stopped_ends() -> None:
    with pytest.raises(CommandFailedError, match=r"^No such command 'tea'"):
        await run_command("tea")
    running = asyncio.create_task(run_command("calibrations", "--help"))
    await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_disk_that_fills_is_said_once_a_night_in_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(tmp_path)
    warnings = []
    for _ in range(4):  # 30 GB each: the fourth night has no room.
        for _ in range(10):
            await site.upkeep.look()
            site.free -= 3 * GB
            site.now = UtcSeconds(site.now + 86_400.0 / 10)
        warnings.append([record.getMessage() for record in caplog.records])
        caplog.clear()
        site.start()  # It is known over a restart.
    assert [len(said) for said in warnings] == [0, 0, 1, 1]
    assert warnings[2][0].startswith(f"disk of {tmp_path}: ")
    assert "a night takes 27.0 GB: it may be full before the next night is over" in warnings[2][0]
    assert site.disk_told[0] == ""
    assert "may be full" in site.disk_told[-1]
    assert disk_forecast(site.folder).night == 27 * GB
    site.folder.disk.write_text("[{}]")
    assert disk_forecast(site.folder).night == 0
