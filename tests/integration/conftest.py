"""Servers that the integration tests share, each started once and only if it is asked for."""

import shutil
import sqlite3
from collections.abc import Iterator

import pytest
import sqlalchemy

from benchmarks.services import postgresql
from simulator.servers.redis_server import FakeRedisServer, RealRedisServer


@sqlalchemy.event.listens_for(sqlalchemy.Engine, "connect")
def let_registries_write_without_waiting_for_the_disk(connection: object, _record: object) -> None:
    """Save a part of a second a test: what tests kill are processes, not machines."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF").close()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Address of a real Redis that writes every command to disk before it answers."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    with RealRedisServer() as server:
        yield f"redis://{server.host}:{server.port}/0"


@pytest.fixture(scope="session")
def fake_redis_url() -> Iterator[str]:
    """Address of fakeredis over TCP, which is what the demo runs on without redis-server."""
    with FakeRedisServer() as server:
        yield f"redis://{server.host}:{server.port}/0"


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """Address of a database on a real PostgreSQL, for SQLAlchemy."""
    reason = postgresql.why_not()
    if reason:
        pytest.skip(f"PostgreSQL: {reason}")
    with postgresql.PostgresqlServer() as server:
        yield server.url
