import contextlib
import uuid
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Any, Self, override

import pytest
import redis.asyncio

from adapters.redis.queue.dead_announcements import RedisDeadAnnouncements
from ports.dead_announcements import DeadAnnouncementsUnavailableError
from tests.contract_suites.dead_announcements import DeadAnnouncementsContract, DeadBench, dead

pytestmark = pytest.mark.slow


class _Bench(DeadBench):
    def __init__(self, url: str, keep: int = 10_000) -> None:
        name = f"fan-out {uuid.uuid4()}"
        self._url = url
        self._key = f"fan-out:{name}:dead"
        self.dead: RedisDeadAnnouncements = RedisDeadAnnouncements(url, name=name, keep=keep)
        self._open = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._open.enter_async_context(self.dead)
        self.raw = await self._open.enter_async_context(redis.asyncio.from_url(self._url))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._open.aclose()

    @override
    async def kept(self) -> Sequence[tuple[str, str, bytes]]:
        entries: Any = await self.raw.xrange(self._key)
        return [
            (fields[b"position"].decode(), fields[b"reason"].decode(), fields[b"body"])
            for _, fields in entries
        ]


class TestRealServer(DeadAnnouncementsContract):
    @pytest.fixture
    async def bench(self, redis_url: str) -> AsyncIterator[DeadBench]:
        async with _Bench(redis_url) as bench:
            yield bench


class TestFakeServer(DeadAnnouncementsContract):
    @pytest.fixture
    async def bench(self, fake_redis_url: str) -> AsyncIterator[DeadBench]:
        async with _Bench(fake_redis_url) as bench:
            yield bench


async def test_neither_their_number_nor_their_size_is_without_bounds(redis_url: str) -> None:
    async with _Bench(redis_url, keep=100) as bench:
        for offset in range(400):
            await bench.dead.put(dead(offset, b"x" * 100_000 if offset == 399 else b"x"), "y" * 5000)
        kept = await bench.kept()
    # The server forgets whole nodes, of a hundred entries.
    assert 100 <= len(kept) <= 200
    position, reason, body = kept[-1]
    assert (position, len(reason), len(body)) == ("topic[0]@399", 2000, 65_536)


async def test_a_server_out_of_reach_is_said() -> None:
    unreachable = RedisDeadAnnouncements("redis://127.0.0.1:1/0", name="fan-out")
    with pytest.raises(DeadAnnouncementsUnavailableError, match=r"127\.0\.0\.1:1"):
        await unreachable.put(dead(1), "no Avro")
    await unreachable.close()
