"""Play one night on a virtual clock."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from attrs import frozen

from domain.work.attempts import AttemptRecord
from entrypoints.rehearsal.errors import RehearsalError
from entrypoints.rehearsal.faults import Fault
from entrypoints.rehearsal.night import NightPlan, RehearsedNight
from entrypoints.rehearsal.pool import Keda, Pool

try:
    import looptime
except ImportError as error:  # pragma: no cover - it comes with the extra
    raise RehearsalError("rehearse needs looptime: pip install 'prompt-processing[simulator]'") from error

__all__ = ["LONGEST", "Moment", "Played", "play"]

LONGEST: Final = 79_200.0
"""Seconds of a night at most: one observing day, less the time to work off what is left."""
_BETWEEN_LOOKS: Final = 5.0
_LEFT: Final = 4500.0
"""Seconds after the last visit until what is not finished then is left: longer than announcements last."""


@frozen
class Moment:
    """How it looked at one time."""

    when: float
    """Seconds since the night began."""
    waiting: int
    """Visit-detectors that no worker has leased."""
    busy: int
    """Workers with a visit-detector, postponed ones aside."""
    running: int
    """Workers."""


@frozen(kw_only=True)
class Played:
    """What became of a night."""

    plan: NightPlan
    records: Sequence[AttemptRecord]
    """The last of each visit-detector that any worker began."""
    moments: Sequence[Moment]
    started: int
    """Workers that were started."""


def play(plan: NightPlan, workers: int | Keda, step: Callable[[], None] = lambda: None) -> Played:
    """Play a night; `step` is called for each minute, and ends it by what it raises.

    Raises
    ------
    RehearsalError
        Raised if the night is too long for one observing day.
    """
    if plan.visits[-1].closed > LONGEST:
        raise RehearsalError(
            f"the last shutter closes {plan.visits[-1].closed / 3600:.1f} h after the night begins:"
            f" a night has {LONGEST / 3600:.0f} h at most"
        )
    # A night has thousands of lines that nobody reads, and they take longer than all else.
    logging.disable(logging.CRITICAL)
    try:
        # Nothing comes from outside, so that the loop need not look around before its time jumps.
        with asyncio.Runner(loop_factory=lambda: looptime.new_event_loop(noop_cycles=1)) as runner:
            return runner.run(_play(plan, workers, step))
    finally:
        logging.disable(logging.NOTSET)


async def _play(plan: NightPlan, workers: int | Keda, step: Callable[[], None]) -> Played:
    night = RehearsedNight(plan)
    await night.open()
    pool = Pool(night, workers)
    working = asyncio.ensure_future(pool.run())
    breaking = [asyncio.ensure_future(_befall(night, pool, fault)) for fault in plan.faults]
    observing = asyncio.ensure_future(night.observe())
    try:
        moments = await _watched(night, pool, (working, observing), step)
        records = await night.ledger.latest(night.camera.instrument)
        return Played(plan=plan, records=records, moments=moments, started=pool.started)
    finally:
        for task in (observing, working, *breaking):
            task.cancel()
        await asyncio.gather(observing, working, *breaking, return_exceptions=True)
        await night.close()


async def _watched(
    night: RehearsedNight, pool: Pool, tasks: Sequence[asyncio.Future[None]], step: Callable[[], None]
) -> Sequence[Moment]:
    """Look at the night until everything is finished, or nothing more is to be expected."""
    loop = asyncio.get_running_loop()
    last = night.plan.visits[-1].closed
    end = max(last, *(fault.end for fault in night.plan.faults), 0.0) + _LEFT
    minutes = 0
    moments: list[Moment] = []
    while True:
        while minutes < loop.time() / 60:
            step()
            minutes += 1
        depth = night.queue.depth()
        moments.append(Moment(loop.time(), depth.waiting, depth.leased, pool.running))
        for task in tasks:
            if task.done():
                task.result()
        is_over = loop.time() > last and not depth.unfinished and not night.announcements.unsettled
        if is_over or loop.time() > end:
            return moments
        await asyncio.sleep(_BETWEEN_LOOKS)


async def _befall(night: RehearsedNight, pool: Pool, fault: Fault) -> None:
    if fault.kind == "kill worker":
        await asyncio.sleep(fault.begin - asyncio.get_running_loop().time())
        pool.kill(fault.number)
    else:
        await night.befall(fault)
