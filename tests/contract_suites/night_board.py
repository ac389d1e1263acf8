"""What every view of a night must hold, told by hand or following a ledger."""

import abc
import asyncio
from collections.abc import AsyncIterator
from typing import Any

from domain.results.night_view import NightView
from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.attempts import Attempt, AttemptRecord
from domain.work.outcomes import Completed, FailedBeforeChange
from ports.night_board import NightBoard

__all__ = [
    "INSTRUMENT",
    "NIGHT_BEGAN",
    "NightBench",
    "NightBoardContract",
    "a_record",
    "an_attempt_under_way",
]

INSTRUMENT = "Lowell"
NIGHT_BEGAN = 1_773_454_000.0
_DONE = Completed(pipeline="ApPipe")


def a_record(group: str = "g1", detector: int = 1, **changes: Any) -> AttemptRecord:
    """Make the record of an attempt that was completed in time."""
    fields: dict[str, Any] = {
        "attempt": Attempt(Identity(INSTRUMENT, group, detector), 1),
        "worker": f"worker-{detector}",
        "begun": UtcSeconds(NIGHT_BEGAN + 10),
        "ended": UtcSeconds(NIGHT_BEGAN + 50),
        "outcome": _DONE,
        "final": True,
        "since_shutter": 32.5,
    }
    return AttemptRecord(**(fields | changes))


def an_attempt_under_way(group: str = "g1", detector: int = 1, **changes: Any) -> AttemptRecord:
    unended = {"ended": None, "outcome": None, "final": False, "since_shutter": None}
    return a_record(group, detector, **(unended | changes))


class NightBench(abc.ABC):
    """A board, and the night that it looks at."""

    board: NightBoard

    @abc.abstractmethod
    async def tell(self, *records: AttemptRecord) -> None:
        """Let records be found in the night, and wait until the board knows them."""

    @abc.abstractmethod
    async def end(self) -> None:
        """Let the board be one of a night that was kept."""


class NightBoardContract:
    """Tests of `ports.night_board.NightBoard`."""

    async def test_a_night_without_work_is_empty(self, bench: NightBench) -> None:
        view = bench.board.view()
        assert view.visits == ()
        assert (view.summary.instrument, view.summary.under_way) == (INSTRUMENT, 0)

    async def test_visits_come_in_the_order_in_which_they_began(self, bench: NightBench) -> None:
        await bench.tell(
            a_record("late", begun=UtcSeconds(NIGHT_BEGAN + 60), ended=UtcSeconds(NIGHT_BEGAN + 90)),
            a_record("early", 2),
            a_record("early", 1),
        )
        visits = bench.board.view().visits
        assert [(visit.group, sorted(visit.detectors)) for visit in visits] == [
            ("early", [1, 2]),
            ("late", [1]),
        ]

    async def test_counts_are_those_of_the_records(self, bench: NightBench) -> None:
        await bench.tell(
            a_record(detector=1),
            a_record(detector=2, since_shutter=75.0),
            a_record(detector=3, outcome=FailedBeforeChange(reason="no calibrations")),
            a_record(detector=4, outcome=FailedBeforeChange(reason="no calibrations"), final=False),
            an_attempt_under_way(detector=5, worker="one"),
            an_attempt_under_way(detector=6, worker="one"),
        )
        summary = bench.board.view().summary
        assert dict(summary.outcomes) == {"completed": 2, "failed before change": 1}
        assert dict(summary.promptness) == {"in time": 1, "late": 1, "failed": 1}
        assert (summary.under_way, summary.to_follow, summary.workers) == (2, 1, 1)

    async def test_changes_carry_only_what_changed(self, bench: NightBench) -> None:
        await bench.tell(an_attempt_under_way("g1", 1), an_attempt_under_way("g1", 2), a_record("g2"))
        before = bench.board.view()
        changes = bench.board.changes(before.version)
        await bench.tell(a_record("g1", 2))
        change = await _next(changes)
        assert change.version > before.version
        assert [(visit.group, list(visit.detectors)) for visit in change.visits] == [("g1", [2])]
        assert change.visits[0].detectors[2].outcome == _DONE
        assert change.summary == bench.board.view().summary

    async def test_what_changed_meanwhile_comes_at_once_and_together(self, bench: NightBench) -> None:
        version = bench.board.view().version
        await bench.tell(a_record("g1"))
        await bench.tell(a_record("g2"))
        change = await _next(bench.board.changes(version))
        assert [visit.group for visit in change.visits] == ["g1", "g2"]

    async def test_an_unknown_version_brings_all_of_the_night(self, bench: NightBench) -> None:
        await bench.tell(a_record("g1"), a_record("g2"))
        view = bench.board.view()
        for version in (-1, 0, view.version + 1000):
            assert await _next(bench.board.changes(version)) == view

    async def test_the_same_again_is_no_change(self, bench: NightBench) -> None:
        await bench.tell(a_record())
        version = bench.board.view().version
        await bench.tell(a_record())
        assert bench.board.view().version == version

    async def test_all_viewers_see_the_same(self, bench: NightBench) -> None:
        version = bench.board.view().version
        viewers = [asyncio.create_task(_next(bench.board.changes(version))) for _ in range(80)]
        await asyncio.sleep(0)
        await bench.tell(a_record())
        seen = await asyncio.gather(*viewers)
        assert all(one == seen[0] for one in seen)

    async def test_changes_of_a_kept_night_end(self, bench: NightBench) -> None:
        await bench.tell(a_record())
        await bench.end()
        async with asyncio.timeout(10):
            views = [view async for view in bench.board.changes(0)]
        assert [visit.group for view in views for visit in view.visits] == ["g1"]
        assert not views[-1].summary.is_live


async def _next(changes: AsyncIterator[NightView]) -> NightView:
    async with asyncio.timeout(10):
        return await anext(changes)
