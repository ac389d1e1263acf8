"""Who works in a rehearsed night: so many workers all night, or those that KEDA starts."""

import asyncio
import math
from typing import Final

from attrs import field, frozen

from entrypoints.rehearsal.errors import RehearsalError
from entrypoints.rehearsal.keda import JobRules
from entrypoints.rehearsal.night import RehearsedNight

__all__ = ["Keda", "Pool"]

_FOR_EVER: Final = 1e9


@frozen(kw_only=True)
class Keda:
    """How workers are started on demand; seconds."""

    rules: JobRules
    polling: float = field(default=2.0)
    """pollingInterval."""
    pod_start: float = field(default=20.0)
    """From the job's creation until its worker asks for work."""

    @polling.validator
    def _check(self, _: object, polling: float) -> None:
        if not 0 < polling < math.inf:
            raise RehearsalError(f"polling: {polling:g} s is not positive")


class Pool:
    """Starts workers.

    Parameters
    ----------
    night
        Makes them.
    workers
        So many that begin at once, each with another in its place when it ends; or KEDA's rules.
    """

    def __init__(self, night: RehearsedNight, workers: int | Keda) -> None:
        self._night = night
        self._workers = workers
        self._jobs: dict[asyncio.Task[None], str] = {}
        self._up: dict[str, asyncio.Task[None]] = {}
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.started = 0
        """Workers that were ever started."""

    @property
    def running(self) -> int:
        """Workers that ask for work, or have some."""
        return len(self._up)

    async def run(self) -> None:
        """Start workers until cancelled, and end them then."""
        try:
            if isinstance(self._workers, int):
                for _ in range(self._workers):
                    self._start(0.0)
                await self._failed
            else:
                await self._follow(self._workers)
        finally:
            jobs = list(self._jobs)
            self._jobs.clear()
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)

    def kill(self, number: int) -> None:
        """Kill so many of the workers, the oldest first."""
        for job in list(self._up.values())[:number]:
            job.cancel()

    async def _follow(self, keda: Keda) -> None:
        while not self._failed.done():
            starting = len(self._jobs) - self.running
            lag = self._night.queue.depth().waiting
            for _ in range(keda.rules.new_jobs(lag, len(self._jobs), starting)):
                self._start(keda.pod_start)
            await asyncio.sleep(keda.polling)
        await self._failed

    def _start(self, after: float) -> None:
        self.started += 1
        name = f"worker {self.started}"
        job = asyncio.ensure_future(self._work(name, after))
        self._jobs[job] = name
        job.add_done_callback(self._ended)

    async def _work(self, name: str, after: float) -> None:
        await asyncio.sleep(after)
        task = asyncio.current_task()
        if task is not None:
            self._up[name] = task
        settings = self._night.plan.settings
        idle = _FOR_EVER if isinstance(self._workers, int) else settings.listen_timeout
        worker = self._night.worker(name, idle_timeout=idle, recycle_after=settings.restart_freq)
        await worker.run(asyncio.Event())

    def _ended(self, job: asyncio.Task[None]) -> None:
        name = self._jobs.pop(job, None)
        if name is None:
            return
        self._up.pop(name, None)
        error = None if job.cancelled() else job.exception()
        if error is not None and not self._failed.done():
            self._failed.set_exception(error)
        elif isinstance(self._workers, int):
            self._start(0.0)
