"""What a site does by itself while no images come: one job at a time, each once for the same frames."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from attrs import frozen

from domain.errors import PromptProcessingError
from domain.retention import first_kept
from domain.times import UtcSeconds, day_obs_of
from domain.upkeep import Job, JobEnding, JobKind, JobRecord, JobResult, TakenFrames, due, is_idle
from entrypoints.site.upkeep.job_records import JobRecords
from ports.clock import Clock
from ports.incoming import FrameJournal
from ports.metrics import Counter, Metrics
from ports.work_queue import QueueUpkeep

__all__ = ["Disk", "Jobs", "SiteUpkeep", "UpkeepSettings"]

_LOG = logging.getLogger(__name__)

_LOOK_EVERY: Final = 30.0  # Seconds; more often where less idleness than ten times as much is enough.
_LEVELS: Final = {
    JobEnding.DONE: logging.INFO,
    JobEnding.INCOMPLETE: logging.WARNING,
    JobEnding.FAILED: logging.ERROR,
}


class Jobs(Protocol):
    """Does jobs."""

    async def do(self, job: Job, frames: TakenFrames) -> JobResult:
        """Do a job."""
        ...


class Disk(Protocol):
    """Watches the free space, and says what there is to be said."""

    def look(self, tonight: int, freed: int = 0) -> object:
        """Look, in the night that goes on; `freed` bytes were removed since the last look."""
        ...


@frozen(kw_only=True)
class UpkeepSettings:
    """When jobs are done, and which."""

    instrument: str
    day_begins: float
    """Hour (TAI) at which the camera's days begin."""
    idle_after: float
    """Seconds without a frame."""
    kinds: frozenset[JobKind]
    keep: tuple[int, ...] = ()
    """Nights that are kept of raws, and of images; 0: all."""


class SiteUpkeep:
    """Looks now and then whether the site is idle and anything is due, and does it.

    Parameters
    ----------
    settings
        When, and what.
    journal, queue, clock, metrics
        Where to look, and what to tell.
    jobs
        Does them.
    records
        How jobs ended.
    disk
        Watched all the time.
    tell
        Told what is under way, for people; blank if nothing is.
    """

    def __init__(
        self,
        settings: UpkeepSettings,
        *,
        journal: FrameJournal,
        queue: QueueUpkeep,
        clock: Clock,
        metrics: Metrics,
        jobs: Jobs,
        records: JobRecords,
        disk: Disk,
        tell: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._queue = queue
        self._clock = clock
        self._metrics = metrics
        self._jobs = jobs
        self._records = records
        self._disk = disk
        self._tell = tell
        self._frames = TakenFrames()
        self._read_until: UtcSeconds | None = None
        self._last_frame = clock.utc()

    async def run(self) -> None:
        """Keep the site until cancelled, which ends a job that is under way; it is done again."""
        failing = False
        pause = min(_LOOK_EVERY, max(1.0, self._settings.idle_after / 10))
        while True:
            try:
                busy = await self.look()
            except (PromptProcessingError, OSError) as error:
                if not failing:
                    _LOG.error("what a site does by itself waits, retrying: %s", error)
                busy, failing = False, True
            else:
                failing = False
            if not busy:
                await asyncio.sleep(pause)

    async def look(self) -> bool:
        """Do the next job if there is time and one is due; whether there was one.

        Raises
        ------
        domain.errors.PromptProcessingError
            Raised if journal or queue cannot be reached.
        OSError
            Raised if the record of a job cannot be written.
        """
        self._disk.look(self._tonight())
        await self._read_journal()
        depth = await self._queue.depth()
        now = self._clock.utc()
        if not is_idle(now, self._last_frame, depth.unfinished, self._settings.idle_after):
            return False
        tonight = self._tonight()
        bounds = (first_kept(tonight, days) for days in self._settings.keep)
        jobs = due(
            self._frames,
            self._records.read(),
            tonight=tonight,
            kinds=self._settings.kinds,
            first_kept=[bound for bound in bounds if bound is not None],
        )
        if jobs:
            await self._do(jobs[0])
        return bool(jobs)

    def _tonight(self) -> int:
        return int(f"{day_obs_of(self._clock.utc(), self._settings.day_begins):%Y%m%d}")

    async def _read_journal(self) -> None:
        records = await self._journal.records(self._read_until)
        self._frames = self._frames.with_records(records)
        for record in records:
            self._read_until = record.noted
            if record.ending.is_kept:
                # Of a clock that was set back, no frame may stand in the future.
                self._last_frame = max(self._last_frame, min(record.noted, self._clock.utc()))

    async def _do(self, job: Job) -> None:
        what = f"{job.kind.value} of {job.night}"
        _LOG.info("no images: doing %s", what)
        self._tell(what)
        try:
            result = await self._jobs.do(job, self._frames)
        finally:
            self._tell("")
        ending, said = result.ending, result.said
        self._disk.look(self._tonight(), result.freed)
        self._records.add(JobRecord(job=job, ending=ending, said=said, ended=self._clock.utc()))
        for what, number in result.removed.items():
            self._metrics.count(Counter.SITE_REMOVED, number, instrument=self._settings.instrument, what=what)
        self._metrics.count(
            Counter.SITE_JOBS,
            instrument=self._settings.instrument,
            kind=job.kind.value,
            ending=ending.value,
        )
        again = "" if ending is JobEnding.DONE else "; tried again when there are other frames"
        _LOG.log(_LEVELS[ending], "%s: %s: %s%s", what, ending.value, said, again)
