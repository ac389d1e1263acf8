"""The queue of visit-detectors in an SQLite file, for the processes of one machine."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Collection
from typing import Final

from adapters.sqlite.adapter import now, row_of
from adapters.sqlite.deliveries import (
    add_again,
    bury,
    forget,
    lease_from,
    postpone,
    put_back_due,
    raise_incarnation,
)
from adapters.sqlite.queue_file import POLL_SECONDS, QueueAdapter
from domain.visit import Identity
from ports.work_queue import LEASE_SECONDS, Lease, LeaseLostError, QueueDepth, QueueUnavailableError

__all__ = ["SqliteQueueUpkeep", "SqliteWorkQueue"]

_LOG = logging.getLogger(__name__)

_HAS_WORK: Final = """
SELECT 1 FROM delivery WHERE queue = ?1 AND consumer IS NULL
UNION ALL SELECT 1 FROM delivery WHERE queue = ?1 AND consumer IS NOT NULL AND renewed <= ?2
UNION ALL SELECT 1 FROM delayed WHERE queue = ?1 AND due <= ?3 LIMIT 1"""
_EXPIRED: Final = """
SELECT entry, priority, consumer FROM delivery WHERE queue = ? AND consumer IS NOT NULL AND renewed <= ?
ORDER BY priority, renewed"""
_NEXT: Final = """
SELECT entry, priority FROM delivery WHERE queue = ? AND consumer IS NULL ORDER BY priority, entry LIMIT 1"""
_TAKE: Final = """
UPDATE delivery SET consumer = ?, renewed = ?, times_leased = times_leased + 1 WHERE entry = ?
RETURNING entry, origin, enqueued, contents, revision, times_leased"""
_IS_HELD: Final = """
WHERE entry = ? AND consumer = ? AND times_leased = ?
AND (SELECT value FROM incarnation WHERE incarnation.queue = delivery.queue) = ?"""
_UNTAKE: Final = f"UPDATE delivery SET consumer = NULL, times_leased = times_leased - 1 {_IS_HELD}"  # noqa: S608 - the condition above
_RENEW: Final = f"UPDATE delivery SET renewed = ? {_IS_HELD}"  # noqa: S608 - the condition above
_HOLDS: Final = f"SELECT 1 FROM delivery {_IS_HELD}"  # noqa: S608 - the condition above
_DEPTH: Final = """
SELECT (SELECT count(*) FROM delivery WHERE queue = ?1 AND consumer IS NULL),
(SELECT count(*) FROM delivery WHERE queue = ?1 AND consumer IS NOT NULL),
(SELECT count(*) FROM dead_letter WHERE queue = ?1), (SELECT count(*) FROM delayed WHERE queue = ?1)"""
_UNFINISHED: Final = """
SELECT instrument, visit_group, detector FROM delivery WHERE queue = ?1 AND instrument IS NOT NULL
UNION SELECT instrument, visit_group, detector FROM delayed WHERE queue = ?1 AND instrument IS NOT NULL"""
_TRIM: Final = """
DELETE FROM dead_letter WHERE queue = ?1 AND entry NOT IN
(SELECT entry FROM dead_letter WHERE queue = ?1 ORDER BY entry DESC LIMIT ?2)"""
_FORGET: Final = (
    "DELETE FROM published WHERE stored < ?",
    "DELETE FROM remembered WHERE stored < ?",
    "DELETE FROM note WHERE stored < ?",
    "DELETE FROM tombstone WHERE stored < ?",
)
_KEPT_SECONDS: Final = 3 * 86_400.0
_KEPT_LETTERS: Final = 10_000


class SqliteWorkQueue(QueueAdapter):
    """`ports.work_queue.WorkQueue` for one consumer.

    Parameters
    ----------
    address, timeout
        As for `adapters.sqlite.file.SqliteFile`.
    queue
        Name of the queue within the file.
    consumer
        Name of the consumer, which no other one has.
    lease_seconds
        How long a lease lasts unless it is renewed, by this machine's clock.
    """

    def __init__(
        self,
        address: str,
        *,
        queue: str,
        consumer: str,
        lease_seconds: float = LEASE_SECONDS,
        timeout: float = 5.0,
    ) -> None:
        super().__init__(address, unavailable=QueueUnavailableError, timeout=timeout)
        self._queue = queue
        self._consumer = consumer
        self._lease_seconds = lease_seconds

    async def lease(self, wait: float) -> Lease | None:
        """Lease an expired delivery, else the next one; old work only if there is no other."""
        loop = asyncio.get_running_loop()
        end = loop.time() + wait
        while True:
            if await self._read(self._has_work) and (lease := await self._taken()) is not None:
                return lease
            remaining = end - loop.time()
            if remaining <= 0:
                return None
            await asyncio.sleep(min(POLL_SECONDS, remaining))

    async def renew(self, lease: Lease) -> None:
        """Start the lease's time anew."""
        values = (now(), *self._held(lease))

        def renew(connection: sqlite3.Connection) -> bool:
            return connection.execute(_RENEW, values).rowcount == 1

        if not await self._change(renew):
            raise LeaseLostError(f"{self._consumer} holds {lease.entry} of {lease.queue} no longer")

    async def acknowledge(self, lease: Lease) -> None:
        """Take the delivery out of the queue."""
        await self._end(lease, forget)

    async def give_back(self, lease: Lease) -> None:
        """Put the work back, behind all others."""
        await self._end(lease, add_again)

    async def postpone(self, lease: Lease, seconds: float, open_attempt: int = 0) -> None:
        """Put the work away for a time."""
        due = now() + seconds
        await self._end(lease, lambda connection, entry: postpone(connection, entry, due, open_attempt))

    async def set_aside(self, lease: Lease, reason: str) -> None:
        """Move the delivery to the dead letters."""
        await self._end(lease, lambda connection, entry: bury(connection, entry, reason))

    async def raise_incarnation(self, at_least: int) -> None:
        """See `ports.work_queue.WorkQueue.raise_incarnation`."""
        await self._change(lambda connection: raise_incarnation(connection, self._queue, at_least))

    async def leave(self) -> None:
        """Stop being a consumer: nothing is kept of one that holds nothing."""

    async def _taken(self) -> Lease | None:
        """Lease what there is; what was leased while this was cancelled is as if nobody had leased it."""
        taking = asyncio.ensure_future(self._change(self._take))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            lease = await taking
            if lease is not None:
                held = self._held(lease)
                await self._change(lambda connection: connection.execute(_UNTAKE, held))
            raise

    def _has_work(self, connection: sqlite3.Connection) -> bool:
        return row_of(connection, _HAS_WORK, self._queue, now() - self._lease_seconds, now()) is not None

    def _take(self, connection: sqlite3.Connection) -> Lease | None:
        time = now()
        put_back_due(connection, self._queue, time)
        expired = row_of(connection, _EXPIRED, self._queue, time - self._lease_seconds)
        waiting = row_of(connection, _NEXT, self._queue)
        if expired is None and waiting is None:
            return None
        found = min(filter(None, (expired, waiting)), key=lambda row: row[1])
        if found is expired:
            _LOG.warning("lease of %s on %s expired: reclaimed", expired[2], expired[0])
        row = row_of(connection, _TAKE, self._consumer, time, found[0])
        return None if row is None else lease_from(connection, self._queue, row)

    async def _end(self, lease: Lease, change: Callable[[sqlite3.Connection, int], None]) -> None:
        """Make a change if the lease still holds; else it changes nothing."""

        def end(connection: sqlite3.Connection) -> None:
            if row_of(connection, _HOLDS, *self._held(lease)) is not None:
                change(connection, int(lease.entry))

        await self._change(end)

    def _held(self, lease: Lease) -> tuple[int, str, int, int]:
        return int(lease.entry), self._consumer, lease.times_leased, lease.incarnation


