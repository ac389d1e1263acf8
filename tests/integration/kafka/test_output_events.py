import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import jsonschema
import pytest
from attrs import evolve
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from lsst.resources import ResourcePath

from adapters.kafka.connection import KafkaConnection, client_config, producer_config
from ports.central_registry import OutputEventsUnavailableError
from tests.contract_files import contract_json
from tests.contract_suites.output_events import ONE, TWO, OutputEventsContract, read
from tests.integration.kafka.apache_kafka import ApacheKafka
from tests.integration.kafka.broker import Broker
from tests.integration.kafka.writers import KafkaTopic, header, kept_body

pytestmark = pytest.mark.slow


class TestKafkaOutputEvents(OutputEventsContract):
    """Without transactions on the mock cluster, which shows aborted messages and forgets
    the offsets of a transaction.
    """

    @pytest.fixture
    async def topic(self, broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[KafkaTopic]:
        topic = KafkaTopic(broker, unique, tmp_path)
        yield topic
        await topic.close()

    async def test_files_and_events_are_what_the_contracts_say(self, topic: KafkaTopic) -> None:
        await topic.send(b"a")
        events = await topic.restarted()
        await read(events, 1)
        await events.finish([ONE, TWO, ONE])
        [message] = topic.broker.messages(topic.topics.output)
        event = json.loads(message.value() or b"")
        jsonschema.validate(event, contract_json("batch_ingested_event.schema.json"))
        assert event["batch_file"] == f"2026-03-14T02-16-09-120934-{event['batch_id']}.json"
        file = json.loads((topic.folder / "batches" / event["batch_file"]).read_text())
        jsonschema.validate(file, contract_json("dataset_batch.schema.json"))
        assert file["datasets"] == [str(ONE), str(TWO)]

    async def test_a_message_too_long_for_a_dead_letter_is_in_a_file(self, topic: KafkaTopic) -> None:
        await topic.send(b"x" * 950_000)
        events = await topic.restarted()
        [event] = await events.batch()
        await events.set_aside(event, "nonsense")
        await events.finish([])
        [message] = topic.broker.messages(topic.topics.dead_letters)
        assert header(message, "position") == event.position == f"{topic.topics.input}[0]@0"
        assert header(message, "omitted") == "950000 bytes"
        assert header(message, "file").startswith(
            f"{topic.datastore.as_uri()}/.prompt-dead-letters/pp-output-"
        )
        assert message.value() == b""
        assert kept_body(message) == event.body

    async def test_a_long_key_is_in_a_file_of_its_own(self, topic: KafkaTopic) -> None:
        producer = Producer(producer_config(topic.broker.connection, delivery_timeout=10.0))
        producer.produce(topic.topics.input, b"small", b"k" * 950_000, partition=0)
        await asyncio.to_thread(producer.flush, 10.0)
        events = await topic.restarted()
        [event] = await events.batch()
        await events.set_aside(event, "nonsense")
        await events.finish([])
        [message] = topic.broker.messages(topic.topics.dead_letters)
        assert kept_body(message) == b"small"
        assert ResourcePath(header(message, "key_file")).read() == b"k" * 950_000

    async def test_the_outbox_is_looked_into_again_and_again(self, topic: KafkaTopic) -> None:
        events = topic.make(outbox_interval=0.2)
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

    async def test_a_stand_by_waits_for_its_turn(self, topic: KafkaTopic) -> None:
        """The one at work is neither fenced nor robbed; then the other one takes over."""
        events = await topic.restarted()
        await topic.send(b"a")
        await read(events, 1)
        await events.finish([ONE])
        stand_by = topic.make(outbox_interval=0.1)
        await stand_by.open()
        # Members that come may move the partition: wait until that is over.
        waiting = [asyncio.create_task(member.batch()) for member in (events, stand_by)]
        await asyncio.sleep(4.0)
        await topic.send(b"b")
        done, idle = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=20)
        [worker] = [member for member, task in zip((events, stand_by), waiting, strict=True) if task in done]
        [other] = {events, stand_by} - {worker}
        await topic.lay_down(b"late")
        await asyncio.sleep(0.5)
        assert not any(task.done() for task in idle)
        await worker.finish([TWO])
        await worker.close()
        [task] = idle
        async with asyncio.timeout(30):
            assert [event.body for event in await task] == [b"late"]
        await other.finish([ONE])
        assert await topic.announced() == [(ONE,), (TWO,), (ONE,)]
        await other.close()


async def test_brokers_out_of_reach_are_said(broker: Broker, unique: str, tmp_path: Path) -> None:
    topic = KafkaTopic(broker, unique, tmp_path)
    nowhere: KafkaConnection = evolve(broker.connection, bootstrap_servers="127.0.0.1:1")
    events = topic.make(connection=nowhere)
    await events.open()
    with pytest.raises(OutputEventsUnavailableError, match=topic.topics.input):
        await events.batch()
    await events.close()


def _bounded(apache: ApacheKafka, topic: str, size: int) -> None:
    """Let a topic take messages of so many bytes at most."""
    bound = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[bound])
    admin = AdminClient(client_config(apache.connection))
    [done] = admin.incremental_alter_configs([resource]).values()
    done.result(10.0)


@pytest.mark.parametrize("bound", [20_000, 900])
async def test_a_topic_with_a_bound_of_its_own_loses_nothing(
    apache: ApacheKafka, unique: str, tmp_path: Path, bound: int
) -> None:
    topic = KafkaTopic(apache, unique, tmp_path)
    _bounded(apache, topic.topics.dead_letters, bound)
    bodies = [bytes([64 + number]) * 9_000 for number in range(20)] + [b"x" * 100_000, b"good"]
    await topic.send(*bodies)
    events = await topic.restarted()
    batch = await events.batch()
    while len(batch) < len(bodies):
        batch = [*batch, *await events.batch()]
    for event in batch[:-1]:
        await events.set_aside(event, "nonsense " * 200)
    await events.finish([ONE])
    found = apache.messages(topic.topics.dead_letters)
    assert [kept_body(message) for message in found] == bodies[:-1]
    # What the topic does take is there, and not in a file.
    assert [bool(header(message, "file")) for message in found] == [bound < 9_000] * 20 + [True]
    assert await topic.announced() == [(ONE,)]
    await topic.send(b"next")
    assert await read(await topic.restarted(), 1) == [b"next"]
    await topic.close()


async def test_a_topic_that_takes_no_dead_letter_at_all_is_said(
    apache: ApacheKafka, unique: str, tmp_path: Path
) -> None:
    topic = KafkaTopic(apache, unique, tmp_path)
    _bounded(apache, topic.topics.dead_letters, 100)
    await topic.send(b"bad")
    events = await topic.restarted()
    [event] = await events.batch()
    await events.set_aside(event, "nonsense")
    with pytest.raises(OutputEventsUnavailableError, match="does not even take a dead letter"):
        await events.finish([])
    _bounded(apache, topic.topics.dead_letters, 10_000)
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(OutputEventsUnavailableError):
                await events.finish([])
                break
            await asyncio.sleep(0.5)
    assert await topic.dead_letters() == [(b"bad", "nonsense")]
    await topic.close()
