from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer

from benchmarks.services.postgresql import PostgresqlServer, why_not


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """PostgreSQL's server, for all tests together."""
    if missing := why_not():
        pytest.skip(f"no PostgreSQL: {missing}")
    with PostgresqlServer() as server:
        yield server


@pytest.fixture
def object_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run an S3 server that everybody finds, and return the address of an empty bucket."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "S3_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=f"http://{host}:{port}")
    client.create_bucket(Bucket="central")
    client.close()
    yield "s3://central/"
    server.stop()
