"""The raw microservice's index on Redis, under the keys that existing tools read."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from adapters.redis.connection import Connected, RedisConnection, lua
from ports.raw_index import RawIndexUnavailableError, RawSlot

__all__ = ["RedisRawIndex"]

_PUT_RAWS: Final = lua("put_raws")

_AT_ONCE: Final = 1000
"""Entries in one command."""


class RedisRawIndex(Connected):
    """`ports.raw_index.RawIndex` on one connection.

    While an answer is awaited, further lookups gather, and go together as the
    next command: a round trip each would bound the rate of lookups.

    Parameters
    ----------
    url
        As for `RedisConnection`.
    lifetime
        GROUP_LIFETIME, seconds.
    timeout
        Seconds for one command.
    """

    def __init__(self, url: str, *, lifetime: float = 86_400.0, timeout: float = 5.0) -> None:
        self._lifetime = lifetime
        self._redis = RedisConnection(url, unavailable=RawIndexUnavailableError, timeout=timeout)
        self._gathered: list[tuple[list[str], asyncio.Future[Sequence[str | None]]]] = []
        self._asking: asyncio.Task[None] | None = None
        super().__init__(self._redis)

    async def put(self, found: Mapping[RawSlot, str]) -> None:
        """Note where raws are."""
        entries = list(found.items())
        milliseconds = round(self._lifetime * 1000)
        for start in range(0, len(entries), _AT_ONCE):
            part = entries[start : start + _AT_ONCE]
            keys = [_key(slot) for slot, _ in part]
            await self._redis.run(_PUT_RAWS, keys, [milliseconds, *[uri for _, uri in part]])

    async def find(self, slots: Sequence[RawSlot]) -> Sequence[str | None]:
        """Look slots up, together with what others ask at the same time."""
        if not slots:
            return []
        answer: asyncio.Future[Sequence[str | None]] = asyncio.get_running_loop().create_future()
        self._gathered.append(([_key(slot) for slot in slots], answer))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return await answer

    async def _ask(self) -> None:
        """Ask for all that has gathered, until nothing is left."""
        try:
            while self._gathered:
                questions, self._gathered = self._gathered, []
                await self._ask_together(questions)
        finally:
            self._asking = None

    async def _ask_together(
        self, questions: Sequence[tuple[list[str], asyncio.Future[Sequence[str | None]]]]
    ) -> None:
        keys = [key for asked, _ in questions for key in asked]
        found: list[str | None] = []
        try:
            for start in range(0, len(keys), _AT_ONCE):
                found += await self._redis.call("MGET", *keys[start : start + _AT_ONCE])
        except RawIndexUnavailableError as error:
            for _, answer in questions:
                if not answer.done():
                    answer.set_exception(error)
            return
        start = 0
        for asked, answer in questions:
            if not answer.done():
                answer.set_result(found[start : start + len(asked)])
            start += len(asked)


def _key(slot: RawSlot) -> str:
    return f"GROUP:{slot.instrument}:{slot.group}:{slot.snap}:{slot.detector_name}"
