"""Which neighbour an error speaks of as away, by errors as drivers raise them."""

import contextlib
import errno
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import boto3
import botocore.config
import botocore.exceptions
import pytest
import sqlalchemy as sa
from lsst.dax.apdb.cassandra import ApdbCassandraConfig

from adapters.apdb.probe import ApdbProbe
from adapters.butler.shared.outages import neighbour_away
from adapters.butler.shared.steps import step
from ports.neighbours import Neighbour
from ports.workspace import NeighbourAwayError, WorkspaceError


def _closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _no_postgresql() -> None:
    sa.create_engine(f"postgresql+psycopg2://127.0.0.1:{_closed_port()}/none").connect()


def _no_sqlite() -> None:
    sa.create_engine("sqlite:////nowhere/registry.sqlite3").connect()


def _too_long_for_an_index() -> None:
    class RefusalError(Exception):
        pgcode = "54000"

    raise sa.exc.OperationalError("INSERT", {}, RefusalError("index row size exceeds maximum"))


def _constraint() -> None:
    raise sa.exc.IntegrityError("INSERT", {}, sqlite3.IntegrityError("UNIQUE constraint failed"))


def _stand_by() -> None:
    class RefusalError(Exception):
        pgcode = "57P01"

    raise sa.exc.OperationalError("SELECT", {}, RefusalError("terminating connection"))


def _no_s3() -> None:
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{_closed_port()}",
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",  # noqa: S106 - there is no server
        config=botocore.config.Config(retries={"total_max_attempts": 1}),
    )
    client.list_buckets()


def _status(status: int) -> Callable[[], None]:
    def fail() -> None:
        answer = {"Error": {"Code": str(status)}, "ResponseMetadata": {"HTTPStatusCode": status}}
        raise botocore.exceptions.ClientError(answer, "PutObject")  # type: ignore[arg-type]  # all that is read

    return fail


def _os(number: int) -> Callable[[], None]:
    def fail() -> None:
        raise OSError(number, "as the kernel says")

    return fail


def _wrapped() -> None:
    try:
        _no_s3()
    except Exception as error:
        raise ExceptionGroup("transfers", [ValueError("no"), RuntimeError("x")]) from error


@pytest.mark.parametrize(
    ("fail", "away"),
    [
        (_no_postgresql, Neighbour.REPOSITORY),
        (_no_sqlite, Neighbour.REPOSITORY),
        (_stand_by, Neighbour.REPOSITORY),
        (_too_long_for_an_index, None),
        (_constraint, None),
        (_no_s3, Neighbour.DATASTORE),
        (_wrapped, Neighbour.DATASTORE),
        (_status(503), Neighbour.DATASTORE),
        (_status(429), Neighbour.DATASTORE),
        (_status(403), None),
        (_os(errno.ESTALE), Neighbour.DATASTORE),
        (_os(errno.ENOSPC), None),
        (lambda: int("x"), None),
    ],
)
def test_an_error_names_who_is_away(fail: Callable[[], object], away: Neighbour | None) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each has one of its own
        fail()
    assert neighbour_away(caught.value) is away
    with pytest.raises(WorkspaceError) as failed, step("a step"):
        fail()
    assert getattr(failed.value, "neighbour", None) is away


def test_in_a_task_the_database_is_the_apdb() -> None:
    with pytest.raises(sa.exc.OperationalError) as caught:
        _no_postgresql()
    assert neighbour_away(caught.value, database=Neighbour.APDB) is Neighbour.APDB


def test_an_apdb_is_asked_each_time(tmp_path: Path) -> None:
    file = tmp_path / "apdb.db"
    probe = ApdbProbe(str(file))
    with pytest.raises(sa.exc.OperationalError):
        probe()
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE metadata (name TEXT, value TEXT)")
    probe()
    file.unlink()
    with pytest.raises(sa.exc.OperationalError):
        probe()


def test_an_apdb_without_sql_keeps_nobody_from_changing_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "apdb.yaml"
    ApdbCassandraConfig(contact_points=("127.0.0.1",), keyspace="apdb").save(str(file))
    probe = ApdbProbe(str(file))
    probe()
    probe()
    assert caplog.text.count("cannot be asked") == 1


def test_a_root_that_is_gone_is_an_outage_of_the_datastore(tmp_path: Path) -> None:
    from adapters.butler.shared.output_root import OutputRoot  # noqa: PLC0415 - slow to import

    root = OutputRoot(str(tmp_path))
    with pytest.raises(NeighbourAwayError, match="empty") as caught:
        root.probe()
    assert caught.value.neighbour is Neighbour.DATASTORE
    (tmp_path / "butler.yaml").touch()
    root.probe()
