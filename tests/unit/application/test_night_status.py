"""The night at a glance, on adapters in memory."""

import asyncio

import pytest

from adapters.memory.history_store import MemoryHistoryStore
from adapters.memory.queue.queue_store import MemoryQueueStore
from adapters.memory.queue.work_queue import MemoryQueueUpkeep, MemoryWorkQueue
from application.ledger import StoredLedger
from application.night_status import InstrumentStatus, night_status
from domain.visit import Identity
from domain.work.outcomes import (
    Completed,
    Expired,
    FailedBeforeChange,
    Ignored,
    NoImages,
    Outcome,
    Poisoned,
)
from ports.work_queue import Lease, QueueDepth
from tests.contract_suites.samples import INSTRUMENT, some_work
from tests.unit.application.night import LoopClock

pytestmark = pytest.mark.looptime

GROUP = "2026-03-14T02:15:07.310#2"


class _Box:
    def __init__(self) -> None:
        self.clock = LoopClock()
        self.histories = MemoryHistoryStore(self.clock)
        self.ledger = StoredLedger(self.histories)
        self.store = MemoryQueueStore(self.clock)
        self.queue = MemoryWorkQueue(self.store, "worker")

    async def lease(self, detector: int) -> Lease:
        self.store.add(some_work(detector, GROUP))
        lease = await self.queue.lease(0.0)
        assert lease is not None
        return lease

    async def end(self, detector: int, outcome: Outcome, *, final: bool = True) -> None:
        lease = await self.lease(detector)
        record = await self.ledger.begin(Identity(INSTRUMENT, GROUP, detector), "worker", lease)
        await self.ledger.record(record.attempt, outcome, final=final)
        await self.queue.acknowledge(lease)

    async def status(self) -> InstrumentStatus:
        return await night_status(
            INSTRUMENT, "memory", ledger=self.ledger, queue=MemoryQueueUpkeep(self.store), clock=self.clock
        )


def _detectors(records: object) -> list[int]:
    assert isinstance(records, tuple)
    return [record.attempt.identity.detector for record in records]


async def test_a_quiet_night_is_empty() -> None:
    status = await _Box().status()
    assert status.night.isoformat() == "2026-03-13"
    assert (status.running, status.to_follow, status.not_completed) == ((), (), ())
    assert not status.outcomes
    assert status.depth == QueueDepth(waiting=0, leased=0, dead=0)


async def test_everything_is_in_its_place() -> None:
    box = _Box()
    await box.end(0, Completed(pipeline="ApPipe"))
    await box.end(1, Completed(pipeline="ApPipe"))
    await box.end(2, NoImages(waited=100.0))
    await box.end(3, Ignored(reason="nothing to run"))
    await box.end(4, FailedBeforeChange(reason="disk full"), final=False)
    await box.ledger.record_undelivered(INSTRUMENT, GROUP, [5], Expired(age=4000.0))
    lease = await box.lease(6)
    await box.ledger.begin(Identity(INSTRUMENT, GROUP, 6), "worker 6", lease)
    box.store.add(some_work(7, GROUP))
    await box.ledger.record_unreadable("memory", "17", Poisoned(reason="no detector"))
    await asyncio.sleep(12.0)
    status = await box.status()
    assert status.outcomes == {"completed": 2, "no images": 1, "ignored": 1, "expired": 1}
    assert _detectors(status.running) == [6]
    assert status.running[0].worker == "worker 6"
    assert status.age(status.running[0]) == 12.0
    assert _detectors(status.to_follow) == [4]
    assert _detectors(status.not_completed) == [2, 5]
    assert status.depth == QueueDepth(waiting=1, leased=1, dead=0)
    assert status.unreadable == {"17": Poisoned(reason="no detector")}


async def test_the_day_before_does_not_count() -> None:
    box = _Box()
    await box.end(0, Completed(pipeline="ApPipe"))
    await asyncio.sleep(12 * 3600)
    await box.end(1, NoImages(waited=100.0))
    status = await box.status()
    assert status.night.isoformat() == "2026-03-14"
    # The ledger tells of the whole visit, of which a detector ended the day before.
    assert status.outcomes == {"no images": 1}
    assert _detectors(status.not_completed) == [1]


async def test_what_was_put_back_by_hand_is_to_follow() -> None:
    box = _Box()
    await box.end(0, NoImages(waited=100.0))
    await box.ledger.mark_requeued(Identity(INSTRUMENT, GROUP, 0))
    status = await box.status()
    assert not status.outcomes
    assert _detectors(status.to_follow) == [0]
