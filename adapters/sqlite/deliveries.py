"""What stands in the queue's tables, and how it changes: each function within one transaction."""

import json
import sqlite3
from typing import Any, Final

from adapters.common.visit_record import UndecodableVisitError, record_of_work, work_from_record
from adapters.sqlite.adapter import now, row_of
from domain.times import InvalidInstantError, UtcSeconds, utc_from_tai
from domain.visit import Visit, VisitDetector
from ports.work_queue import Lease

__all__ = [
    "add",
    "add_again",
    "add_letter",
    "bury",
    "exhume",
    "forget",
    "lease_from",
    "newest_revision",
    "postpone",
    "put_back_due",
    "raise_incarnation",
    "work_from",
]

_CARRIED: Final = "queue, origin, enqueued, contents, instrument, visit_group, detector, revision, priority"
_CARRY: Final = _CARRIED.replace("origin", "coalesce(origin, entry)")
_ADD_AGAIN: Final = f"INSERT INTO delivery ({_CARRIED}) SELECT {_CARRY} FROM delivery WHERE entry = ?"  # noqa: S608 - the names above
_ADD_DUE: Final = f"INSERT INTO delivery ({_CARRIED}) SELECT {_CARRIED} FROM delayed WHERE entry = ?"  # noqa: S608 - the names above
_POSTPONE: Final = f"""
INSERT INTO delayed (entry, {_CARRIED}, due, open_attempt)
SELECT entry, {_CARRY}, ?1, CASE WHEN ?2 THEN ?2 ELSE coalesce(
(SELECT attempt FROM open_attempt WHERE open_attempt.entry = delivery.entry), 0) END
FROM delivery WHERE entry = ?3"""  # noqa: S608 - the names above
_DUE: Final = "SELECT entry, open_attempt FROM delayed WHERE queue = ? AND due <= ? ORDER BY due, entry"
_OPEN_ATTEMPT: Final = "SELECT attempt FROM open_attempt WHERE entry = ?"
_EXHUME: Final = """
DELETE FROM dead_letter WHERE queue = ? AND CASE WHEN json_valid(contents)
THEN json_extract(contents, '$.groupId') = ? AND json_extract(contents, '$.detector') = ? END"""


def add(
    connection: sqlite3.Connection,
    queue: str,
    work: VisitDetector,
    *,
    revision: int,
    enqueued: UtcSeconds,
    old_after: float,
) -> None:
    """Put work into a queue; if it began more than `old_after` seconds ago it is leased after the rest."""
    visit = work.visit
    connection.execute(
        "INSERT INTO delivery"
        " (queue, enqueued, contents, instrument, visit_group, detector, revision, priority)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            queue, enqueued, json.dumps(record_of_work(work)), visit.instrument, visit.group, work.detector,
            revision, _is_old(visit, enqueued, old_after),
        ),
    )  # fmt: skip


def _is_old(visit: Visit, now: UtcSeconds, old_after: float) -> bool:
    try:
        return now - utc_from_tai(visit.start_time) > old_after
    except InvalidInstantError:  # Whoever works on it says so.
        return False


def add_again(connection: sqlite3.Connection, entry: int) -> None:
    """Put a delivery behind all others: another entry of the same origin, which nobody has leased."""
    added = connection.execute(_ADD_AGAIN, (entry,)).lastrowid
    connection.execute("UPDATE open_attempt SET entry = ? WHERE entry = ?", (added, entry))
    forget(connection, entry)


def postpone(connection: sqlite3.Connection, entry: int, due: float, open_attempt: int) -> None:
    """Put a delivery away until it is due."""
    connection.execute(_POSTPONE, (due, open_attempt, entry))
    forget(connection, entry)


def put_back_due(connection: sqlite3.Connection, queue: str, time: float) -> int:
    """Put back what was postponed and is due; returns how many."""
    due = connection.execute(_DUE, (queue, time)).fetchall()
    for entry, attempt in due:
        added = connection.execute(_ADD_DUE, (entry,)).lastrowid
        if attempt:
            connection.execute("INSERT INTO open_attempt VALUES (?, ?)", (added, attempt))
        connection.execute("DELETE FROM delayed WHERE entry = ?", (entry,))
    return len(due)


