import logging
from pathlib import Path

import pytest
from attrs import evolve
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType

from adapters.kafka.positions import TopicMissingError
from adapters.kafka.topics import TopicPlan, require_topics
from tests.integration.kafka.apache_kafka import ApacheKafka
from tests.integration.kafka.broker import Broker
from tests.integration.kafka.writers import KafkaTopic

pytestmark = pytest.mark.slow


async def test_topics_that_are_there_are_no_fault(broker: Broker, unique: str) -> None:
    broker.create(unique)
    await require_topics(broker.connection, [TopicPlan(name=unique)])


async def test_all_that_are_missing_are_named(broker: Broker, unique: str) -> None:
    broker.create(unique)
    plans = [TopicPlan(name=name) for name in (f"{unique}-a", unique, f"{unique}-b")]
    with pytest.raises(TopicMissingError, match=f"{unique}-a, {unique}-b"):
        await require_topics(broker.connection, plans)


async def test_they_are_made_as_planned(apache: ApacheKafka, unique: str) -> None:
    await require_topics(
        apache.connection, [TopicPlan(name=unique, partitions=3, retention=60.0)], create=True
    )
    admin = AdminClient({"bootstrap.servers": apache.connection.bootstrap_servers})
    assert len(admin.list_topics(unique, timeout=10).topics[unique].partitions) == 3
    [told] = admin.describe_configs([ConfigResource(ResourceType.TOPIC, unique)]).values()
    assert told.result(10)["retention.ms"].value == "60000"


async def test_what_the_broker_refuses_is_said(apache: ApacheKafka) -> None:
    with pytest.raises(TopicMissingError, match="a b"):
        await require_topics(apache.connection, [TopicPlan(name="a b")], create=True)


async def test_brokers_out_of_reach_are_left_to_others(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = evolve(broker.connection, bootstrap_servers="127.0.0.1:1", timeout=1.0)
    with caplog.at_level(logging.WARNING):
        await require_topics(nowhere, [TopicPlan(name="a")])
    assert "topics cannot be listed" in caplog.text


async def test_a_writer_without_its_topics_does_not_start(
    broker: Broker, unique: str, tmp_path: Path
) -> None:
    topic = KafkaTopic(broker, unique, tmp_path)
    topic.topics = evolve(topic.topics, dead_letters=f"missing-{unique}")
    events = topic.make()
    with pytest.raises(TopicMissingError, match=f"missing-{unique}"):
        await events.open()
    await events.close()
