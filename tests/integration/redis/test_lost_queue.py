"""Whatever befalls the queue on a real server, twelve visit-detectors have an outcome, each done once."""

import asyncio
import collections
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest
import redis.asyncio
from attrs import evolve

from adapters.host.clock import SystemClock
from adapters.memory.announcements import MemoryAnnouncements
from adapters.memory.metrics import MemoryMetrics
from adapters.memory.queue.dead_announcements import MemoryDeadAnnouncements
from adapters.redis.queue.control import RedisControlWriter
from adapters.redis.queue.queue_upkeep import RedisQueueUpkeep
from adapters.redis.queue.work_queue import RedisWorkQueue
from application.fan_out import FanOut, FanOutPolicy
from application.ledger import StoredLedger
from application.recovery.guard import GuardPolicy, QueueGuard
from application.recovery.rebuild import Rebuilder, RebuildPolicy
from domain.fan_out import FanOutConfig
from domain.times import tai_from_utc
from domain.visit import Identity
from domain.work.outcomes import Completed
from ports.ledger import AttemptRecord, HeldElsewhereError, NotTheHolderError, OutdatedLeaseError
from ports.metrics import Counter
from ports.work_queue import Lease, LeaseLostError, QueueUnavailableError, RebuildableQueue
from tests.contract_suites.samples import INSTRUMENT, a_visit
from tests.integration.redis.benches import GROUP, RedisQueueBench, redis_ledger
from tests.ledger_records import final_records

pytestmark = pytest.mark.slow

_DONE = Completed(pipeline="p", snaps=())


class _Box:
    """A fan-out with its guard, and what was done by whoever worked."""

    def __init__(
        self,
        bench: RedisQueueBench,
        ledger: StoredLedger,
        control: RedisControlWriter,
        upkeep: RebuildableQueue,
    ) -> None:
        self.bench, self.ledger = bench, ledger
        self.metrics = MemoryMetrics()
        self.announcements = MemoryAnnouncements()
        self.done: collections.Counter[Identity] = collections.Counter()
        clock = SystemClock()
        config = FanOutConfig(
            streams={INSTRUMENT: bench.stream}, detectors={INSTRUMENT: frozenset({0, 1, 2, 3})}
        )
        rebuilder = Rebuilder(
            policy=RebuildPolicy(window=3600.0),
            config=config,
            announcements=self.announcements,
            publisher=bench.publisher,
            control=control,
            ledger=ledger,
            clock=clock,
        )
        self.guard = QueueGuard(
            policy=GuardPolicy(shares_store=False),
            queues={bench.stream: upkeep},
            announcements=self.announcements,
            rebuilder=rebuilder,
            ledger=ledger,
            metrics=self.metrics,
        )
        self.fan_out = FanOut(
            policy=FanOutPolicy(
                instruments=frozenset({INSTRUMENT}), message_expiration=3600.0, retry_delay=0.1
            ),
            config=config,
            announcements=self.announcements,
            publisher=bench.publisher,
            control=control,
            dead=MemoryDeadAnnouncements(),
            ledger=ledger,
            clock=clock,
            metrics=self.metrics,
            guard=self.guard,
        )

    async def announce(self, *groups: str) -> None:
        serving = asyncio.ensure_future(self.fan_out.run())
        now = tai_from_utc(SystemClock().utc())
        for group in groups:
            await self.announcements.announce(evolve(a_visit(group), sent=now))
        while self.announcements.unsettled:
            await asyncio.sleep(0.01)
        serving.cancel()

    async def begin(self, queue: RedisWorkQueue, name: str) -> tuple[Lease, AttemptRecord] | None:
        lease = await queue.lease(3 * self.bench.lease_seconds)
        if lease is None:
            return None
        assert lease.work is not None
        return lease, await self.ledger.begin(lease.work.identity, name, lease)

    async def finish(self, queue: RedisWorkQueue, lease: Lease, record: AttemptRecord) -> None:
        await queue.renew(lease)
        if not record.final:
            await self.ledger.record(record.attempt, _DONE, final=True)
            self.done[record.attempt.identity] += 1
        await queue.acknowledge(lease)

    async def drain(self, name: str) -> None:
        queue = await self.bench.consumer(name)
        while True:
            with contextlib.suppress(
                LeaseLostError, NotTheHolderError, OutdatedLeaseError, HeldElsewhereError
            ):
                if (begun := await self.begin(queue, name)) is None:
                    return
                await self.finish(queue, *begun)


@contextlib.asynccontextmanager
async def _a_box(redis_url: str) -> AsyncIterator[_Box]:
    async with RedisQueueBench(redis_url) as bench:
        control = RedisControlWriter(redis_url, streams={INSTRUMENT: bench.stream})
        # The ledger is not lost with the queue: it stands in another database.
        elsewhere = redis_url.rpartition("/")[0] + "/1"
        async with control, redis_ledger(elsewhere, prefix=bench.stream) as ledger:
            upkeep = RedisQueueUpkeep(redis_url, stream=bench.stream, group=GROUP, lease_seconds=0.4)
            async with upkeep:
                yield _Box(bench, ledger, control, upkeep)


