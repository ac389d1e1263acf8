"""The raws' index on Redis: the contract, and the keys that other tools read."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis.asyncio

from adapters.redis.raw_index import RedisRawIndex
from ports.raw_index import RawIndexUnavailableError
from tests.contract_suites.raw_index import RawIndexContract, a_slot

pytestmark = pytest.mark.slow


class TestRealServer(RawIndexContract):
    @pytest.fixture
    async def index(self, redis_url: str) -> AsyncIterator[RedisRawIndex]:
        async with RedisRawIndex(redis_url) as index, redis.asyncio.from_url(redis_url) as server:
            await server.flushdb()
            yield index


class TestFakeServer(RawIndexContract):
    @pytest.fixture
    async def index(self, fake_redis_url: str) -> AsyncIterator[RedisRawIndex]:
        async with RedisRawIndex(fake_redis_url) as index, redis.asyncio.from_url(fake_redis_url) as server:
            await server.flushdb()
            yield index


async def test_the_key_is_the_public_one_and_expires(redis_url: str) -> None:
    async with (
        RedisRawIndex(redis_url, lifetime=500) as index,
        redis.asyncio.from_url(redis_url, decode_responses=True) as server,
    ):
        await index.put({a_slot("R22_S11", snap=1, group="public"): "s3://b/1"})
        key = "GROUP:LSSTCam:public:1:R22_S11"
        assert await server.get(key) == "s3://b/1"
        assert 490 < await server.ttl(key) <= 500
        await server.set("GROUP:LSSTCam:public:0:R22_S11", "s3://b/0", ex=500)
        assert list(await index.find([a_slot("R22_S11", snap=0, group="public")])) == ["s3://b/0"]


async def test_more_than_one_command_can_hold(redis_url: str) -> None:
    async with RedisRawIndex(redis_url) as index:
        slots = [a_slot(group="many", snap=number) for number in range(2500)]
        await index.put({slot: f"s3://b/{slot.snap}" for slot in slots})
        assert list(await index.find(slots)) == [f"s3://b/{number}" for number in range(2500)]


async def test_all_who_ask_learn_that_the_server_is_away() -> None:
    index = RedisRawIndex("redis://127.0.0.1:1", timeout=0.5)
    found = await asyncio.gather(*[index.find([a_slot()]) for _ in range(3)], return_exceptions=True)
    assert {type(each) for each in found} == {RawIndexUnavailableError}
    with pytest.raises(RawIndexUnavailableError, match=r"127\.0\.0\.1:1"):
        await index.find([a_slot()])
    await index.close()
