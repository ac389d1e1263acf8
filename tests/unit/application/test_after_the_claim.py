"""With a claim nothing is tried again: what is away is waited for, and nothing is lost."""

import asyncio

import pytest

from adapters.memory.history_store import MemoryClaimStore
from application.ledger import StoredClaims
from domain.visit import Identity
from domain.work.outcomes import (
    Completed,
    FailedAfterChange,
    FailedBeforeChange,
)
from ports.ledger import LedgerUnavailableError
from ports.work_queue import QueueDepth
from ports.workspace import (
    ClaimRefusedError,
    WorkspaceError,
)
from tests.unit.application.night import INSTRUMENT, MemoryNight
from tests.unit.application.test_trying_again import CHANGING, GROUP, history, one_visit

pytestmark = pytest.mark.looptime


async def test_an_hour_without_redis_after_the_claim_costs_nothing() -> None:
    night = MemoryNight(workers=2, detectors=frozenset({4}), behaviour=CHANGING, claim_seconds=4000.0)
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        while not night.repository.changes:
            await asyncio.sleep(0.1)
        night.queue.outage = night.histories.outage = "it starts again"
        await asyncio.sleep(3600.0)
        night.queue.outage = night.histories.outage = ""
        await asyncio.sleep(600.0)
        [record] = await history(night)
    assert isinstance(record.outcome, Completed)
    assert len(night.repository.changes) == 1
    assert night.repository.datasets == night.repository.files != {}
    assert night.queue.depth().unfinished == 0


async def test_whoever_takes_over_waits_for_the_end_of_a_claim() -> None:
    night = MemoryNight(workers=0, detectors=frozenset({4}))
    async with night.running():
        await night.announcements.announce(night.visit(GROUP))
        await asyncio.sleep(1.0)
        lease = night.queue.take("dead")
        assert lease is not None
        record = await night.ledger.begin(Identity(INSTRUMENT, GROUP, 4), "dead", lease)
        StoredClaims(MemoryClaimStore(night.histories), 500.0).claim(record.attempt, [1])
        worker = asyncio.ensure_future(night.worker("living").run(asyncio.Event()))
        await asyncio.sleep(450.0)
        [record] = await history(night)
        assert record.outcome is None
        assert night.queue.depth() == QueueDepth(waiting=0, leased=0, dead=0, delayed=1)
        await asyncio.sleep(100.0)
        [record] = await history(night)
        worker.cancel()
    assert isinstance(record.outcome, FailedAfterChange)
    assert record.final


async def test_a_store_of_claims_that_is_away_costs_no_attempt() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}), behaviour=CHANGING)
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        night.workspaces[0].fail_next("process", LedgerUnavailableError("cut off"))
        await asyncio.sleep(200.0)
        postponed, done = await history(night)
    assert isinstance(postponed.outcome, FailedBeforeChange)
    assert (postponed.outcome.postponed, postponed.outcome.away) == (True, "ledger")
    assert isinstance(done.outcome, Completed)
    assert done.turn == 1


async def test_an_outcome_waits_for_a_ledger_that_is_away() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}), behaviour=CHANGING)
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        while not night.repository.changes:
            await asyncio.sleep(0.1)
        night.histories.outage = "it starts again"
        await asyncio.sleep(20.0)
        night.histories.outage = ""
        await asyncio.sleep(60.0)
        [record] = await history(night)
    assert isinstance(record.outcome, Completed)
    assert len(night.repository.changes) == 1


async def test_a_claim_that_is_refused_is_not_asked_for_again() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}))
    async with night.running():
        night.workspaces[0].fail_next("export", ClaimRefusedError("another attempt's"))
        records = await one_visit(night, 60.0)
    assert [type(record.outcome) for record in records] == [FailedBeforeChange, Completed]


async def test_an_export_that_never_succeeds_after_the_claim_is_said_and_bounded() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}), behaviour=CHANGING)
    async with night.running():
        for _ in range(100):
            night.workspaces[0].fail_next("export", WorkspaceError("the datastore is away"))
        [record] = await one_visit(night, 1500.0)  # The claim lasts 1320 s.
    assert isinstance(record.outcome, FailedAfterChange)
    assert record.outcome.reason == "export: the datastore is away"


async def test_a_datastore_away_for_minutes_after_the_claim_costs_nothing() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}), behaviour=CHANGING)
    async with night.running():
        for _ in range(10):
            night.workspaces[0].fail_next("export", WorkspaceError("the datastore is away"))
        [record] = await one_visit(night, 600.0)
    assert isinstance(record.outcome, Completed)
    assert night.repository.datasets == night.repository.files != {}
