"""The control stream on Redis: the contract, several instruments, and a server that goes away."""

import contextlib
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self

import pytest
import redis.asyncio

from adapters.redis.queue.control import RedisControlNotes, RedisControlWriter
from domain.visit import Cancellation, Identity
from ports.control import Superseded
from tests.contract_suites.control import ControlBench, ControlContract, read
from tests.integration.redis.benches import a_stream

pytestmark = pytest.mark.slow


class _Bench(ControlBench):
    keep_seconds = 1.5

    def __init__(self, url: str) -> None:
        stream, keep = a_stream(), self.keep_seconds
        self._writer = RedisControlWriter(url, streams={"Lowell": stream}, keep_seconds=keep)
        self._notes = RedisControlNotes(url, stream=stream, keep_seconds=keep)
        self.writer, self.notes = self._writer, self._notes

    async def __aenter__(self) -> Self:
        await self._writer.open()
        await self._notes.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._writer.close()
        await self._notes.close()


class TestRealServer(ControlContract):
    @pytest.fixture
    async def bench(self, redis_url: str) -> AsyncIterator[ControlBench]:
        async with _Bench(redis_url) as bench:
            yield bench


class TestFakeServer(ControlContract):
    @pytest.fixture
    async def bench(self, fake_redis_url: str) -> AsyncIterator[ControlBench]:
        async with _Bench(fake_redis_url) as bench:
            yield bench


async def test_a_cancellation_reaches_every_instrument_a_revision_its_own(redis_url: str) -> None:
    streams = {"Lowell": a_stream(), "Other": a_stream()}
    cancellation = Cancellation(sal_index=2, script_sal_index=1, group="g")
    superseded = Superseded(identity=Identity("Other", "g", 4), revision=2)
    async with contextlib.AsyncExitStack() as stack:
        writer = await stack.enter_async_context(RedisControlWriter(redis_url, streams=streams))
        lowell, other = [
            await stack.enter_async_context(RedisControlNotes(redis_url, stream=stream))
            for stream in streams.values()
        ]
        await writer.put(superseded)
        await writer.put(cancellation)
        assert await lowell.is_cancelled(2, "g")
        assert await other.is_cancelled(2, "g")
        assert await read(lowell.follow(), 1) == [cancellation]
        assert await read(other.follow(), 2) == [superseded, cancellation]


async def test_what_is_no_note_is_passed_over(redis_url: str, caplog: pytest.LogCaptureFixture) -> None:
    stream = a_stream()
    cancellation = Cancellation(sal_index=2, script_sal_index=1, group="g")
    async with (
        redis.asyncio.from_url(redis_url) as server,
        RedisControlWriter(redis_url, streams={"Lowell": stream}) as writer,
        RedisControlNotes(redis_url, stream=stream) as notes,
    ):
        strange: list[dict[Any, Any]] = [
            {"kind": "unheard of"},
            {"anything": b"\xff\xfe"},
            {"kind": "cancelled", "salIndex": "two", "scriptSalIndex": "1", "groupId": "g"},
            {"kind": "cancelled", "salIndex": "2", "scriptSalIndex": "1", "groupId": " "},
            {"kind": "superseded", "instrument": "i", "groupId": "g", "revision": "2", "detectors": "7"},
        ]
        for fields in strange:
            await server.xadd(f"{stream}:control", fields)
        await writer.put(cancellation)
        assert await read(notes.follow(), 1) == [cancellation]
    assert len([record for record in caplog.records if "skipped" in record.message]) == 5
