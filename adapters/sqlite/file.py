"""An SQLite file that several processes use, with errors in the words of a port."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from domain.errors import PromptProcessingError

__all__ = ["SqliteFile"]

_VERSION: Final = 1
"""Of the tables in all files. 0: made before there were versions, with the tables of 1.

Whoever changes tables that are there counts it up, and changes those of older versions when a file is opened.
"""


class SqliteFile:
    """One connection to the file, used from one thread at a time.

    A transaction is on disk when it ends.

    Parameters
    ----------
    address
        ``sqlite:///file``, where a fourth slash begins an absolute path, or
        the path alone. The file is made if it is missing; its folder is not.
    what
        What the file is, for people.
    schema
        Makes the tables that are missing.
    unavailable
        The port's error.
    timeout
        Seconds to wait for another process's transaction.
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
        self._path = Path(address.removeprefix("sqlite:///"))
        self._what = what
        self._schema = schema
        self._unavailable = unavailable
        self._timeout = timeout
        self._connection: sqlite3.Connection | None = None

    @property
    def is_open(self) -> bool:
        """Whether the file is open."""
        return self._connection is not None

    def open(self) -> None:
        """Open the file, and make its tables if they are missing; one of a newer version is refused."""
        with self._translated():
            connection = sqlite3.connect(
                self._path, timeout=self._timeout, autocommit=True, check_same_thread=False
            )
            try:
                found = self._check_version(connection)
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                connection.executescript(self._schema)
                if found != _VERSION:
                    connection.execute(f"PRAGMA user_version = {_VERSION}")
            except BaseException:
                connection.close()
                raise
            self._connection = connection

    def _check_version(self, connection: sqlite3.Connection) -> int:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found > _VERSION:
            raise self._unavailable(
                f"{self._what} {self._path}: its tables are of version {found}, and this program knows"
                f" {_VERSION}: use the newer program that wrote it"
            )
        return int(found)

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Do all of the block, or nothing; nobody else writes meanwhile."""
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read, while others write; each statement sees the file as it is then."""
        with self._translated():
            if self._connection is None:
                raise self._unavailable(f"{self._what} {self._path} is not open")
            yield self._connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._unavailable(f"{self._what} {self._path}: {error}") from error
