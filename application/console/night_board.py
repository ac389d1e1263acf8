"""A night as ledger, queue and neighbours tell it, read by one reader for all who look."""

import asyncio
import datetime
import itertools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final

from attrs import evolve

from application.console.night_state import BoardState, no_work_yet
from application.console.nights import last_night, of_night, records_of_night
from domain.errors import PromptProcessingError
from domain.results.night_view import NeighbourHealth, NightView, QueueCounts
from domain.times import UtcSeconds, begin_of_day_obs, day_obs_of
from domain.work.attempts import AttemptRecord
from ports.clock import Clock
from ports.ledger import Ledger
from ports.work_queue import QueueUpkeep

__all__ = ["KeptNightBoard", "LedgerNightBoard", "Look"]

_LOG = logging.getLogger(__name__)
_RECENT: Final = 300.0  # Seconds; of a long night these visits are read first.
_AT_ONCE: Final = 5_000  # Records, after which whoever waits for an answer gets one.
_OVERLAP: Final = (
    3.0  # Seconds by which two looks overlap: transactions end in another order than they began.
)
_PATIENCE: Final = 5.0  # Seconds for the answer of a neighbour.

type Look = Callable[[], Awaitable[str]]
"""Asks a neighbour whether it is there and returns what it says; raises the project's own error if not."""


