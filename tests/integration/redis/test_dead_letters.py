from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.redis.queue.dead_announcements import RedisDeadAnnouncements
from adapters.redis.queue.dead_letters import RedisAnnouncementLetters, RedisWorkLetters
from ports.dead_letters import DeadLettersUnavailableError
from tests.contract_suites.dead_announcements import dead
from tests.contract_suites.dead_letters import DeadLettersContract
from tests.integration.redis.benches import GROUP, RedisQueueBench, a_stream

pytestmark = pytest.mark.slow


class TestRealServer(DeadLettersContract):
    @pytest.fixture
    async def bench(self, redis_url: str) -> AsyncIterator[RedisQueueBench]:
        async with RedisQueueBench(redis_url) as bench:
            yield bench

    @pytest.fixture
    async def letters(self, bench: RedisQueueBench) -> AsyncIterator[RedisWorkLetters]:
        async with RedisWorkLetters(bench.url, stream=bench.stream) as letters:
            yield letters

    async def test_a_letter_of_an_older_release_has_its_entry_as_origin(
        self, bench: RedisQueueBench, letters: RedisWorkLetters
    ) -> None:
        fields: dict[Any, Any] = {"dead_reason": "old", "dead_entry": "7-0", "groupId": "g"}
        await bench.raw.xadd(f"{bench.stream}:dead", fields)
        [letter] = await letters.letters()
        assert (letter.origin, letter.group) == ("7-0", "g")
        entry = await letters.replay(letter)
        assert await bench.raw.xrange(bench.stream) == [(entry, {"groupId": "g"})]
        lease = await (await bench.consumer("a")).lease(0.0)
        assert lease is not None
        assert lease.origin == "7-0"


async def test_announcements_are_listed_and_discarded(redis_url: str) -> None:
    name = a_stream()
    async with (
        RedisDeadAnnouncements(redis_url, name=name) as place,
        RedisAnnouncementLetters(redis_url, name=name) as letters,
    ):
        await place.put(dead(1, b"\0\xff"), "no Avro")
        await place.put(dead(2, b"x" * 70_000), "too long")
        first, second = await letters.letters()
        assert (first.origin, first.reason, first.body, first.is_whole) == (
            "topic[0]@1",
            "no Avro",
            b"\0\xff",
            True,
        )
        assert not second.is_whole
        assert await letters.discard(first, "of no use")
        assert await letters.letters() == [second]
        assert not await letters.discard(first, "of no use")


async def test_a_server_out_of_reach_is_said() -> None:
    letters = RedisWorkLetters("redis://127.0.0.1:1/0", stream=GROUP)
    with pytest.raises(DeadLettersUnavailableError, match=r"127\.0\.0\.1:1"):
        await letters.letters()
    await letters.close()
