"""The control notes in an SQLite file."""

import asyncio
import functools
import json
import logging
import sqlite3
from collections.abc import AsyncIterator
from typing import Any

from adapters.common.visit_record import cancellation_from_record
from adapters.sqlite.adapter import now, row_of
from adapters.sqlite.queue_file import POLL_SECONDS, QueueAdapter
from domain.visit import Cancellation, Identity
from ports.control import ControlUnavailableError, Note, Superseded

__all__ = ["SqliteControl", "put_note"]

_LOG = logging.getLogger(__name__)


class SqliteControl(QueueAdapter):
    """`ports.control.ControlWriter` and `ports.control.ControlNotes`.

    Parameters
    ----------
    address, timeout
        As for `adapters.sqlite.file.SqliteFile`.
    keep_seconds
        How long notes and tombstones count.
    """

    def __init__(self, address: str, *, keep_seconds: float = 3600.0, timeout: float = 5.0) -> None:
        super().__init__(address, unavailable=ControlUnavailableError, timeout=timeout)
        self._keep_seconds = keep_seconds

    async def put(self, note: Note) -> None:
        """Write a note; who follows finds it at the next look."""
        await self._change(lambda connection: put_note(connection, note))

    async def is_cancelled(self, sal_index: int, group: str) -> bool:
        """Say whether a tombstone stands for the visit."""
        query = "SELECT 1 FROM tombstone WHERE sal_index = ? AND visit_group = ? AND stored > ?"
        oldest = now() - self._keep_seconds
        return await self._read(
            lambda connection: row_of(connection, query, sal_index, group, oldest) is not None
        )

    async def follow(self) -> AsyncIterator[Note]:
        """Iterate over the notes that are kept, then over what comes."""
        last, is_away = 0, False
        while True:
            try:
                found = await self._read(functools.partial(self._after, last))
            except ControlUnavailableError as error:
                if not is_away:
                    _LOG.error("control notes cannot be followed, retrying: %s", error)
                is_away, found = True, []
            else:
                is_away = False
            for number, note in found:
                last = number
                yield note
            await asyncio.sleep(0 if found else POLL_SECONDS)

    def _after(self, last: int, connection: sqlite3.Connection) -> list[tuple[int, Note]]:
        query = "SELECT number, note FROM note WHERE number > ? AND stored > ? ORDER BY number"
        rows = connection.execute(query, (last, now() - self._keep_seconds)).fetchall()
        return [(number, _from_record(json.loads(note))) for number, note in rows]


def put_note(connection: sqlite3.Connection, note: Note) -> None:
    """Write a note, and a tombstone if it is a cancellation, within a transaction."""
    time = now()
    if isinstance(note, Cancellation):
        connection.execute("REPLACE INTO tombstone VALUES (?, ?, ?)", (note.sal_index, note.group, time))
    connection.execute("INSERT INTO note (stored, note) VALUES (?, ?)", (time, json.dumps(_to_record(note))))


def _to_record(note: Note) -> dict[str, Any]:
    if isinstance(note, Cancellation):
        return {"salIndex": note.sal_index, "scriptSalIndex": note.script_sal_index, "groupId": note.group}
    identity = note.identity
    return {"superseded": [identity.instrument, identity.group, identity.detector], "revision": note.revision}


def _from_record(record: dict[str, Any]) -> Note:
    if "superseded" in record:
        return Superseded(identity=Identity(*record["superseded"]), revision=record["revision"])
    return cancellation_from_record(record)
