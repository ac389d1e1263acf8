"""Dead letters in an SQLite file, to be looked at, replayed and discarded."""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from adapters.sqlite.adapter import now, row_of
from adapters.sqlite.deliveries import add_letter, work_from
from adapters.sqlite.queue_file import QueueAdapter
from domain.times import UtcSeconds
from ports.dead_letters import DeadLetter, DeadLettersUnavailableError

__all__ = ["SqliteWorkLetters"]

_LIST: Final = "SELECT entry, reason, contents, buried FROM dead_letter WHERE queue = ? ORDER BY entry"
_TAKE: Final = "DELETE FROM dead_letter WHERE queue = ? AND entry = ? RETURNING contents"


class SqliteWorkLetters(QueueAdapter):
    """`ports.dead_letters.ReplayableLetters` of one queue.

    A letter's origin is the entry under which it was dead-lettered.

    Parameters
    ----------
    address, timeout
        As for `adapters.sqlite.file.SqliteFile`.
    queue
        Name of the queue within the file.
    """

    def __init__(self, address: str, *, queue: str, timeout: float = 5.0) -> None:
        super().__init__(address, unavailable=DeadLettersUnavailableError, timeout=timeout)
        self._queue = queue

    async def letters(self) -> Sequence[DeadLetter]:
        """See `ports.dead_letters.DeadLetters.letters`."""
        rows = await self._read(lambda connection: connection.execute(_LIST, (self._queue,)).fetchall())
        return [_letter(*row) for row in rows]

    async def replay(self, letter: DeadLetter) -> str:
        """See `ports.dead_letters.ReplayableLetters.replay`."""
        return await self._change(lambda connection: self._replayed(connection, letter))

    async def discard(self, letter: DeadLetter, reason: str) -> bool:  # noqa: ARG002 - the caller logs it
        """See `ports.dead_letters.DeadLetters.discard`."""
        return await self._change(lambda connection: self._taken(connection, letter) is not None)

    def _replayed(self, connection: sqlite3.Connection, letter: DeadLetter) -> str:
        row = self._taken(connection, letter)
        if row is None:
            return ""
        return str(add_letter(connection, self._queue, row[0], origin=int(letter.id), enqueued=now()))

    def _taken(self, connection: sqlite3.Connection, letter: DeadLetter) -> tuple[Any, ...] | None:
        return row_of(connection, _TAKE, self._queue, int(letter.id)) if letter.id.isdecimal() else None


def _letter(entry: int, reason: str, contents: str, buried: float) -> DeadLetter:
    work, _ = work_from(contents)
    return DeadLetter(
        id=str(entry),
        origin=str(entry),
        reason=reason,
        since=UtcSeconds(buried),
        instrument=work.visit.instrument if work else "",
        group=work.visit.group if work else "",
        detector=work.detector if work else None,
        body=contents.encode(errors="replace"),
    )
