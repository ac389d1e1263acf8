"""The index of raws in an SQLite file."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from adapters.sqlite.adapter import SqliteAdapter, now, row_of
from ports.raw_index import RawIndexUnavailableError, RawSlot

__all__ = ["SqliteRawIndex"]

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS raw (
    instrument TEXT NOT NULL, visit_group TEXT NOT NULL, snap INTEGER NOT NULL, detector_name TEXT NOT NULL,
    uri TEXT NOT NULL, stored REAL NOT NULL,
    PRIMARY KEY (instrument, visit_group, snap, detector_name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS raw_stored ON raw (stored);
"""
_FIND: Final = """
SELECT uri FROM raw
WHERE instrument = ? AND visit_group = ? AND snap = ? AND detector_name = ? AND stored > ?"""


class SqliteRawIndex(SqliteAdapter):
    """`ports.raw_index.RawIndex`.

    Parameters
    ----------
    address, timeout
        As for `adapters.sqlite.file.SqliteFile`.
    lifetime
        Seconds after which an entry is forgotten.
    """

    def __init__(self, address: str, *, lifetime: float = 30 * 86_400.0, timeout: float = 5.0) -> None:
        super().__init__(
            address,
            what="index of raws",
            schema=_SCHEMA,
            unavailable=RawIndexUnavailableError,
            timeout=timeout,
        )
        self._lifetime = lifetime

    async def put(self, found: Mapping[RawSlot, str]) -> None:
        """Note where raws are."""
        time = now()
        rows = [
            (slot.instrument, slot.group, slot.snap, slot.detector_name, uri, time)
            for slot, uri in found.items()
        ]

        def put(connection: sqlite3.Connection) -> None:
            connection.executemany("REPLACE INTO raw VALUES (?, ?, ?, ?, ?, ?)", rows)
            connection.execute("DELETE FROM raw WHERE stored <= ?", (time - self._lifetime,))

        await self._change(put)

    async def find(self, slots: Sequence[RawSlot]) -> Sequence[str | None]:
        """Look slots up, in their order."""
        oldest = now() - self._lifetime

        def find(connection: sqlite3.Connection) -> list[str | None]:
            rows = [
                row_of(connection, _FIND, slot.instrument, slot.group, slot.snap, slot.detector_name, oldest)
                for slot in slots
            ]
            return [None if row is None else str(row[0]) for row in rows]

        return await self._read(find)
