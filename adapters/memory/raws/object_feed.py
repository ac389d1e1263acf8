"""A feed of created objects, kept in memory."""

import asyncio
from collections.abc import Sequence

from domain.raws.stored_object import StoredObject
from ports.object_feed import ObjectFeedUnavailableError

__all__ = ["MemoryObjectFeed"]


class MemoryObjectFeed:
    """One topic and its one reader.

    `outage` is for tests: while it is not blank, the topic cannot be reached for
    that reason.
    """

    def __init__(self) -> None:
        self.outage = ""
        self._created: list[StoredObject] = []
        self._next = 0
        self._settled = 0
        self._changed = asyncio.Event()

    def notify(self, stored: StoredObject) -> None:
        """Tell of a new object, as the bucket does."""
        self._created.append(stored)
        self._changed.set()

    def restart(self) -> None:
        """Make the reader a new one, which is given again what was not settled."""
        self._next = self._settled

    async def batch(self) -> Sequence[StoredObject]:
        """See `ports.object_feed.ObjectFeed.batch`."""
        self._check()
        while self._next == len(self._created):
            self._changed.clear()
            await self._changed.wait()
            self._check()
        created = self._created[self._next :]
        self._next = len(self._created)
        return created

    async def settle(self) -> None:
        """See `ports.object_feed.ObjectFeed.settle`."""
        self._check()
        self._settled = self._next

    async def close(self) -> None:
        """See `ports.object_feed.ObjectFeed.close`."""

    def _check(self) -> None:
        if self.outage:
            raise ObjectFeedUnavailableError(f"notifications: {self.outage}")
