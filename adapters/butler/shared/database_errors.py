"""Whether an error is about a central repository, which is tried again, or about what was written to it.

SQLAlchemy's classes do not tell: `OperationalError` is a lost connection as well as a value too
long for an index. One taken for the other stops the writer for good, or sets good messages
aside. PostgreSQL tells by SQLSTATE, SQLite by its result code.
"""

import sqlite3
from collections.abc import Iterator
from typing import Final

import botocore.exceptions
import sqlalchemy.exc

__all__ = ["blames_database", "blames_repository"]

_REPOSITORY_CLASSES: Final = frozenset(
    {
        "08",  # connection lost
        "25",  # transaction in a wrong state: a read-only stand-by, an idle session ended
        "26",  # a statement that a pooler's other connection prepared
        "28",  # login refused
        "3D",  # no such database
        "3F",  # no such schema
        "40",  # rolled back: deadlock, serialization
        "53",  # disk, memory or connections used up
        "55",  # locked by another
        "57",  # ended by an operator or a time limit
        "58",  # the server's own files
        "F0",  # the server's configuration
        "XX",  # damaged, or a fault of the server
    }
)
"""Of SQLSTATE; any other is about the data: 22, 23, 42, 54 (limits of the program), ..."""

_NOT_AS_MADE: Final = frozenset({"42P01", "42703"})
"""No such table, no such column: messages name neither."""
_NO_PRIVILEGE: Final = "42501"

_DATA_CODES: Final = frozenset(
    {
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
    }
)
"""Of SQLite; any other is about the file, its locks or the machine."""

_NO_CONNECTION: Final = (
    # A connection that broke in a transaction, as seen by the statement after.
    sqlalchemy.exc.PendingRollbackError,
    sqlalchemy.exc.ResourceClosedError,
    sqlalchemy.exc.TimeoutError,
)
_NEVER_DATA: Final = (
    *_NO_CONNECTION,
    botocore.exceptions.BotoCoreError,
    botocore.exceptions.ClientError,
    OSError,
)
_WITHOUT_CODE: Final = (
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.InternalError,
)
"""What drivers raise without a code if there is no server to give one."""


def blames_repository(error: BaseException) -> bool:
    """Tell whether the same call may succeed later: the repository is away, busy or out of order."""
    return isinstance(error, _NEVER_DATA) or any(map(_blames_database, _database_errors(error)))


def blames_database(error: sqlalchemy.exc.SQLAlchemyError) -> bool:
    """Tell whether the database is away, busy or out of order."""
    if isinstance(error, _NO_CONNECTION):
        return True
    return isinstance(error, sqlalchemy.exc.DBAPIError) and _blames_database(error)


def _blames_database(error: sqlalchemy.exc.DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    # psycopg2 has PostgreSQL's code as pgcode, psycopg as sqlstate.
    state = getattr(error.orig, "pgcode", None) or getattr(error.orig, "sqlstate", None)
    if state == _NO_PRIVILEGE:
        # A message's dataset type may need a new table; rows are what the writer is there for.
        return not (error.statement or "").lstrip().upper().startswith("CREATE")
    if state is not None:
        return state[:2] in _REPOSITORY_CLASSES or state in _NOT_AS_MADE
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        # The extended codes have the primary one in their lowest byte; there is none for a missing table.
        return code & 0xFF not in _DATA_CODES or "no such" in str(error.orig)
    return isinstance(error, _WITHOUT_CODE)


def _database_errors(error: BaseException | None) -> Iterator[sqlalchemy.exc.DBAPIError]:
    """Go from an error to what it was raised from: the Butler wraps some in its own."""
    while error is not None:
        if isinstance(error, sqlalchemy.exc.DBAPIError):
            yield error
        error = error.__cause__
