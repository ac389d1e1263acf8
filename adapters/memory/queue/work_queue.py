"""The queue of visit-detectors, in memory."""

import asyncio
from collections.abc import Collection

from adapters.memory.queue.queue_store import MemoryQueueStore
from domain.visit import Identity
from domain.work.standing import QueueStanding
from ports.work_queue import Lease, LeaseLostError, QueueDepth, QueueUnavailableError

__all__ = ["MemoryQueueUpkeep", "MemoryWorkQueue"]


class MemoryWorkQueue:
    """`ports.work_queue.WorkQueue` for one consumer of a shared store."""

    def __init__(self, store: MemoryQueueStore, consumer: str) -> None:
        self._store = store
        self._consumer = consumer

    async def lease(self, wait: float) -> Lease | None:
        """Lease the next delivery, or an expired one."""
        end = _now() + wait
        while (lease := self._reached().take(self._consumer)) is None:
            remaining = end - _now()
            if remaining <= 0:
                return None
            await self._store.news(remaining)
        return lease

    async def renew(self, lease: Lease) -> None:
        """Start the lease's time anew."""
        if not self._reached().holding(lease, self._consumer):
            raise LeaseLostError(f"{self._consumer} holds {lease.entry} of {lease.queue} no longer")
        self._store.prolong(lease.entry)

    async def acknowledge(self, lease: Lease) -> None:
        """Take the delivery out of the queue."""
        if self._reached().holding(lease, self._consumer):
            self._store.drop(lease.entry)

    async def give_back(self, lease: Lease) -> None:
        """Put the work back."""
        if self._reached().holding(lease, self._consumer):
            self._store.put_back(lease.entry)

    async def postpone(self, lease: Lease, seconds: float, open_attempt: int = 0) -> None:
        """Put the work away for a time."""
        if self._reached().holding(lease, self._consumer):
            self._store.postpone(lease.entry, seconds, open_attempt)

    async def set_aside(self, lease: Lease, reason: str) -> None:
        """Move the delivery to the dead letters."""
        if self._reached().holding(lease, self._consumer):
            self._store.set_aside(lease.entry, reason)

    async def raise_incarnation(self, at_least: int) -> None:
        """See `ports.work_queue.WorkQueue.raise_incarnation`."""
        self._reached().raise_incarnation(at_least)

    async def leave(self) -> None:
        """Stop being a consumer: nothing is kept of one that holds nothing."""
        self._reached()

    def _reached(self) -> MemoryQueueStore:
        if self._store.outage:
            raise QueueUnavailableError(f"queue {self._store.name}: {self._store.outage}")
        return self._store


class MemoryQueueUpkeep:
    """`ports.work_queue.QueueUpkeep` of a shared store."""

    def __init__(self, store: MemoryQueueStore) -> None:
        self._store = store

    async def put_back_expired(self) -> int:
        """Put back what expired."""
        expired = self._store.expired()
        for entry in expired:
            self._store.put_back(entry)
        return len(expired)

    async def put_back_due(self) -> int:
        """Put back what is due."""
        return self._store.put_back_due()

    async def trim(self) -> int:
        """Forget nothing: what is finished is gone already."""
        return 0

    async def depth(self) -> QueueDepth:
        """Tell how much there is to do."""
        return self._store.depth()

    async def unfinished(self) -> Collection[Identity]:
        """List the work that waits, is leased or is postponed."""
        return self._store.unfinished()

    async def standing(self) -> QueueStanding:
        """See `ports.work_queue.RebuildableQueue.standing`."""
        return self._store.standing()

    async def repair_lag(self) -> bool:
        """Say that the count was never lost."""
        return False

    async def raise_incarnation(self, at_least: int) -> None:
        """See `ports.work_queue.WorkQueue.raise_incarnation`."""
        self._store.raise_incarnation(at_least)


def _now() -> float:
    return asyncio.get_running_loop().time()
