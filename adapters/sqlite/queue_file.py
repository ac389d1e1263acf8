"""The file behind queue, publisher and control notes: its tables."""

from typing import Final

from adapters.sqlite.adapter import SqliteAdapter
from domain.errors import PromptProcessingError

__all__ = ["POLL_SECONDS", "QueueAdapter"]

POLL_SECONDS: Final = 0.1
"""Who waits looks this often: nobody is woken by another process's transaction."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS delivery (
    entry INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, origin INTEGER, enqueued REAL NOT NULL,
    contents TEXT NOT NULL, instrument TEXT, visit_group TEXT, detector INTEGER, revision INTEGER NOT NULL,
    priority INTEGER NOT NULL DEFAULT 0, consumer TEXT, times_leased INTEGER NOT NULL DEFAULT 0, renewed REAL
);
CREATE INDEX IF NOT EXISTS delivery_waiting ON delivery (queue, priority, entry) WHERE consumer IS NULL;
CREATE INDEX IF NOT EXISTS delivery_leased ON delivery (queue, renewed) WHERE consumer IS NOT NULL;
CREATE TABLE IF NOT EXISTS delayed (
    entry INTEGER PRIMARY KEY, queue TEXT NOT NULL, origin INTEGER, enqueued REAL NOT NULL,
    contents TEXT NOT NULL, instrument TEXT, visit_group TEXT, detector INTEGER, revision INTEGER NOT NULL,
    priority INTEGER NOT NULL, due REAL NOT NULL, open_attempt INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS delayed_due ON delayed (queue, due);
CREATE TABLE IF NOT EXISTS open_attempt (entry INTEGER PRIMARY KEY, attempt INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS dead_letter (
    entry INTEGER PRIMARY KEY, queue TEXT NOT NULL, reason TEXT NOT NULL, contents TEXT NOT NULL,
    buried REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS incarnation (queue TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
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


class QueueAdapter(SqliteAdapter):
    """Base of the adapters on the file.

    Parameters
    ----------
    address, timeout
        As for `adapters.sqlite.file.SqliteFile`.
    unavailable
        The port's error.
    """

    def __init__(
        self, address: str, *, unavailable: type[PromptProcessingError], timeout: float = 5.0
    ) -> None:
        super().__init__(address, what="queue", schema=_SCHEMA, unavailable=unavailable, timeout=timeout)
