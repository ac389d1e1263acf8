"""The file behind the ledger and the claims, with errors in the words of their port."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing

from adapters.common.history import (
    history_from_json,
    history_to_json,
    outcome_from_json,
    outcome_to_json,
    read_or_fault,
)
from adapters.sqlite.file import SqliteFile
from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.attempts import Attempt, WorkHistory
from domain.work.outcomes import Outcome
from ports.ledger import ClaimedElsewhereError, LedgerRecordError, LedgerUnavailableError

__all__ = ["SqliteStore"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS history (
    instrument TEXT NOT NULL, visit_group TEXT NOT NULL, detector INTEGER NOT NULL,
    record TEXT NOT NULL, stored REAL NOT NULL,
    PRIMARY KEY (instrument, visit_group, detector)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS history_stored ON history (instrument, stored);
CREATE TABLE IF NOT EXISTS claim (
    instrument TEXT NOT NULL, exposure INTEGER NOT NULL, detector INTEGER NOT NULL,
    visit_group TEXT NOT NULL, attempt INTEGER NOT NULL,
    PRIMARY KEY (instrument, exposure, detector)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS turn (
    what TEXT PRIMARY KEY, holder TEXT NOT NULL, until REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unread (
    queue TEXT NOT NULL, entry TEXT NOT NULL, outcome TEXT NOT NULL,
    PRIMARY KEY (queue, entry)
) WITHOUT ROWID;
"""


class SqliteStore(SqliteFile):
    """The file with the histories and the claims.

    Parameters
    ----------
    address, timeout
        As for `SqliteFile`.
    """

    def __init__(self, address: str, *, timeout: float = 5.0) -> None:
        super().__init__(
            address, what="ledger", schema=_SCHEMA, unavailable=LedgerUnavailableError, timeout=timeout
        )

    def change[T](
        self,
        identity: Identity,
        change: Callable[[WorkHistory, UtcSeconds], tuple[WorkHistory, T]],
        owned: Iterable[tuple[int, Attempt]] = (),
    ) -> T:
        """Replace a history, and take claims on exposures with it."""
        with self.transaction() as connection:
            before, now = _read(connection, identity), _now(connection)
            after, answer = change(before, now)
            for exposure, attempt in owned:
                _own(connection, exposure, attempt)
            if after != before:
                connection.execute(
                    "INSERT INTO history VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
                    " SET record = excluded.record, stored = excluded.stored",
                    (*_key(identity), history_to_json(after), now),
                )
            return answer

    def history(self, identity: Identity) -> WorkHistory:
        """Read one history."""
        with self.transaction() as connection:
            return _read(connection, identity)

    def histories(
        self, instrument: str, since: UtcSeconds | None
    ) -> Sequence[WorkHistory | LedgerRecordError]:
        """Read all histories of the visits on which something was recorded since then."""
        with self.transaction() as connection, closing(connection.cursor()) as cursor:
            cursor.execute(
                "SELECT visit_group, detector, record FROM history WHERE instrument = ?1 AND visit_group IN"
                " (SELECT visit_group FROM history WHERE instrument = ?1 AND stored >= ?2)",
                (instrument, since or 0.0),
            )
            return [
                read_or_fault(Identity(instrument, group, detector), record)
                for group, detector, record in cursor
            ]

    def take_turn(self, what: str, holder: str, seconds: float) -> bool:
        """Take a turn at something that one process does at a time, or keep it."""
        with self.transaction() as connection:
            now = _now(connection)
            return bool(
                connection.execute(
                    "INSERT INTO turn VALUES (?1, ?2, ?4) ON CONFLICT (what) DO UPDATE"
                    " SET holder = excluded.holder, until = excluded.until"
                    " WHERE holder = excluded.holder OR until <= ?3",
                    (what, holder, now, now + seconds),
                ).rowcount
            )

    def put_unreadable(self, queue: str, entry: str, outcome: Outcome) -> None:
        """Record a delivery that has no identity."""
        with self.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO unread VALUES (?, ?, ?)", (queue, entry, outcome_to_json(outcome))
            )

    def unreadable(self, queue: str) -> dict[str, Outcome]:
        """List the deliveries that have no identity."""
        with self.transaction() as connection, closing(connection.cursor()) as cursor:
            cursor.execute("SELECT entry, outcome FROM unread WHERE queue = ?", (queue,))
            return {entry: outcome_from_json(outcome) for entry, outcome in cursor}


def _key(identity: Identity) -> tuple[str, str, int]:
    return identity.instrument, identity.group, identity.detector


def _now(connection: sqlite3.Connection) -> UtcSeconds:
    # Milliseconds since 1970, by the clock of the machine that has the file.
    with closing(connection.execute("SELECT (julianday('now') - 2440587.5) * 86400.0")) as cursor:
        return UtcSeconds(round(cursor.fetchone()[0], 3))


def _read(connection: sqlite3.Connection, identity: Identity) -> WorkHistory:
    with closing(connection.cursor()) as cursor:
        cursor.execute(
            "SELECT record FROM history WHERE instrument = ? AND visit_group = ? AND detector = ?",
            _key(identity),
        )
        found = cursor.fetchone()
    return history_from_json(identity, None if found is None else found[0])


def _own(connection: sqlite3.Connection, exposure: int, attempt: Attempt) -> None:
    identity = attempt.identity
    place = (identity.instrument, exposure, identity.detector)
    mine = (identity.group, attempt.number)
    connection.execute(
        "INSERT INTO claim VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET attempt = excluded.attempt"
        " WHERE visit_group = excluded.visit_group",
        (*place, *mine),
    )
    with closing(connection.cursor()) as cursor:
        cursor.execute(
            "SELECT visit_group, attempt FROM claim WHERE instrument = ? AND exposure = ? AND detector = ?",
            place,
        )
        holder = cursor.fetchone()
    if holder != mine:
        raise ClaimedElsewhereError(
            f"exposure {exposure} belongs to attempt {holder[1]} on group {holder[0]}"
        )
