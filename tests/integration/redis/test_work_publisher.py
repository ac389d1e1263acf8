"""The producing end on Redis: the contract, and what only a server can show."""

from collections.abc import AsyncIterator

import pytest

from tests.contract_suites.work_publisher import WorkPublisherContract
from tests.integration.redis.benches import RedisPublisherBench

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
