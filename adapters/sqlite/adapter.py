"""What adapters on an SQLite file have in common: one thread for each, and changes that are made or not."""

import sqlite3
import time
from collections.abc import Callable
from typing import Any

from adapters.common.opened import Opened
from adapters.common.own_threads import OwnThreads
from adapters.sqlite.file import SqliteFile
from domain.errors import PromptProcessingError
from domain.times import UtcSeconds

__all__ = ["SqliteAdapter", "now", "row_of"]


class SqliteAdapter(Opened):
    """Base of adapters on a file, each of which uses it in a thread of its own.

    Parameters
    ----------
    address, what, schema, unavailable, timeout
        As for `SqliteFile`.
    """

    def __init__(
        self,
        address: str,
        *,
        what: str,
        schema: str,
        unavailable: type[PromptProcessingError],
        timeout: float = 5.0,
    ) -> None:
        self._file = SqliteFile(address, what=what, schema=schema, unavailable=unavailable, timeout=timeout)
        self._thread = OwnThreads(what, unavailable)

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
