import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import jsonschema
import pytest
from attrs import evolve

from adapters.kafka.connection import KafkaConnection
from ports.central_registry import OutputEventsUnavailableError
from tests.contract_files import contract_json
from tests.contract_suites.output_events import ONE, TWO, OutputEventsContract, read
from tests.integration.kafka.broker import Broker
from tests.integration.kafka.writers import KafkaTopic

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

    async def test_a_message_too_long_for_a_dead_letter_leaves_its_position(self, topic: KafkaTopic) -> None:
        await topic.send(b"x" * 950_000)
        events = await topic.restarted()
        [event] = await events.batch()
        await events.set_aside(event, "nonsense")
        await events.finish([])
        [message] = topic.broker.messages(topic.topics.dead_letters)
        headers = dict(message.headers() or {})
        assert headers["position"] == event.position.encode() == f"{topic.topics.input}[0]@0".encode()
        assert headers["omitted"] == b"950000 bytes"

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
