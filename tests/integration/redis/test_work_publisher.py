"""The producing end on Redis: the contract, and what only a server can show."""

import asyncio
import collections
import statistics
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis.asyncio

from adapters.redis.queue.fanned_out_visit import to_fields
from adapters.redis.queue.work_publisher import RedisWorkPublisher
from domain.visit import VisitDetector
from tests.contract_suites.samples import INSTRUMENT, a_visit
from tests.contract_suites.work_publisher import WorkPublisherContract
from tests.integration.redis.benches import RedisPublisherBench, a_stream

pytestmark = pytest.mark.slow


class TestRealServer(WorkPublisherContract):
    @pytest.fixture
    async def bench(self, redis_url: str) -> AsyncIterator[RedisPublisherBench]:
        async with RedisPublisherBench(redis_url) as bench:
            yield bench


class TestFakeServer(WorkPublisherContract):
    @pytest.fixture
    async def bench(self, fake_redis_url: str) -> AsyncIterator[RedisPublisherBench]:
        async with RedisPublisherBench(fake_redis_url) as bench:
            yield bench


async def test_a_visit_takes_a_quarter_or_less_of_one_command_per_copy(redis_url: str) -> None:
    whole, single = [], []
    async with (
        RedisWorkPublisher(redis_url, streams={INSTRUMENT: a_stream()}) as publisher,
        redis.asyncio.from_url(redis_url) as server,
    ):
        stream = a_stream()
        for number in range(12):
            visit = a_visit(f"g{number}")
            begin = time.perf_counter()
            await publisher.publish(visit, range(189))
            middle = time.perf_counter()
            # At once, each on a connection of its own, as it is done today.
            entries: list[Any] = [to_fields(VisitDetector(visit, detector)) for detector in range(189)]
            for start in range(0, 189, 90):
                await asyncio.gather(*[server.xadd(stream, each) for each in entries[start : start + 90]])
            whole.append(middle - begin)
            single.append(time.perf_counter() - middle)
    assert statistics.median(whole) < statistics.median(single) / 4


async def test_of_200_visits_at_once_nothing_is_lost(redis_url: str) -> None:
    stream, groups = a_stream(), [f"g{number}" for number in range(200)]
    async with (
        RedisWorkPublisher(redis_url, streams={INSTRUMENT: stream}) as publisher,
        # 12,000 entries are longer under way than one command may last by default.
        redis.asyncio.from_url(redis_url, decode_responses=True, socket_timeout=60.0) as server,
    ):
        await asyncio.gather(*[publisher.publish(a_visit(group), range(60)) for group in groups])
        entries: Any = await server.xrange(stream)
        await server.delete(stream)
    found = collections.Counter((fields["groupId"], fields["detector"]) for _, fields in entries)
    assert found == {(group, str(detector)): 1 for group in groups for detector in range(60)}


async def test_the_mark_outlives_what_it_must_and_no_more(redis_url: str) -> None:
    stream = a_stream()
    async with (
        RedisWorkPublisher(redis_url, streams={INSTRUMENT: stream}, mark_seconds=500.0) as publisher,
        redis.asyncio.from_url(redis_url) as server,
    ):
        await publisher.publish(a_visit("g"), [1])
        assert 490 < await server.ttl(f"{stream}:visit:{INSTRUMENT}:g") <= 500
