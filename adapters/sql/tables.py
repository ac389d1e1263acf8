"""The tables of the ledger, their version, and how older ones become the present ones."""

import json
from collections.abc import Mapping, Sequence
from typing import Final, override

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

__all__ = ["CLAIM", "HISTORY", "TURN", "UNREAD", "NewerTablesError", "insert", "prepare"]

_VERSION: Final = 2
_UPGRADES: Final[Mapping[int, Sequence[str]]] = {
    2: ("ALTER TABLE unread ADD COLUMN stored DOUBLE PRECISION NOT NULL DEFAULT 0",)
}
"""What makes tables of the version before those of this one."""
_LOCK: Final = 0x70705F6C6564676572  # Of whoever makes tables; no other lock has this key.


class NewerTablesError(Exception):
    """The tables were made by a newer program."""


class _Words(sa.TypeDecorator[str]):
    """Text of any characters: a group may hold what PostgreSQL, or UTF-8, has no place for."""

    impl = sa.Text
    cache_ok = True
    _mark = "\ufffdjson"

    @override
    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        if value is None:
            return None
        is_odd = "\0" in value or value.startswith(self._mark)
        is_odd = is_odd or any("\ud800" <= each <= "\udfff" for each in value)
        return self._mark + json.dumps(value) if is_odd else value

    @override
    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> str | None:
        if value is None or not value.startswith(self._mark):
            return value
        return str(json.loads(value.removeprefix(self._mark)))


_METADATA: Final = sa.MetaData()

HISTORY: Final = sa.Table(
    "history",
    _METADATA,
    sa.Column("instrument", _Words, primary_key=True),
    sa.Column("visit_group", _Words, primary_key=True),
    sa.Column("detector", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("record", sa.Text, nullable=False),
    sa.Column("stored", sa.Double, nullable=False),
    sa.Index("history_stored", "instrument", "stored"),
    sqlite_with_rowid=False,
)
CLAIM: Final = sa.Table(
    "claim",
    _METADATA,
    sa.Column("instrument", _Words, primary_key=True),
    sa.Column("exposure", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("detector", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("visit_group", _Words, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)
UNREAD: Final = sa.Table(
    "unread",
    _METADATA,
    sa.Column("queue", _Words, primary_key=True),
    sa.Column("entry", _Words, primary_key=True),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("stored", sa.Double, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)
TURN: Final = sa.Table(
    "turn",
    _METADATA,
    sa.Column("what", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
    sqlite_with_rowid=False,
)
_VERSIONS: Final = sa.Table(
    "ledger_version", _METADATA, sa.Column("version", sa.Integer, primary_key=True, autoincrement=False)
)


def insert(connection: sa.Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """Begin an insertion that may say what to do about a row that is there."""
    return postgresql.insert(table) if is_postgresql(connection) else sqlite.insert(table)


def is_postgresql(connection: sa.Connection) -> bool:
    """Tell whether a connection is to PostgreSQL."""
    return connection.dialect.name == "postgresql"


def prepare(connection: sa.Connection) -> None:
    """Make the tables, or those of an older version the present ones, within a transaction.

    Raises
    ------
    NewerTablesError
        Raised if a newer program made them.
    """
    tables = sa.inspect(connection).get_table_names()
    if _VERSIONS.name in tables and _read_version(connection) == _VERSION:
        return
    if is_postgresql(connection):
        # Of many processes that start at once one makes them.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK & 0x7FFF_FFFF_FFFF_FFFF)))
        tables = sa.inspect(connection).get_table_names()
    known = HISTORY.name in tables
    _METADATA.create_all(connection)
    version = _read_version(connection) or (1 if known else _VERSION)
    if version > _VERSION:
        raise NewerTablesError(
            f"its tables are of version {version}, and this program knows {_VERSION}:"
            " use the newer program that wrote it"
        )
    for number in range(version + 1, _VERSION + 1):
        for statement in _UPGRADES[number]:
            connection.execute(sa.text(statement))
    connection.execute(_VERSIONS.delete())
    connection.execute(_VERSIONS.insert().values(version=_VERSION))


def _read_version(connection: sa.Connection) -> int:
    return int(connection.execute(sa.select(_VERSIONS.c.version)).scalar() or 0)
