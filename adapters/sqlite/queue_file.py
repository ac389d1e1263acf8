"""The file behind queue, publisher and control notes: its tables, and one thread for each who uses it."""

import sqlite3
import time
from collections.abc import Callable
from typing import Any, Final

from adapters.common.opened import Opened
from adapters.common.own_threads import OwnThreads
from adapters.sqlite.file import SqliteFile
from domain.errors import PromptProcessingError
from domain.times import UtcSeconds

__all__ = ["POLL_SECONDS", "QueueAdapter", "now", "row_of"]

POLL_SECONDS: Final = 0.1
"""Who waits looks this often: nobody is woken by another process's transaction."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS delivery (
    entry INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, origin INTEGER, enqueued REAL NOT NULL,
    contents TEXT NOT NULL, instrument TEXT, visit_group TEXT, detector INTEGER, revision INTEGER NOT NULL,
    consumer TEXT, times_leased INTEGER NOT NULL DEFAULT 0, renewed REAL
);
CREATE INDEX IF NOT EXISTS delivery_waiting ON delivery (queue, entry) WHERE consumer IS NULL;
CREATE INDEX IF NOT EXISTS delivery_leased ON delivery (queue, renewed) WHERE consumer IS NOT NULL;
CREATE TABLE IF NOT EXISTS dead_letter (
    entry INTEGER PRIMARY KEY, queue TEXT NOT NULL, reason TEXT NOT NULL, contents TEXT NOT NULL,
    buried REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS published (
    instrument TEXT NOT NULL, visit_group TEXT NOT NULL, contents TEXT NOT NULL, revision INTEGER NOT NULL,
    sent REAL NOT NULL, stored REAL NOT NULL,
    PRIMARY KEY (instrument, visit_group, contents)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS remembered (
    instrument TEXT NOT NULL, visit_group TEXT NOT NULL, visit TEXT NOT NULL, stored REAL NOT NULL,
    PRIMARY KEY (instrument, visit_group)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS note (
    number INTEGER PRIMARY KEY AUTOINCREMENT, stored REAL NOT NULL, note TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS tombstone (
    sal_index INTEGER NOT NULL, visit_group TEXT NOT NULL, stored REAL NOT NULL,
    PRIMARY KEY (sal_index, visit_group)
) WITHOUT ROWID;
"""


class QueueAdapter(Opened):
    """Base of the adapters on the file, each of which uses it in a thread of its own.

    Parameters
    ----------
    address, timeout
        As for `SqliteFile`.
    unavailable
        The port's error.
    """

    def __init__(
        self, address: str, *, unavailable: type[PromptProcessingError], timeout: float = 5.0
    ) -> None:
        self._file = SqliteFile(
            address, what="queue", schema=_SCHEMA, unavailable=unavailable, timeout=timeout
        )
        self._thread = OwnThreads("queue", unavailable)

    async def open(self) -> None:
        """Open the file; its tables are made if they are missing."""
        self._thread.open()
        await self._thread.run(self._file.open)

    async def close(self) -> None:
        """Close the file and end the thread."""
        await self._thread.close(self._file.close)

    async def _change[T](self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Make a change in one transaction; it is made or not even if the await is cancelled."""
        return await self._thread.run(self._in_transaction, change)

    async def _read[T](self, read: Callable[[sqlite3.Connection], T]) -> T:
        """Read while others write."""
        return await self._thread.run(self._in_reading, read)

    def _in_transaction[T](self, change: Callable[[sqlite3.Connection], T]) -> T:
        with self._file.transaction() as connection:
            return change(connection)

    def _in_reading[T](self, read: Callable[[sqlite3.Connection], T]) -> T:
        with self._file.reading() as connection:
            return read(connection)


def now() -> UtcSeconds:
    """Tell the time by the clock of this machine, which has the file."""
    return UtcSeconds(time.time())


def row_of(connection: sqlite3.Connection, query: str, *values: object) -> tuple[Any, ...] | None:
    """Find the first row of a query."""
    cursor = connection.execute(query, values)
    try:
        found: tuple[Any, ...] | None = cursor.fetchone()
    finally:
        cursor.close()
    return found
