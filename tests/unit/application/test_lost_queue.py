"""Whatever becomes of the queue, every visit-detector has one outcome and is changed once."""

import asyncio

import pytest

from adapters.memory.workspace import MemoryPipelines
from domain.visit import Identity, VisitDetector
from domain.work.outcomes import Completed, FailedBeforeChange
from ports.ledger import NotTheHolderError, OutdatedLeaseError
from ports.work_queue import Lease, QueueDepth
from tests.ledger_records import final_records
from tests.unit.application.night import INSTRUMENT, MemoryNight

pytestmark = pytest.mark.looptime

GROUP = "2026-03-14T02:15:07.310"
_STAGES = {
    "announced": 0.0,
    "leased": 0.5,
    "preparing": 1.5,
    "awaiting images": 10.0,
    "processing": 27.0,
    "ended": 60.0,
}
"""Seconds after the announcement; images are there after 25 s."""


async def _night_with(fault: str, stage: str) -> MemoryNight:
    """Play two visits on two detectors, with a fault at a stage of the first."""
    changing = MemoryPipelines(changing=frozenset({"SingleFrame"}))
    night = MemoryNight(workers=4, behaviour=changing)
    async with night.running():
        begin = asyncio.get_running_loop().time()
        visits = [night.visit(GROUP), night.visit("another")]
        for visit in visits:
            await night.announcements.announce(visit)

        async def break_it() -> None:
            await asyncio.sleep(_STAGES[stage])
            getattr(night.queue, fault)()

        breaking = asyncio.ensure_future(break_it())
        await asyncio.sleep(begin + 25.0 - asyncio.get_running_loop().time())
        for visit in visits:
            for detector in (0, 1):
                night.expose(visit, detector)
        await breaking
        await asyncio.sleep(1800.0)
    return night


@pytest.mark.parametrize("stage", _STAGES)
async def test_a_group_made_anew_costs_no_visit_and_doubles_none(stage: str) -> None:
    night = await _night_with("make_anew", stage)
    records = await final_records(night.ledger, INSTRUMENT)
    assert [type(record.outcome) for record in records] == [Completed] * 4
    assert len(night.repository.changes) == len(set(night.repository.changes)) == 4
    assert night.queue.depth() == QueueDepth(waiting=0, leased=0, dead=0)


async def test_of_two_who_lease_the_same_entry_of_a_group_made_anew_the_earlier_finishes_in_vain() -> None:
    night = MemoryNight(workers=0, detectors=frozenset({4}))
    async with night.running():
        await night.announcements.announce(night.visit(GROUP))
        await asyncio.sleep(1.0)
        early = night.queue.take("a")
        assert early is not None
        assert early.work is not None
        begun = await night.ledger.begin(early.work.identity, "a", early)
        night.queue.make_anew()
        late = night.queue.take("b")
        assert late is not None
        assert (late.entry, late.times_leased) == (early.entry, early.times_leased)
        again = await night.ledger.begin(early.work.identity, "b", late)
        assert (again.attempt.number, type(again.closed)) == (2, FailedBeforeChange)
        with pytest.raises(NotTheHolderError):
            await night.ledger.record(begun.attempt, Completed(pipeline="p", snaps=()), final=True)
        with pytest.raises(OutdatedLeaseError):
            await night.ledger.begin(early.work.identity, "a", early)
        assert not night.queue.holding(early, "a")
        assert night.queue.holding(late, "b")


async def test_a_queue_that_came_back_older_than_the_ledger_saw_it_is_raised_above_that() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}))
    async with night.running():
        visit = night.visit(GROUP)
        incarnation = night.queue.incarnation + 86_400_000
        lease = Lease(
            entry="7",
            queue=night.queue.name,
            enqueued=night.clock.utc(),
            work=VisitDetector(visit, 4),
            incarnation=incarnation,
        )
        begun = await night.ledger.begin(Identity(INSTRUMENT, GROUP, 4), "before the failover", lease)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        await asyncio.sleep(300.0)
        records = await night.ledger.history(begun.attempt.identity)
    assert [type(record.outcome) for record in records] == [FailedBeforeChange, Completed]
    assert night.queue.incarnation == incarnation + 1
    assert night.queue.depth() == QueueDepth(waiting=0, leased=0, dead=0)
