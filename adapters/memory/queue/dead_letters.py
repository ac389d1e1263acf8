"""Dead letters of a queue in memory."""

from collections.abc import Sequence

from adapters.memory.queue.queue_store import MemoryQueueStore
from ports.dead_letters import DeadLetter, DeadLettersUnavailableError

__all__ = ["MemoryWorkLetters"]


class MemoryWorkLetters:
    """`ports.dead_letters.ReplayableLetters` of a shared store."""

    def __init__(self, store: MemoryQueueStore) -> None:
        self._store = store

    async def letters(self) -> Sequence[DeadLetter]:
        """See `ports.dead_letters.DeadLetters.letters`."""
        return [
            DeadLetter(
                id=each.entry,
                origin=each.origin,
                reason=each.reason,
                since=each.since,
                instrument=each.work.visit.instrument if each.work else "",
                group=each.work.visit.group if each.work else "",
                detector=each.work.detector if each.work else None,
            )
            for each in self._reached().dead
        ]

    async def replay(self, letter: DeadLetter) -> str:
        """See `ports.dead_letters.ReplayableLetters.replay`."""
        found = [each for each in self._reached().dead if each.entry == letter.id]
        return self._store.exhume(found[0]) if found else ""

    async def discard(self, letter: DeadLetter, reason: str) -> bool:  # noqa: ARG002 - the caller logs it
        """See `ports.dead_letters.DeadLetters.discard`."""
        found = [each for each in self._reached().dead if each.entry == letter.id]
        for each in found:
            self._store.dead.remove(each)
        return bool(found)

    def _reached(self) -> MemoryQueueStore:
        if self._store.outage:
            raise DeadLettersUnavailableError(f"queue {self._store.name}: {self._store.outage}")
        return self._store
