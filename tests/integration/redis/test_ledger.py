"""The ledger and the claims on Redis: the contract, and whether the server is durable."""

from collections.abc import AsyncIterator

import pytest
import redis.asyncio

from tests.contract_suites.claims import ClaimsContract
from tests.contract_suites.ledger import LedgerContract
from tests.integration.redis.benches import RedisLedgerBench, redis_ledger

pytestmark = pytest.mark.slow


class _OnRealServer:
    @pytest.fixture
    async def bench(self, redis_url: str) -> AsyncIterator[RedisLedgerBench]:
        async with RedisLedgerBench(redis_url) as bench:
            yield bench


class _OnFakeServer:
    @pytest.fixture
    async def bench(self, fake_redis_url: str) -> AsyncIterator[RedisLedgerBench]:
        async with RedisLedgerBench(fake_redis_url) as bench:
            yield bench


class TestLedgerOnRealServer(_OnRealServer, LedgerContract):
    pass


class TestClaimsOnRealServer(_OnRealServer, ClaimsContract):
    pass


class TestLedgerOnFakeServer(_OnFakeServer, LedgerContract):
    pass


class TestClaimsOnFakeServer(_OnFakeServer, ClaimsContract):
    pass


async def test_what_keeps_a_server_from_being_durable_is_said(redis_url: str) -> None:
    async with redis_ledger(redis_url) as ledger, redis.asyncio.from_url(redis_url) as server:
        assert await ledger.check_durable() == []
        await server.config_set("appendfsync", "everysec")
        try:
            (fault,) = await ledger.check_durable()
        finally:
            await server.config_set("appendfsync", "always")
    assert "appendfsync everysec, not always" in fault


async def test_a_server_that_does_not_tell_is_named(fake_redis_url: str) -> None:
    async with redis_ledger(fake_redis_url) as ledger:
        (fault,) = await ledger.check_durable()
    assert "does not tell" in fault