class LedgerNightBoard:
    """`ports.night_board.NightBoard` of the night that goes on.

    Parameters
    ----------
    instrument
        Whose.
    ledger
        Followed by what was recorded last.
    clock
        Says which night it is.
    queue
        Asked for its depth; None if there is none.
    neighbours
        Asked whether they are there, by name.
    pause, queue_pause, neighbours_pause
        Seconds between two looks at the ledger, at the queue, and at each neighbour.
    """

    def __init__(
        self,
        *,
        instrument: str,
        ledger: Ledger,
        clock: Clock,
        queue: QueueUpkeep | None = None,
        neighbours: Mapping[str, Look] | None = None,
        pause: float = 1.0,
        queue_pause: float = 5.0,
        neighbours_pause: float = 30.0,
    ) -> None:
        self._instrument = instrument
        self._ledger = ledger
        self._clock = clock
        self._queue = queue
        self._neighbours = neighbours or {}
        self._pause = pause
        self._queue_pause = queue_pause
        self._neighbours_pause = neighbours_pause
        self._health: dict[str, NeighbourHealth] = {}
        now = clock.utc()
        self._state = BoardState(no_work_yet(instrument, day_obs_of(now), now), _first_version(now))
        self._read_until: UtcSeconds | None = None
        """What was recorded before is known; None before the first look at a night."""

    def view(self) -> NightView:
        """Give all of the night."""
        return self._state.view()

    def changes(self, since: int) -> AsyncIterator[NightView]:
        """Give what changes after a version, as it happens."""
        return self._state.changes(since)

    async def run(self) -> None:
        """Follow the night, and each one after it, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_ledger())
            tasks.create_task(self._follow_queue())
            for name, look in self._neighbours.items():
                tasks.create_task(self._follow_neighbour(name, look))

    async def _follow_ledger(self) -> None:
        while True:
            fault = ""
            try:
                await self._read()
            except PromptProcessingError as error:
                fault = str(error)
            self._note("ledger", fault)
            await asyncio.sleep(self._pause)

    async def _read(self) -> None:
        now = self._clock.utc()
        night = day_obs_of(now)
        if night != self._state.summary.night:
            summary = evolve(
                no_work_yet(self._instrument, night, now),
                queue=self._state.summary.queue,
                neighbours=self._state.summary.neighbours,
            )
            self._state.begin(summary, _first_version(now))
            self._read_until = None
        begin = begin_of_day_obs(night)
        if self._read_until is None:
            await self._take(max(begin, UtcSeconds(now - _RECENT)), begin)
            await self._take(begin, begin)
        else:
            await self._take(UtcSeconds(self._read_until - _OVERLAP), begin)

    async def _take(self, since: UtcSeconds, begin: UtcSeconds) -> None:
        records = await self._ledger.latest(self._instrument, since)
        now = self._clock.utc()
        self._state.told((), evolve(self._state.summary, at=now))
        for some in itertools.batched(of_night(records, begin), _AT_ONCE, strict=False):
            self._state.told(some, self._state.summary)
            await asyncio.sleep(0)
        # By the ledger's own clock, which stamped the records; a stamp of the future would hide what follows.
        latest = max((_last_stamp(record) for record in records), default=begin)
        self._read_until = min(max(latest, self._read_until or begin), now)

    async def _follow_queue(self) -> None:
        while True:
            await self._look_at_queue()
            await asyncio.sleep(self._queue_pause)

    async def _follow_neighbour(self, name: str, look: Look) -> None:
        while True:
            await self._look_at(name, look)
            await asyncio.sleep(self._neighbours_pause)

    async def _look_at_queue(self) -> None:
        if self._queue is None:
            return
        queue = self._queue
        counts: QueueCounts | None = None

        async def look() -> str:
            nonlocal counts
            depth = await queue.depth()
            counts = QueueCounts(
                waiting=depth.waiting, leased=depth.leased, dead=depth.dead, delayed=depth.delayed
            )
            return ""

        await self._look_at("queue", look)
        self._state.told((), evolve(self._state.summary, queue=counts))

    async def _look_at(self, name: str, look: Look) -> None:
        fault, said = "", ""
        try:
            async with asyncio.timeout(_PATIENCE):
                said = await look()
        except TimeoutError:
            fault = f"no answer within {_PATIENCE:g} s"
        except PromptProcessingError as error:
            fault = str(error)
        self._note(name, fault, said)

    def _note(self, name: str, fault: str, said: str = "") -> None:
        """Say in the summary whether a neighbour was reached, and in the log whenever that changes."""
        health = NeighbourHealth(name=name, is_reached=not fault, detail=fault or said)
        before = self._health.get(name)
        self._health[name] = health
        if fault and (before is None or before.is_reached):
            _LOG.warning("%s cannot be reached, the console shows what it knew before: %s", name, fault)
        elif not fault and before is not None and not before.is_reached:
            _LOG.info("%s is reached again", name)
        self._state.told((), evolve(self._state.summary, neighbours=tuple(self._health.values())))


class KeptNightBoard:
    """`ports.night_board.NightBoard` of a night as it was read once.

    Parameters
    ----------
    instrument
        Whose.
    ledger
        What was kept of it, maybe among other nights.
    clock
        For the version.
    night
        Which; None is the last one of which anything is known.
    may_go_on
        Whether somebody may still add to it, as to a site's; such a night is over with its observing day.
    """

    def __init__(
        self,
        *,
        instrument: str,
        ledger: Ledger,
        clock: Clock,
        night: datetime.date | None = None,
        may_go_on: bool = False,
    ) -> None:
        self._clock = clock
        self._may_go_on = may_go_on
        self._instrument = instrument
        self._ledger = ledger
        self._night = night
        now = clock.utc()
        self._state = BoardState(no_work_yet(instrument, night or day_obs_of(now), now), _first_version(now))

    def view(self) -> NightView:
        """Give all of the night."""
        return self._state.view()

    def changes(self, since: int) -> AsyncIterator[NightView]:
        """Give all of the night, once it was read, and end."""
        return self._state.changes(since)

    async def run(self) -> None:
        """Read it, once."""
        night = self._night or await last_night(self._ledger, self._instrument)
        night = night or self._state.summary.night
        records = await records_of_night(self._ledger, self._instrument, night)
        at = max(map(_last_stamp, records), default=begin_of_day_obs(night))
        goes_on = self._may_go_on and night >= day_obs_of(self._clock.utc())
        summary = evolve(no_work_yet(self._instrument, night, at), is_live=False, goes_on=goes_on)
        self._state.told(records, summary)


def _last_stamp(record: AttemptRecord) -> UtcSeconds:
    return record.ended or record.stage_begun or record.begun


def _first_version(now: UtcSeconds) -> int:
    """Choose a version beyond all that a process before this one can have given."""
    return int(now * 1000)
