"""The raw microservice's index, in memory."""

from collections.abc import Mapping, Sequence

from domain.times import UtcSeconds
from ports.clock import Clock
from ports.raw_index import RawSlot

__all__ = ["MemoryRawIndex"]


class MemoryRawIndex:
    """`ports.raw_index.RawIndex` that forgets by the injected clock.

    Parameters
    ----------
    clock
        Tells how old entries are.
    lifetime
        GROUP_LIFETIME, seconds.
    """

    def __init__(self, clock: Clock, *, lifetime: float = 86_400.0) -> None:
        self._clock = clock
        self._lifetime = lifetime
        # In the order of their writing, oldest first.
        self._found: dict[RawSlot, tuple[UtcSeconds, str]] = {}

    async def put(self, found: Mapping[RawSlot, str]) -> None:
        """Note where raws are."""
        now = self._clock.utc()
        for slot, uri in found.items():
            self._found.pop(slot, None)
            self._found[slot] = (now, uri)
        self._forget(now)

    async def find(self, slots: Sequence[RawSlot]) -> Sequence[str | None]:
        """Look slots up, in their order."""
        self._forget(self._clock.utc())
        return [self._found[slot][1] if slot in self._found else None for slot in slots]

    def _forget(self, now: UtcSeconds) -> None:
        while self._found:
            slot, (put, _) = next(iter(self._found.items()))
            if now - put < self._lifetime:
                return
            del self._found[slot]
