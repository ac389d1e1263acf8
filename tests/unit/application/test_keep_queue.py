"""Upkeep of queues, on adapters in memory and a virtual clock."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping

import pytest

from adapters.memory.metrics import MemoryMetrics
from adapters.memory.queue.queue_store import MemoryQueueStore
from adapters.memory.queue.work_queue import MemoryQueueUpkeep, MemoryWorkQueue
from application.keep_queue import QueueKeeper, UpkeepPolicy
from domain.visit import Identity
from ports.metrics import Gauge
from ports.work_queue import QueueDepth, QueueUnavailableError, QueueUpkeep
from tests.contract_suites.samples import LoopClock, some_work

pytestmark = pytest.mark.looptime


class _Unreliable:
    """A queue's upkeep that counts what is asked of it and can be unreachable."""

    def __init__(self) -> None:
        self.outage = ""
        self.put_back = 0
        self.trimmed = 0

    async def put_back_expired(self) -> int:
        self._check()
        self.put_back += 1
        return 0

    async def put_back_due(self) -> int:
        self._check()
        return 0

    async def trim(self) -> int:
        self._check()
        self.trimmed += 1
        return 0

    async def depth(self) -> QueueDepth:
        return QueueDepth(waiting=0, leased=0, dead=0)

    async def unfinished(self) -> Collection[Identity]:
        return ()

    def _check(self) -> None:
        if self.outage:
            raise QueueUnavailableError(self.outage)


@contextlib.asynccontextmanager
async def kept(
    queues: Mapping[str, QueueUpkeep], metrics: MemoryMetrics | None = None
) -> AsyncIterator[asyncio.Task[None]]:
    keeper = QueueKeeper(queues, UpkeepPolicy(), metrics or MemoryMetrics())
    running = asyncio.create_task(keeper.run())
    yield running
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_work_of_a_worker_that_died_waits_again_soon_after_its_lease() -> None:
    store = MemoryQueueStore(LoopClock(), lease_seconds=30.0)
    store.add(some_work(4))
    assert await MemoryWorkQueue(store, "mortal").lease(0.0) is not None
    async with kept({"memory": MemoryQueueUpkeep(store)}):
        await asyncio.sleep(29.0)
        assert (store.depth().waiting, store.depth().leased) == (0, 1)
        await asyncio.sleep(7.0)
        assert (store.depth().waiting, store.depth().leased) == (1, 0)


async def test_it_tells_how_much_there_is_to_do() -> None:
    store, metrics = MemoryQueueStore(LoopClock(), lease_seconds=30.0), MemoryMetrics()
    worker = MemoryWorkQueue(store, "worker")
    async with kept({"memory": MemoryQueueUpkeep(store)}, metrics):
        for detector in range(4):
            store.add(some_work(detector))
        lease = await worker.lease(0.0)
        assert lease is not None
        await worker.set_aside(lease, "unreadable")
        assert await worker.lease(0.0) is not None
        await asyncio.sleep(6.0)
        standing = {
            state: metrics.value(Gauge.QUEUE, queue="memory", state=state)
            for state in ("waiting", "leased", "dead")
        }
        assert standing == {"waiting": 2, "leased": 1, "dead": 1}
        assert await worker.lease(0.0) is not None
        await asyncio.sleep(6.0)
        assert metrics.value(Gauge.QUEUE, queue="memory", state="waiting") == 1


async def test_an_outage_is_said_once_and_survived(caplog: pytest.LogCaptureFixture) -> None:
    queue, other = _Unreliable(), _Unreliable()
    async with kept({"one": queue, "other": other}) as running:
        for _ in range(2):
            queue.outage = "cut off"
            await asyncio.sleep(600.0)
            queue.outage = ""
            await asyncio.sleep(600.0)
        assert not running.done()
    # Two outages, of three actions each.
    errors = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 6
    assert all("cut off" in error for error in errors)
    assert 230 <= queue.put_back <= 250
    assert 19 <= queue.trimmed <= 22
    assert 470 <= other.put_back <= 490


async def test_postponed_work_waits_again_soon_after_it_is_due() -> None:
    store, metrics = MemoryQueueStore(LoopClock(), lease_seconds=30.0), MemoryMetrics()
    store.add(some_work(4))
    worker = MemoryWorkQueue(store, "worker")
    lease = await worker.lease(0.0)
    assert lease is not None
    await worker.postpone(lease, 20.0)
    async with kept({"memory": MemoryQueueUpkeep(store)}, metrics):
        await asyncio.sleep(6.0)
        assert metrics.value(Gauge.QUEUE, queue="memory", state="delayed") == 1
        await asyncio.sleep(20.0)
        assert (store.depth().waiting, store.depth().delayed) == (1, 0)


async def test_with_nothing_to_keep_it_still_runs() -> None:
    async with kept({}) as running:
        await asyncio.sleep(1000.0)
        assert not running.done()