class SqliteQueueUpkeep(QueueAdapter):
    """`ports.work_queue.QueueUpkeep` of one queue.

    Parameters
    ----------
    address, timeout
        As for `adapters.sqlite.file.SqliteFile`.
    queue
        Name of the queue within the file.
    lease_seconds
        As the consumers have it.
    """

    def __init__(
        self, address: str, *, queue: str, lease_seconds: float = LEASE_SECONDS, timeout: float = 5.0
    ) -> None:
        super().__init__(address, unavailable=QueueUnavailableError, timeout=timeout)
        self._queue = queue
        self._lease_seconds = lease_seconds

    async def put_back_expired(self) -> int:
        """Put back what expired."""
        return await self._change(self._put_back)

    async def put_back_due(self) -> int:
        """Put back what is due."""
        return await self._change(lambda connection: put_back_due(connection, self._queue, now()))

    async def trim(self) -> int:
        """Forget old dead letters, marks and notes; finished deliveries are gone already."""
        return await self._change(self._trim)

    async def depth(self) -> QueueDepth:
        """Tell how much there is to do."""
        return await self._read(self._depth)

    async def unfinished(self) -> Collection[Identity]:
        """List the work that waits, is leased or is postponed."""
        return await self._read(self._unfinished)

    def _put_back(self, connection: sqlite3.Connection) -> int:
        expired = connection.execute(_EXPIRED, (self._queue, now() - self._lease_seconds)).fetchall()
        for entry, *_ in expired:
            add_again(connection, entry)
        return len(expired)

    def _trim(self, connection: sqlite3.Connection) -> int:
        connection.execute(_TRIM, (self._queue, _KEPT_LETTERS))
        for statement in _FORGET:
            connection.execute(statement, (now() - _KEPT_SECONDS,))
        return 0

    def _depth(self, connection: sqlite3.Connection) -> QueueDepth:
        waiting, leased, dead, delayed = row_of(connection, _DEPTH, self._queue) or (0, 0, 0, 0)
        return QueueDepth(waiting=waiting, leased=leased, dead=dead, delayed=delayed)

    def _unfinished(self, connection: sqlite3.Connection) -> frozenset[Identity]:
        rows = connection.execute(_UNFINISHED, (self._queue,)).fetchall()
        return frozenset(Identity(*row) for row in rows)
