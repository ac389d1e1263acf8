import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import jsonschema
import pytest

from adapters.kafka.connection import KafkaConnection
from ports.central_registry import OutputEventsUnavailableError
from tests.contract_files import contract_json
from tests.contract_suites.output_events import ONE, TWO, OutputEventsContract, Topic, read
from tests.integration.kafka.mock_cluster import MockCluster
from tests.integration.kafka.writers import TOPICS, KafkaTopic, make_events

pytestmark = pytest.mark.slow


@pytest.fixture
async def topic(cluster: MockCluster, tmp_path: Path) -> AsyncIterator[KafkaTopic]:
    topic = KafkaTopic(cluster, tmp_path, transactional=False)
    yield topic
    await topic.close()


class TestKafkaOutputEventsWithoutTransactions(OutputEventsContract):
    """The mock cluster shows aborted messages and forgets the offsets of a transaction.

    Transactions are tested on Apache Kafka.
    """

    @pytest.fixture
    def topic(self, topic: KafkaTopic) -> Topic:
        return topic

    async def test_files_and_events_are_what_the_contracts_say(self, topic: KafkaTopic) -> None:
        await topic.send(b"a")
        events = await topic.restarted()
        await read(events, 1)
        await events.finish([ONE, TWO, ONE])
        [message] = topic.broker.messages(TOPICS.output)
        event = json.loads(message.value() or b"")
        jsonschema.validate(event, contract_json("batch_ingested_event.schema.json"))
        assert event["batch_file"] == f"2026-03-14T02-16-09-120934-{event['batch_id']}.json"
        file = json.loads((topic.folder / "batches" / event["batch_file"]).read_text())
        jsonschema.validate(file, contract_json("dataset_batch.schema.json"))
        assert file["datasets"] == [str(ONE), str(TWO)]

    async def test_a_message_too_long_for_a_dead_letter_leaves_its_position(self, topic: KafkaTopic) -> None:
        await topic.send(b"x" * 950_000)
        events = await topic.restarted()
        [event] = await events.batch()
        await events.set_aside(event, "nonsense")
        await events.finish([])
        [message] = topic.broker.messages(TOPICS.dead_letters)
        headers = dict(message.headers() or {})
        assert headers["position"] == event.position.encode() == b"pp-output[0]@0"
        assert headers["omitted"] == b"950000 bytes"

    async def test_the_outbox_is_looked_into_again_and_again(
        self, topic: KafkaTopic, cluster: MockCluster, tmp_path: Path
    ) -> None:
        events = make_events(cluster.connection, tmp_path, transactional=False, outbox_interval=0.2)
        await events.open()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await events.batch()
        await topic.lay_down(b"late")
        assert await read(events, 1) == [b"late"]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await events.batch()
        await events.finish([ONE])
        assert await topic.outbox() == []
        await events.close()

    async def test_a_stand_by_leaves_the_outbox_alone(
        self, topic: KafkaTopic, cluster: MockCluster, tmp_path: Path
    ) -> None:
        events = await topic.restarted()
        await topic.send(b"a")
        await read(events, 1)
        stand_by = make_events(cluster.connection, tmp_path, transactional=False, outbox_interval=0.1)
        await stand_by.open()
        await topic.lay_down(b"late")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await stand_by.batch()
        await events.finish([ONE])
        await topic.close()
        assert await read(stand_by, 1) == [b"late"]
        await stand_by.close()


async def test_brokers_out_of_reach_are_said(tmp_path: Path) -> None:
    nowhere = KafkaConnection(bootstrap_servers="127.0.0.1:1")
    events = make_events(nowhere, tmp_path, transactional=False)
    await events.open()
    with pytest.raises(OutputEventsUnavailableError, match=TOPICS.input):
        await events.batch()
    await events.close()
