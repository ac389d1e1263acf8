"""Servers that the integration tests share, each started once and only if it is asked for."""

import shutil
from collections.abc import Iterator

import pytest

from benchmarks.services import postgresql
from simulator.servers.redis_server import FakeRedisServer, RealRedisServer


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
