"""The control notes, in memory."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from domain.times import UtcSeconds
from domain.visit import Cancellation
from ports.clock import Clock
from ports.control import Note

__all__ = ["MemoryControl"]


class MemoryControl:
    """`ports.control.ControlWriter` and `ports.control.ControlNotes` in one event loop.

    Parameters
    ----------
    clock
        Tells how old notes are.
    keep_seconds
        How long notes and tombstones are kept.
    """

    def __init__(self, clock: Clock, *, keep_seconds: float = 3600.0) -> None:
        self._clock = clock
        self._keep_seconds = keep_seconds
        self._notes: deque[tuple[UtcSeconds, Note]] = deque()
        self._forgotten = 0
        self._tombstones: dict[tuple[int, str], UtcSeconds] = {}
        self._news = asyncio.Event()

    async def put(self, note: Note) -> None:
        """Write a note and wake who follows."""
        self.put_now(note)

    def put_now(self, note: Note) -> None:
        """Write a note in one step with something else."""
        now = self._clock.utc()
        if isinstance(note, Cancellation):
            self._tombstones.pop((note.sal_index, note.group), None)
            self._tombstones[note.sal_index, note.group] = now
        self._notes.append((now, note))
        self._forget(now)
        self._news.set()
        self._news = asyncio.Event()

    def wipe(self) -> None:
        """Lose everything, for tests."""
        self._forgotten += len(self._notes)
        self._notes.clear()
        self._tombstones.clear()

    async def is_cancelled(self, sal_index: int, group: str) -> bool:
        """Say whether a tombstone stands for the visit."""
        put = self._tombstones.get((sal_index, group))
        return put is not None and self._clock.utc() - put < self._keep_seconds

    async def follow(self) -> AsyncIterator[Note]:
        """Iterate over the notes that are kept, then over what comes."""
        self._forget(self._clock.utc())
        position = self._forgotten
        while True:
            position = max(position, self._forgotten)
            while position - self._forgotten < len(self._notes):
                _, note = self._notes[position - self._forgotten]
                position += 1
                yield note
            await self._news.wait()

    def _forget(self, now: UtcSeconds) -> None:
        oldest = now - self._keep_seconds
        while self._notes and self._notes[0][0] <= oldest:
            self._notes.popleft()
            self._forgotten += 1
        while self._tombstones and next(iter(self._tombstones.values())) <= oldest:
            del self._tombstones[next(iter(self._tombstones))]
