"""The raw microservice's index on Redis, under the keys that existing tools read."""

from collections.abc import Mapping, Sequence
from typing import Final

from adapters.redis.connection import RedisAdapter, RedisConnection, lua
from ports.raw_index import RawIndexUnavailableError, RawSlot

__all__ = ["RedisRawIndex"]

_PUT_RAWS: Final = lua("put_raws")

_AT_ONCE: Final = 1000
"""Entries in one command."""


class RedisRawIndex(RedisAdapter):
    """`ports.raw_index.RawIndex` on one connection.

    Each lookup is a command of its own; whoever serves many at a time merges
    them before.

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
        """Look slots up, in their order."""
        found: list[str | None] = []
        for start in range(0, len(slots), _AT_ONCE):
            found += await self._redis.call("MGET", *map(_key, slots[start : start + _AT_ONCE]))
        return found


def _key(slot: RawSlot) -> str:
    return f"GROUP:{slot.instrument}:{slot.group}:{slot.snap}:{slot.detector_name}"