@pytest.fixture
async def box(redis_url: str) -> AsyncIterator[_Box]:
    async with _a_box(redis_url) as box:
        yield box


async def _older(box: _Box, copy: Mapping[str, bytes]) -> None:
    raw = box.bench.raw
    for key in await raw.keys(f"{box.bench.stream}*"):
        await raw.delete(key)
    for key, dumped in copy.items():
        await raw.restore(key, 0, dumped)


type _Fault = Callable[[_Box, Mapping[str, bytes]], Awaitable[object]]


async def _with_dollar(box: _Box, _: Mapping[str, bytes]) -> None:
    await box.bench.raw.xgroup_destroy(box.bench.stream, GROUP)
    await box.bench.raw.xgroup_create(box.bench.stream, GROUP, "$")


async def _last_removed(box: _Box, _: Mapping[str, bytes]) -> None:
    entries: Any = await box.bench.raw.xrevrange(box.bench.stream, count=1)
    await box.bench.raw.xdel(box.bench.stream, entries[0][0])


async def _emptied(box: _Box, _: Mapping[str, bytes]) -> None:
    await _older(box, {})


_FAULTS: dict[str, _Fault] = {
    "FLUSHALL": _emptied,
    "XTRIM": lambda box, _: box.bench.raw.xtrim(box.bench.stream, maxlen=0, approximate=False),
    "XDEL of one that waits": _last_removed,
    "XGROUP DESTROY": lambda box, _: box.bench.raw.xgroup_destroy(box.bench.stream, GROUP),
    "XGROUP CREATE with $": _with_dollar,
    "DEL of the stream": lambda box, _: box.bench.raw.delete(box.bench.stream),
    "failover to an older replica": _older,
}


@pytest.mark.parametrize("done_before", [0, 5])
@pytest.mark.parametrize("fault", _FAULTS)
async def test_each_of_twelve_is_done_once(box: _Box, fault: str, done_before: int) -> None:
    slow = await box.bench.consumer("slow")
    await box.announce("a", "b")
    raw: Any = box.bench.raw
    copy: dict[str, Any] = {}
    async with contextlib.AsyncExitStack() as stack:
        binary = await stack.enter_async_context(redis.asyncio.from_url(box.bench.url))
        for key in await raw.keys(f"{box.bench.stream}*"):
            copy[key] = await binary.dump(key)
    await box.announce("c")
    for _ in range(done_before):
        begun = await box.begin(slow, "slow")
        assert begun is not None
        await box.finish(slow, *begun)
    held = [await box.begin(slow, "slow") for _ in range(3)]
    await _FAULTS[fault](box, copy)
    await box.guard.check()
    await box.guard.check()
    for begun in held:
        assert begun is not None
        with contextlib.suppress(LeaseLostError, NotTheHolderError, QueueUnavailableError):
            await box.finish(slow, *begun)
    await asyncio.gather(box.drain("b"), box.drain("c"))
    records = await final_records(box.ledger, INSTRUMENT)
    assert len(records) == 12
    assert all(record.outcome == _DONE for record in records)
    assert set(box.done.values()) == {1}
    await box.guard.check()
    assert box.metrics.total(Counter.QUEUES_LOST) == 1
    assert (await box.bench.upkeep.depth()).unfinished == 0


async def _lag(box: _Box) -> int | None:
    [group] = await box.bench.raw.xinfo_groups(box.bench.stream)
    lag: int | None = group["lag"]
    return lag


async def _set_back(box: _Box) -> None:
    entries: Any = await box.bench.raw.xrange(box.bench.stream)
    await box.bench.raw.xgroup_setid(box.bench.stream, GROUP, entries[5][0])


@pytest.mark.parametrize("how", ["XDEL", "SETID"])
async def test_a_lag_that_the_server_lost_count_of_is_told_it(box: _Box, how: str) -> None:
    queue = await box.bench.consumer("a")
    await box.announce("a", "b", "c")
    for _ in range(8):
        begun = await box.begin(queue, "a")
        assert begun is not None
        await box.finish(queue, *begun)
    await box.guard.check()
    if how == "XDEL":
        entries: Any = await box.bench.raw.xrange(box.bench.stream)
        await box.bench.raw.xdel(box.bench.stream, entries[10][0])
    else:
        await _set_back(box)
    assert await _lag(box) is None
    await box.guard.check()
    assert await _lag(box) == (await box.bench.upkeep.depth()).waiting
    assert box.metrics.total(Counter.QUEUE_LAGS_REPAIRED) == 1
    await box.drain("b")
    assert await _lag(box) == 0
    assert len(await final_records(box.ledger, INSTRUMENT)) == 12


async def test_a_server_that_cannot_be_told_its_lag_holds_nobody_up(fake_redis_url: str) -> None:
    async with _a_box(fake_redis_url) as box:
        await box.bench.consumer("a")
        await box.announce("a", "b")
        await _last_removed(box, {})
        await box.announce("c")
        await box.drain("b")
        assert len(await final_records(box.ledger, INSTRUMENT)) == 12
        assert box.metrics.total(Counter.QUEUE_LAGS_REPAIRED) == 0
