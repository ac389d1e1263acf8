"""The night as a reader of the ledger knows it."""

import asyncio
import datetime
from collections.abc import AsyncIterator
from typing import override

import pytest
from attrs import evolve

from adapters.memory.console.image_archive import MemoryImageArchive
from adapters.memory.console.source_archive import MemorySourceArchive
from adapters.memory.history_store import MemoryHistoryStore
from adapters.memory.queue.queue_store import MemoryQueueStore
from adapters.memory.queue.work_queue import MemoryQueueUpkeep
from application.console.neighbours import looks
from application.console.night_board import KeptNightBoard, LedgerNightBoard
from application.ledger import StoredLedger
from domain.results.night_view import QueueCounts
from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.attempts import AttemptNotes, AttemptRecord
from domain.work.outcomes import Completed, FailedBeforeChange
from ports.history_store import Change
from ports.neighbours import NeighbourUnavailableError
from tests.contract_suites.ledger import a_lease
from tests.contract_suites.night_board import (
    INSTRUMENT,
    NightBench,
    NightBoardContract,
    a_record,
    an_attempt_under_way,
)
from tests.contract_suites.samples import LoopClock

pytestmark = pytest.mark.looptime


class _Hands(LoopClock):
    """A clock that a test may set forward."""

    ahead = 0.0

    @override
    def utc(self) -> UtcSeconds:
        return UtcSeconds(super().utc() + self.ahead)


class _Followed(NightBench):
    def __init__(self) -> None:
        self.clock = _Hands()
        self.histories = MemoryHistoryStore(self.clock)
        self.ledger = StoredLedger(self.histories)
        self.queue = MemoryQueueStore(self.clock, lease_seconds=30.0)
        self.raw_microservice = "1 replica"
        self.board: LedgerNightBoard | KeptNightBoard = self.live()

    def live(self) -> LedgerNightBoard:
        return LedgerNightBoard(
            instrument=INSTRUMENT,
            ledger=self.ledger,
            clock=self.clock,
            queue=MemoryQueueUpkeep(self.queue),
            neighbours={"raw microservice": self._look},
        )

    async def _look(self) -> str:
        if not self.raw_microservice:
            raise NeighbourUnavailableError("connection refused")
        return self.raw_microservice

    @override
    async def tell(self, *records: AttemptRecord) -> None:
        for record in records:
            await self.histories.change(record.attempt.identity, _becoming(record))
        await asyncio.sleep(1.1)

    @override
    async def end(self) -> None:
        self.board = KeptNightBoard(instrument=INSTRUMENT, ledger=self.ledger, clock=self.clock)
        await self.board.run()


def _becoming(record: AttemptRecord) -> Change[None]:
    return lambda history, _: (evolve(history, records=(record,)), None)


@pytest.fixture
async def bench() -> AsyncIterator[_Followed]:
    bench = _Followed()
    following = asyncio.create_task(bench.board.run())
    await asyncio.sleep(0.1)
    yield bench
    following.cancel()
    await asyncio.wait({following})


class TestLedgerNightBoard(NightBoardContract):
    """Against a ledger in memory."""


async def test_an_attempt_is_followed_from_stage_to_stage(bench: _Followed) -> None:
    identity = Identity(INSTRUMENT, "g1", 4)
    begun = await bench.ledger.begin(identity, "worker", a_lease())
    seen = []
    for stage in ("prepare", "process"):
        await bench.ledger.note_stage(begun.attempt, stage)
        await asyncio.sleep(1.1)
        seen.append(bench.board.view().visits[0].detectors[4].stage)
    notes = AttemptNotes(seconds={"process": 5.0}, since_shutter=61.0)
    await bench.ledger.record(begun.attempt, Completed(pipeline="ApPipe"), final=True, notes=notes)
    await asyncio.sleep(1.1)
    assert seen == ["prepare", "process"]
    assert dict(bench.board.view().summary.promptness) == {"late": 1}


async def test_what_happens_after_hours_of_nothing_is_seen(bench: _Followed) -> None:
    await bench.tell(a_record("g1"))
    await asyncio.sleep(4 * 3600)
    await bench.ledger.mark_requeued(Identity(INSTRUMENT, "g1", 1))
    await asyncio.sleep(1.1)
    assert bench.board.view().summary.to_follow == 1


