"""Which errors of a central repository pass by themselves, by the codes of PostgreSQL and SQLite."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy
import sqlalchemy.exc
from botocore.exceptions import ClientError

from adapters.butler.shared.database_errors import blames_repository

_WRAPPERS = (
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.ProgrammingError,
    sqlalchemy.exc.DataError,
    sqlalchemy.exc.IntegrityError,
    sqlalchemy.exc.InternalError,
)


class _Psycopg2Error(Exception):
    def __init__(self, code: str | None) -> None:
        self.pgcode = code


class _PsycopgError(Exception):
    def __init__(self, code: str | None) -> None:
        self.sqlstate = code


@pytest.mark.parametrize(
    ("code", "passes"),
    [
        *(
            (code, True)
            for code in ("08000", "08006", "57P01", "57P02", "57P03", "57014", "53100", "53200", "53300")
        ),
        *(
            (code, True)
            for code in ("40001", "40P01", "55P03", "25006", "25P03", "28P01", "3D000", "58030", "XX002")
        ),
        *((code, True) for code in ("42P01", "42703", "42501")),
        *(
            (code, False)
            for code in ("54000", "54001", "54011", "22001", "22003", "22P02", "23502", "23503", "23505")
        ),
        *((code, False) for code in ("42601", "42804", "42P07", "0A000", "21000", "P0001")),
    ],
)
@pytest.mark.parametrize("driver", [_Psycopg2Error, _PsycopgError])
def test_postgresql_tells_by_its_code(
    code: str, passes: bool, driver: type[_Psycopg2Error | _PsycopgError]
) -> None:
    for wrapper in _WRAPPERS:
        assert blames_repository(wrapper("INSERT ...", {}, driver(code))) is passes


def test_a_table_that_may_not_be_made_is_of_a_message() -> None:
    refused = sqlalchemy.exc.ProgrammingError("\nCREATE TABLE public.x (", {}, _Psycopg2Error("42501"))
    assert not blames_repository(refused)


@pytest.mark.parametrize(
    ("wrapper", "passes"),
    [
        (sqlalchemy.exc.OperationalError, True),
        (sqlalchemy.exc.InterfaceError, True),
        (sqlalchemy.exc.InternalError, True),
        (sqlalchemy.exc.DataError, False),
        (sqlalchemy.exc.IntegrityError, False),
        (sqlalchemy.exc.ProgrammingError, False),
    ],
)
def test_without_a_code_the_driver_found_no_server(
    wrapper: type[sqlalchemy.exc.DBAPIError], passes: bool
) -> None:
    assert blames_repository(wrapper("SELECT 1", {}, _Psycopg2Error(None))) is passes


def test_what_the_butler_wrapped_is_found() -> None:
    wrapped = RuntimeError("cannot find it")
    wrapped.__cause__ = sqlalchemy.exc.OperationalError("SELECT 1", {}, _Psycopg2Error("08006"))
    assert blames_repository(wrapped)


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (PermissionError(13, "denied"), True),
        (ClientError({"Error": {"Code": "503"}}, "HeadObject"), True),
        (sqlalchemy.exc.TimeoutError("no connection of the pool"), True),
        (ValueError("no UUID"), False),
        (SystemExit(3), False),
    ],
)
def test_other_errors_tell_by_their_kind(error: BaseException, passes: bool) -> None:
    assert blames_repository(error) is passes


def _executed(engine: sqlalchemy.Engine, *statements: str) -> None:
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(sqlalchemy.text(statement))


def _raised(engine: sqlalchemy.Engine, *statements: str) -> sqlalchemy.exc.DBAPIError:
    with pytest.raises(sqlalchemy.exc.DBAPIError) as raised:
        _executed(engine, *statements)
    return raised.value


@pytest.mark.parametrize(
    ("statements", "passes"),
    [
        (["INSERT INTO t VALUES (1)"], False),
        ([f"SELECT {'(' * 2000}1{')' * 2000}"], False),
        ([f"SELECT {'1+' * 2000}1"], False),
        (["SELECT zeroblob(2000000000)"], False),
        (["SELECT * FROM u"], True),
        (["PRAGMA query_only = 1", "INSERT INTO t VALUES (2)"], True),
        (["PRAGMA max_page_count = 2", "INSERT INTO t VALUES (zeroblob(9000))"], True),
    ],
)
def test_sqlite_tells_by_its_code(tmp_path: Path, statements: list[str], passes: bool) -> None:
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/t.sqlite3")
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE t (a UNIQUE)"))
        connection.execute(sqlalchemy.text("INSERT INTO t VALUES (1)"))
    assert blames_repository(_raised(engine, *statements)) is passes
    engine.dispose()


def test_an_sqlite_file_that_is_busy_or_gone_or_none_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "t.sqlite3"
    with sqlite3.connect(file, isolation_level=None) as other:
        other.execute("CREATE TABLE t (a)")
        other.execute("BEGIN EXCLUSIVE")
        engine = sqlalchemy.create_engine(f"sqlite:///{file}", connect_args={"timeout": 0})
        assert blames_repository(_raised(engine, "INSERT INTO t VALUES (2)"))
        engine.dispose()
    other.close()
    file.write_bytes(b"no database" * 1000)
    for address in (str(file), f"{tmp_path}/no/such/folder.sqlite3"):
        engine = sqlalchemy.create_engine(f"sqlite:///{address}")
        assert blames_repository(_raised(engine, "SELECT * FROM t"))
        engine.dispose()
