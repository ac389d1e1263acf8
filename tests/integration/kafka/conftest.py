import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.kafka.apache_kafka import ApacheKafka, NoKafkaError, kafka_classpath
from tests.integration.kafka.broker import Broker
from tests.integration.kafka.mock_cluster import MockCluster


@pytest.fixture
def mock() -> Iterator[MockCluster]:
    """librdkafka's mock cluster, for one test."""
    cluster = MockCluster()
    yield cluster
    cluster.stop()


def started(folder: Path) -> ApacheKafka:
    try:
        kafka = ApacheKafka(kafka_classpath(), folder)
        kafka.start()
    except NoKafkaError as error:
        pytest.skip(f"no Apache Kafka: {error}")
    return kafka


@pytest.fixture(scope="session")
def apache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """Apache Kafka, for all tests together."""
    kafka = started(tmp_path_factory.mktemp("kafka"))
    yield kafka
    kafka.stop()


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[ApacheKafka]:
    """Apache Kafka, for one test, which may kill it."""
    folder = tmp_path / "kafka"
    folder.mkdir()
    kafka = started(folder)
    yield kafka
    kafka.stop()


@pytest.fixture(params=["mock", "apache"])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each kind in turn."""
    broker: Broker = request.getfixturevalue(request.param)
    return broker


@pytest.fixture
def unique() -> str:
    """A word that no other test has in the names of its topics and groups."""
    return uuid.uuid4().hex[:12]