async def test_a_ledger_whose_clock_was_ahead_for_a_while_hides_nothing(bench: _Followed) -> None:
    bench.clock.ahead = 3600.0
    begun = await bench.ledger.begin(Identity(INSTRUMENT, "g1", 1), "worker", a_lease())
    bench.clock.ahead = 0.0
    await asyncio.sleep(1.1)
    await bench.ledger.begin(Identity(INSTRUMENT, "g2", 1), "worker", a_lease())
    await asyncio.sleep(1.1)
    assert begun.begun > bench.clock.utc()
    assert [visit.group for visit in bench.board.view().visits] == ["g2", "g1"]


async def test_what_is_away_is_said_and_what_was_known_stays(bench: _Followed) -> None:
    await bench.tell(a_record())
    bench.histories.outage = "connection refused"
    bench.raw_microservice = ""
    await asyncio.sleep(31)
    view = bench.board.view()
    assert {one.name: (one.is_reached, one.detail) for one in view.summary.neighbours} == {
        "ledger": (False, "ledger: connection refused"),
        "queue": (True, ""),
        "raw microservice": (False, "connection refused"),
    }
    assert [visit.group for visit in view.visits] == ["g1"]
    bench.histories.outage = ""
    await bench.tell(a_record("g2"))
    assert [visit.group for visit in bench.board.view().visits] == ["g1", "g2"]


async def test_archives_that_are_away_are_neighbours_that_are_away() -> None:
    images, sources = MemoryImageArchive(), MemorySourceArchive()
    images.outage = "no such repository"
    found: dict[str, str] = {}
    for name, look in looks(images, sources).items():
        try:
            found[name] = await look()
        except NeighbourUnavailableError as error:
            found[name] = str(error)
    assert found["APDB"] == ""
    assert "no such repository" in found["repository"]
    assert looks(None, None) == {}


async def test_the_queue_is_counted(bench: _Followed) -> None:
    assert bench.board.view().summary.queue == QueueCounts(waiting=0, leased=0, dead=0)


async def test_a_new_night_begins_empty_and_whoever_looked_at_the_last_gets_all_of_it(
    bench: _Followed,
) -> None:
    await bench.tell(a_record("g1"))
    before = bench.board.view()
    bench.clock.ahead = 86_400.0
    await asyncio.sleep(1.1)
    tomorrow = a_record("g2", begun=bench.clock.utc(), ended=bench.clock.utc())
    await bench.tell(tomorrow)
    view = await anext(bench.board.changes(before.version))
    assert view.summary.night == before.summary.night + datetime.timedelta(days=1)
    assert [visit.group for visit in view.visits] == ["g2"]
    assert view == bench.board.view()


async def test_of_several_nights_the_one_that_is_asked_for_is_shown(bench: _Followed) -> None:
    await bench.tell(a_record("g1"))
    night = bench.board.view().summary.night
    bench.clock.ahead = 86_400.0
    now = bench.clock.utc()
    await bench.tell(a_record("g2", begun=now, ended=now))
    shown = []
    for asked in (night, None):
        board = KeptNightBoard(
            instrument=INSTRUMENT, ledger=bench.ledger, clock=bench.clock, night=asked, may_go_on=True
        )
        await board.run()
        view = board.view()
        shown.append((view.summary.night, [visit.group for visit in view.visits], view.summary.goes_on))
    # The clock says that the second night is not over.
    assert shown == [(night, ["g1"], False), (night + datetime.timedelta(days=1), ["g2"], True)]


async def test_a_process_that_was_started_anew_gives_all_to_whom_it_does_not_know(bench: _Followed) -> None:
    await bench.tell(a_record("g1"), an_attempt_under_way("g2"))
    version = bench.board.view().version
    again = bench.live()
    following = asyncio.create_task(again.run())
    await asyncio.sleep(0.1)
    view = await anext(again.changes(version))
    following.cancel()
    assert [visit.group for visit in view.visits] == ["g1", "g2"]


async def test_a_failure_that_another_attempt_mends_is_counted_once(bench: _Followed) -> None:
    failed = a_record(outcome=FailedBeforeChange(reason="no calibrations"), final=False)
    await bench.tell(failed)
    await bench.tell(a_record(attempt=evolve(failed.attempt, number=2)))
    summary = bench.board.view().summary
    assert (summary.to_follow, dict(summary.outcomes)) == (0, {"completed": 1})
