"""The archive over a topic of alerts holds its contract, but for alerts that wait: a broker has none."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, override

import pytest
from attrs import evolve
from confluent_kafka import Producer

from adapters.kafka.alert_archive import KafkaAlertArchive
from domain.errors import PromptProcessingError
from ports.alert_archive import KeptAlert
from tests.contract_suites.alert_archive import AN_ALERT, AlertArchiveBench, AlertArchiveContract
from tests.integration.kafka.mock_cluster import MockCluster

pytestmark = pytest.mark.slow

TOPIC = "alerts"


class _NoAlertError(PromptProcessingError):
    pass


def _read(message: bytes) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(message)
    except ValueError as error:
        raise _NoAlertError("a message that is no alert") from error
    return found


def _message(alert: KeptAlert) -> bytes:
    source: dict[str, Any] = {"visit": alert.visit, "detector": alert.detector}
    source |= {"diaObjectId": alert.object_id or None, "timeProcessedMjdTai": alert.processed}
    return json.dumps({"diaSourceId": alert.source_id, "diaSource": source}).encode()


class _Topic(AlertArchiveBench):
    def __init__(self, most: int = 500) -> None:
        self.cluster = MockCluster()
        self.cluster.create(TOPIC)
        self.archive: KafkaAlertArchive = KafkaAlertArchive(
            evolve(self.cluster.connection, timeout=2.0), TOPIC, _read, most=most
        )

    @override
    def put(self, *alerts: KeptAlert) -> None:
        self.send(*map(_message, alerts))

    def send(self, *messages: bytes, partition: int = -1) -> None:
        producer = Producer({"bootstrap.servers": self.cluster.address})
        for message in messages:
            producer.produce(TOPIC, message, partition=partition)
        assert producer.flush(10.0) == 0

    @override
    def cut_off(self) -> None:
        self.cluster.set_down(down=True)


@pytest.fixture
async def kept() -> AsyncIterator[_Topic]:
    topic = _Topic()
    await topic.archive.open()
    yield topic
    await topic.archive.close()
    topic.cluster.stop()


class TestKafkaAlertArchive(AlertArchiveContract):
    @override
    async def test_alerts_that_wait_are_told_from_those_that_were_sent(self, kept: AlertArchiveBench) -> None:
        pytest.skip("what a broker has was sent")

    async def test_what_is_no_alert_is_left_out_and_said(
        self, kept: _Topic, caplog: pytest.LogCaptureFixture
    ) -> None:
        kept.send(b"nonsense")
        kept.put(AN_ALERT)
        assert list(await kept.archive.alerts()) == [AN_ALERT]
        assert "a message that is no alert" in caplog.text


async def test_of_a_long_topic_the_last_messages_count() -> None:
    topic = _Topic(most=3)
    await topic.archive.open()
    topic.send(*(_message(evolve(AN_ALERT, source_id=number)) for number in range(10)), partition=0)
    assert [one.source_id for one in await topic.archive.alerts()] == [7, 8, 9]
    await topic.archive.close()
    topic.cluster.stop()