def forget(connection: sqlite3.Connection, entry: int) -> None:
    """Take a delivery out of the queue."""
    connection.execute("DELETE FROM delivery WHERE entry = ?", (entry,))
    connection.execute("DELETE FROM open_attempt WHERE entry = ?", (entry,))


def bury(connection: sqlite3.Connection, entry: int, reason: str) -> None:
    """Move a delivery to the dead letters."""
    connection.execute(
        "INSERT INTO dead_letter SELECT entry, queue, ?, contents, ? FROM delivery WHERE entry = ?",
        (reason, now(), entry),
    )
    forget(connection, entry)


def add_letter(
    connection: sqlite3.Connection, queue: str, contents: str, *, origin: int, enqueued: UtcSeconds
) -> int:
    """Put what a dead letter holds back into a queue as it is; returns the new entry."""
    work, _ = work_from(contents)
    instrument, group, detector, revision = None, None, None, 1
    if work is not None:
        instrument, group, detector = work.visit.instrument, work.visit.group, work.detector
        revision = newest_revision(connection, instrument, group) or 1
    cursor = connection.execute(
        "INSERT INTO delivery"
        " (queue, origin, enqueued, contents, instrument, visit_group, detector, revision)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (queue, origin, enqueued, contents, instrument, group, detector, revision),
    )
    return cursor.lastrowid or 0


def exhume(connection: sqlite3.Connection, queue: str, work: VisitDetector) -> None:
    """Forget the dead letters of work that is in the queue again."""
    connection.execute(_EXHUME, (queue, work.visit.group, work.detector))


def newest_revision(connection: sqlite3.Connection, instrument: str, group: str) -> int:
    """Find the newest revision of a visit; 0 if it was never published."""
    found = row_of(
        connection,
        "SELECT max(revision) FROM published WHERE instrument = ? AND visit_group = ?",
        instrument,
        group,
    )
    return int(found[0]) if found is not None and found[0] is not None else 0


def raise_incarnation(connection: sqlite3.Connection, queue: str, at_least: int) -> int:
    """Raise the incarnation of a queue if it is lower than this; returns it as it then is."""
    found = row_of(connection, "SELECT value FROM incarnation WHERE queue = ?", queue)
    if found is not None and found[0] >= at_least:
        return int(found[0])
    raised = max(at_least, round(now() * 1000))
    connection.execute("INSERT OR REPLACE INTO incarnation VALUES (?, ?)", (queue, raised))
    return raised


def lease_from(connection: sqlite3.Connection, queue: str, row: tuple[Any, ...]) -> Lease:
    """Read a delivery that was leased just now: the columns that `work_queue` returns of it."""
    entry, origin, enqueued, contents, revision, times = row
    work, fault = work_from(contents)
    attempt = row_of(connection, _OPEN_ATTEMPT, entry)
    newest = 1 if work is None else newest_revision(connection, work.visit.instrument, work.visit.group)
    return Lease(
        entry=str(entry),
        queue=queue,
        enqueued=UtcSeconds(enqueued),
        work=work,
        fault=fault,
        revision=revision,
        latest_revision=max(revision, newest),
        origin=str(origin or entry),
        open_attempt=0 if attempt is None else attempt[0],
        times_leased=times,
        incarnation=raise_incarnation(connection, queue, 1),
    )


def work_from(contents: str) -> tuple[VisitDetector | None, str]:
    """Read what a delivery holds; None, and why, if it cannot be read."""
    try:
        record = json.loads(contents)
        return (work_from_record(record), "") if isinstance(record, dict) else (None, "is no record")
    except UndecodableVisitError as error:
        return None, str(error)
    except (ValueError, RecursionError) as error:
        return None, f"is no JSON: {error}"
