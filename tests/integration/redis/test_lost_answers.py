"""The server did what it was told, and the answer never came: to say it again must be harmless."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from adapters.redis.queue.queue_upkeep import RedisQueueUpkeep
from adapters.redis.queue.work_publisher import RedisWorkPublisher
from adapters.redis.queue.work_queue import RedisWorkQueue
from domain.work.outcomes import FailedBeforeChange
from ports.ledger import LedgerUnavailableError
from ports.work_publisher import Novelty
from ports.work_queue import Lease, QueueDepth, QueueUnavailableError
from tests.contract_suites.ledger import IDENTITY, a_lease
from tests.contract_suites.samples import INSTRUMENT, a_visit, some_work
from tests.integration.redis.benches import GROUP, a_stream, redis_claims, redis_ledger
from tests.integration.redis.faults import LossyProxy

pytestmark = pytest.mark.slow

# Once is mended by the connection itself, twice is the caller's to repeat.
_TIMES = pytest.mark.parametrize("times", [1, 2])


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[LossyProxy]:
    async with LossyProxy(redis_url) as proxy:
        yield proxy


class _Side:
    """A producer and a consumer behind the proxy; the upkeep sees the truth."""

    def __init__(self, proxy: LossyProxy, redis_url: str) -> None:
        stream = a_stream()
        self.proxy = proxy
        self.publisher = RedisWorkPublisher(proxy.url, streams={INSTRUMENT: stream})
        self.queue = RedisWorkQueue(proxy.url, stream=stream, group=GROUP, consumer="a", lease_seconds=60.0)
        self.upkeep = RedisQueueUpkeep(redis_url, stream=stream, group=GROUP)

    async def warm_up(self) -> None:
        """Let the server know the scripts, so that a lost answer is one to a whole command."""
        await self.publisher.publish(a_visit("warm up"), [1, 2, 3])
        first, second, third = [await self.leased() for _ in range(3)]
        await self.queue.renew(first)
        await self.queue.acknowledge(first)
        await self.queue.set_aside(second, "warm up")
        await self.queue.give_back(third)
        await self.queue.acknowledge(await self.leased())

    async def leased(self) -> Lease:
        lease = await self.queue.lease(1.0)
        assert lease is not None
        return lease

    async def repeated(self, verb: str, *arguments: object, command: str, times: int) -> None:
        """Call until an answer comes."""
        self.proxy.lose_answers(command, times)
        while True:
            with contextlib.suppress(QueueUnavailableError):
                await getattr(self.queue, verb)(*arguments)
                break
        assert self.proxy.lost == times


@pytest.fixture
async def side(proxy: LossyProxy, redis_url: str) -> AsyncIterator[_Side]:
    side = _Side(proxy, redis_url)
    async with side.publisher, side.queue, side.upkeep:
        await side.warm_up()
        yield side


@_TIMES
async def test_a_visit_is_published_once(side: _Side, times: int) -> None:
    side.proxy.lose_answers("EVALSHA", times)
    while True:
        with contextlib.suppress(QueueUnavailableError):
            published = await side.publisher.publish(a_visit(), range(189))
            break
    assert side.proxy.lost == times
    assert published.novelty is Novelty.REPEATED
    assert (await side.upkeep.depth()).waiting == 189


async def test_what_a_queue_has_lost_is_restored_once(side: _Side) -> None:
    await side.publisher.restore(a_visit("warm up"), [1])
    await side.queue.acknowledge(await side.leased())
    side.proxy.lose_answers("EVALSHA", 1)
    assert await side.publisher.restore(a_visit(), range(189)) == 189
    assert side.proxy.lost == 1
    assert (await side.upkeep.depth()).waiting == 189
    lease = await side.leased()
    assert (lease.revision, lease.latest_revision) == (1, 1)
    assert (await side.publisher.publish(a_visit(), range(189))).novelty is Novelty.REPEATED


@_TIMES
async def test_a_delivery_that_never_arrived_is_leased_at_once(side: _Side, times: int) -> None:
    await side.publisher.put_again(some_work(4))
    side.proxy.lose_answers("XREADGROUP", times)
    lease = None
    async with asyncio.timeout(5.0):
        while lease is None:
            with contextlib.suppress(QueueUnavailableError):
                lease = await side.queue.lease(0.1)
    assert lease.work == some_work(4)
    assert (await side.upkeep.depth()).leased == 1


async def test_a_delivery_that_never_arrived_is_put_back_when_its_consumer_leaves(side: _Side) -> None:
    await side.publisher.put_again(some_work(4))
    side.proxy.lose_answers("XREADGROUP", 2)
    with contextlib.suppress(QueueUnavailableError):
        while await side.queue.lease(0.0) is None:
            pass
    await side.queue.leave()
    depth = await side.upkeep.depth()
    assert (depth.waiting, depth.leased) == (1, 0)


@_TIMES
@pytest.mark.parametrize(
    ("verb", "arguments", "depth"),
    [
        ("renew", (), QueueDepth(waiting=0, leased=1, dead=1)),
        ("acknowledge", (), QueueDepth(waiting=0, leased=0, dead=1)),
        ("give_back", (), QueueDepth(waiting=1, leased=0, dead=1)),
        ("postpone", (60.0,), QueueDepth(waiting=0, leased=0, dead=1, delayed=1)),
        ("set_aside", ("a reason",), QueueDepth(waiting=0, leased=0, dead=2)),
    ],
)
async def test_what_is_said_of_a_lease_happens_once(
    side: _Side, verb: str, arguments: tuple[str | float, ...], depth: QueueDepth, times: int
) -> None:
    await side.publisher.put_again(some_work(4))
    lease = await side.leased()
    await side.repeated(verb, lease, *arguments, command="EVALSHA", times=times)
    assert await side.upkeep.depth() == depth


# A call reads, then replaces: the one answer may be lost, or the other.
_AFTER = pytest.mark.parametrize("after", [0, 1])


@_TIMES
@_AFTER
async def test_an_attempt_is_begun_and_ended_once(proxy: LossyProxy, times: int, after: int) -> None:
    outcome = FailedBeforeChange(reason="full disk")
    async with redis_ledger(proxy.url, prefix=a_stream()) as ledger:
        await ledger.record((await ledger.begin(IDENTITY, "w", a_lease())).attempt, outcome, final=False)
        proxy.lose_answers("EVALSHA", times, after=after)
        begun = None
        while begun is None:
            with contextlib.suppress(LedgerUnavailableError):
                begun = await ledger.begin(IDENTITY, "w", a_lease(times=2))
        assert (begun.attempt.number, proxy.lost) == (2, times)
        proxy.lose_answers("EVALSHA", times, after=after)
        while True:
            with contextlib.suppress(LedgerUnavailableError):
                await ledger.record(begun.attempt, outcome, final=False)
                break
        assert proxy.lost == 2 * times
        assert [record.outcome for record in await ledger.history(IDENTITY)] == [outcome] * 2


@_AFTER
async def test_how_a_dead_attempt_was_closed_is_told_though_the_answer_was_lost(
    proxy: LossyProxy, after: int
) -> None:
    async with redis_ledger(proxy.url, prefix=a_stream()) as ledger:
        await ledger.begin(IDENTITY, "dead", a_lease())
        proxy.lose_answers("EVALSHA", 1, after=after)
        begun = await ledger.begin(IDENTITY, "w", a_lease(times=2))
        assert proxy.lost == 1
        assert isinstance(begun.closed, FailedBeforeChange)


@_TIMES
@_AFTER
async def test_a_claim_may_be_repeated(proxy: LossyProxy, times: int, after: int) -> None:
    prefix = a_stream()
    async with redis_ledger(proxy.url, prefix=prefix) as ledger:
        attempt = (await ledger.begin(IDENTITY, "w", a_lease())).attempt
        with redis_claims(proxy.url, prefix=prefix) as claims:
            await asyncio.to_thread(claims.claim, attempt, [1])
            proxy.lose_answers("EVALSHA", times, after=after)
            while True:
                with contextlib.suppress(LedgerUnavailableError):
                    await asyncio.to_thread(claims.claim, attempt, [1, 2])
                    break
            assert proxy.lost == times
        assert await ledger.has_claim(IDENTITY)
