from collections.abc import Iterator

import pytest

from benchmarks.services.postgresql import PostgresqlServer, why_not


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """PostgreSQL's server, for all tests together."""
    if missing := why_not():
        pytest.skip(f"no PostgreSQL: {missing}")
    with PostgresqlServer() as server:
        yield server
