"""A database as the ledger needs it: one transaction for each call, with errors in the words of the port."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool, StaticPool

from adapters.sql.tables import NewerTablesError, is_postgresql, prepare
from domain.addresses import without_users
from domain.times import UtcSeconds
from domain.visit import Identity
from ports.ledger import LedgerUnavailableError

__all__ = ["Database", "lock", "now"]

_READING: Final = "prompt_processing_reading"


class Database:
    """A database that many processes use; used from one thread at a time.

    A connection to PostgreSQL lasts for one call: many workers share few connections, of the
    server or of a pooler before it. A file of SQLite stays open.

    Parameters
    ----------
    address
        ``postgresql://user:password@host:port/database``, with or without a driver
        (``postgresql+psycopg2``); ``sqlite:///file``, where a fourth slash begins an absolute path, or
        the path alone.
    timeout
        Seconds for connecting, for one statement, and to wait for another's transaction.
    """

    def __init__(self, address: str, *, timeout: float = 5.0) -> None:
        self._url = _url(address)
        self._timeout = timeout
        self._engine: sa.Engine | None = None

    @property
    def is_open(self) -> bool:
        """Whether tables have been looked for."""
        return self._engine is not None

    def open(self) -> None:
        """See that the tables are there, and of this version.

        Raises
        ------
        LedgerUnavailableError
            Raised if the database cannot be reached, or its tables are of a newer program.
        """
        engine = self._make_engine()
        try:
            with self._transaction(engine) as connection:
                prepare(connection)
        except BaseException:
            engine.dispose()
            raise
        self._engine = engine

    def close(self) -> None:
        """Let go of the database."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """Do all of the block durably, or nothing."""
        if self._engine is None:
            raise LedgerUnavailableError(f"ledger {self._name} is not open")
        with self._transaction(self._engine) as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Read, while others write."""
        if self._engine is None:
            raise LedgerUnavailableError(f"ledger {self._name} is not open")
        with self._transaction(self._engine.execution_options(**{_READING: True})) as connection:
            yield connection

    @property
    def _name(self) -> str:
        bare = self._url.set(username=None, password=None, query={})
        return self._url.database or "" if self._is_sqlite else bare.render_as_string()

    @property
    def _is_sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    @contextmanager
    def _transaction(self, engine: sa.Engine) -> Iterator[sa.Connection]:
        try:
            with engine.begin() as connection:
                if is_postgresql(connection):
                    milliseconds = str(round(self._timeout * 1000))
                    connection.execute(
                        sa.select(
                            sa.func.set_config("statement_timeout", milliseconds, True),
                            sa.func.set_config("idle_in_transaction_session_timeout", milliseconds, True),
                        )
                    )
                yield connection
        except NewerTablesError as error:
            raise LedgerUnavailableError(f"ledger {self._name}: {error}") from error
        except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
            reason = without_users(" ".join(str(getattr(error, "orig", None) or error).split()))
            raise LedgerUnavailableError(f"ledger {self._name}: {reason}") from error

    def _make_engine(self) -> sa.Engine:
        if not self._is_sqlite:
            return sa.create_engine(
                self._url, poolclass=NullPool, connect_args=_libpq(self._url, self._timeout)
            )
        engine = sa.create_engine(
            self._url,
            poolclass=StaticPool,
            connect_args={"timeout": self._timeout, "check_same_thread": False},
        )
        sa.event.listen(engine, "connect", _configure_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine


def lock(connection: sa.Connection, identity: Identity) -> None:
    """Let nobody else change a history until the transaction ends; SQLite has one writer at a time anyway."""
    if is_postgresql(connection):
        words = f"{identity.instrument}\0{identity.group}\0{identity.detector}"
        digest = hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        key = int.from_bytes(digest, "big", signed=True)
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def now(connection: sa.Connection) -> UtcSeconds:
    """Tell the time by the clock of the server, or of the machine that has the file."""
    clock = (
        sa.text("SELECT extract(epoch FROM clock_timestamp())::double precision")
        if is_postgresql(connection)
        else sa.text("SELECT (julianday('now') - 2440587.5) * 86400.0")
    )
    return UtcSeconds(round(float(connection.execute(clock).scalar_one()), 3))


def _url(address: str) -> URL:
    if "://" not in address and not address.startswith("sqlite:"):
        return URL.create("sqlite", database=address)
    try:
        url = make_url(address)
    except sa.exc.ArgumentError as error:
        raise LedgerUnavailableError(f"ledger {without_users(address)}: is no address") from error
    if url.get_backend_name() not in {"sqlite", "postgresql"}:
        raise LedgerUnavailableError(f"ledger {without_users(address)}: neither PostgreSQL nor SQLite")
    return url


def _libpq(url: URL, timeout: float) -> dict[str, Any]:
    options: dict[str, Any] = {
        "connect_timeout": max(2, round(timeout)),
        # A server that hangs, or whose host is gone, is noticed.
        "tcp_user_timeout": round(timeout * 1000),
        "application_name": "prompt-processing ledger",
    }
    # A pooler may give each transaction another connection, which knows no statement of the last one.
    return options if url.get_driver_name() == "psycopg2" else options | {"prepare_threshold": None}


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # Transactions begin where `_begin_sqlite` says.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def _begin_sqlite(connection: sa.Connection) -> None:
    is_reading = connection.get_execution_options().get(_READING, False)
    connection.exec_driver_sql("BEGIN" if is_reading else "BEGIN IMMEDIATE")
