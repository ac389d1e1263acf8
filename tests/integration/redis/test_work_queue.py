"""The queue on Redis: the contract, and what only a server can show."""

from collections.abc import AsyncIterator

import pytest

from tests.contract_suites.work_queue import WorkQueueContract
from tests.integration.redis.benches import RedisQueueBench

pytestmark = pytest.mark.slow


class TestRealServer(WorkQueueContract):
    @pytest.fixture
    async def bench(self, redis_url: str) -> AsyncIterator[RedisQueueBench]:
        async with RedisQueueBench(redis_url) as bench:
            yield bench


class TestFakeServer(WorkQueueContract):
    @pytest.fixture
    async def bench(self, fake_redis_url: str) -> AsyncIterator[RedisQueueBench]:
        async with RedisQueueBench(fake_redis_url) as bench:
            yield bench
