"""The server does not answer, or the caller does not wait: nobody hangs, no answer goes astray."""

import asyncio
import contextlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.redis.queue.work_publisher import RedisWorkPublisher
from adapters.redis.queue.work_queue import RedisWorkQueue
from adapters.redis.raw_index import RedisRawIndex
from ports.ledger import Attempt, LedgerUnavailableError
from ports.work_queue import QueueUnavailableError
from tests.contract_suites.ledger import IDENTITY
from tests.contract_suites.raw_index import a_slot
from tests.contract_suites.samples import INSTRUMENT, some_work
from tests.integration.redis.benches import GROUP, a_stream, redis_claims, redis_ledger
from tests.integration.redis.faults import RestartingRedis

pytestmark = pytest.mark.slow

_TIMEOUT = 0.3


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RestartingRedis]:
    with RestartingRedis(tmp_path) as server:
        yield server
        server.wake()


async def test_a_call_ends_in_time_and_the_next_gets_its_own_answer(server: RestartingRedis) -> None:
    stream = a_stream()
    queue = RedisWorkQueue(
        server.url, stream=stream, group=GROUP, consumer="a", lease_seconds=60.0, timeout=_TIMEOUT
    )
    async with RedisWorkPublisher(server.url, streams={INSTRUMENT: stream}) as publisher, queue:
        await publisher.put_again(some_work(1))
        lease = await queue.lease(1.0)
        assert lease is not None
        server.hang()
        for call in (queue.renew(lease), queue.lease(0.0), queue.acknowledge(lease)):
            async with asyncio.timeout(20 * _TIMEOUT):
                with pytest.raises(QueueUnavailableError, match="imeout"):
                    await call
        server.wake()
        await queue.acknowledge(lease)
        await publisher.put_again(some_work(2))
        second = await queue.lease(1.0)
        assert second is not None
        assert second.work == some_work(2)
        await queue.renew(second)


async def test_a_claim_is_not_waited_for_without_end(server: RestartingRedis) -> None:
    with redis_claims(server.url, timeout=_TIMEOUT) as claims:
        claims.claim(Attempt(IDENTITY, 1), [1])
        server.hang()
        async with asyncio.timeout(20 * _TIMEOUT):
            with pytest.raises(LedgerUnavailableError):
                await asyncio.to_thread(claims.claim, Attempt(IDENTITY, 1), [1])


async def test_answers_to_calls_that_were_cancelled_go_to_nobody(redis_url: str) -> None:
    chance = random.Random(7)  # noqa: S311 - a plan that can be repeated, no secret
    async with redis_ledger(redis_url, prefix=a_stream()) as ledger, RedisRawIndex(redis_url) as index:
        slots = [a_slot(group=f"cancelled {number}") for number in range(20)]
        await index.put({slot: slot.group for slot in slots})
        for _ in range(200):
            slot = chance.choice(slots)
            asking = asyncio.ensure_future(index.find([slot]))
            reading = asyncio.ensure_future(ledger.unreadable("nothing"))
            await asyncio.sleep(chance.uniform(0.0, 0.0005))
            if chance.random() < 0.5:
                asking.cancel()
                reading.cancel()
            for task, expected in ((asking, [slot.group]), (reading, {})):
                with contextlib.suppress(asyncio.CancelledError):
                    assert await task == expected
