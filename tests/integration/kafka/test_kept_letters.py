import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adapters.kafka.outputs.kept_letters import KafkaMessageLetters
from entrypoints.cli import main
from ports.dead_letters import DeadLettersUnavailableError
from tests.contract_suites.output_events import read
from tests.integration.kafka.apache_kafka import ApacheKafka
from tests.integration.kafka.broker import Broker
from tests.integration.kafka.writers import KafkaTopic, header

pytestmark = pytest.mark.slow

MESSAGE = json.dumps(
    {"datasets": [{"refs": {"1": {"data_id": {"instrument": "I", "visit": 7, "detector": 4}}}}]}
).encode()


@pytest.fixture
async def topic(broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[KafkaTopic]:
    topic = KafkaTopic(broker, unique, tmp_path)
    yield topic
    await topic.close()


def letters_of(topic: KafkaTopic) -> KafkaMessageLetters:
    return KafkaMessageLetters(
        connection=topic.broker.connection,
        topic=topic.topics.dead_letters,
        input_topic=topic.topics.input,
        outbox_root=str(topic.datastore),
        is_transactional=topic.broker.has_transactions,
    )


async def bury(topic: KafkaTopic, *messages: bytes) -> None:
    await topic.send(*messages)
    events = await topic.restarted()
    found = 0
    while found < len(messages):
        for event in await events.batch():
            await events.set_aside(event, "conflicting definition")
            found += 1
        await events.finish([])


async def test_letters_are_listed_replayed_and_discarded(topic: KafkaTopic) -> None:
    await bury(topic, MESSAGE, b"nonsense")
    async with letters_of(topic) as letters:
        first, second = await letters.letters()
        assert (first.instrument, first.visit, first.detector, first.body) == ("I", 7, 4, MESSAGE)
        assert first.origin == f"{topic.topics.input}[0]@0"
        assert second.body == b"nonsense"
        assert await letters.replay(first)
        assert await letters.discard(second, "of no use")
        assert not await letters.replay(first)
        assert await letters.letters() == []
    assert await read(await topic.restarted(), 1) == [MESSAGE]
    again = topic.broker.messages(topic.topics.input)[-1]
    assert header(again, "origin") == first.origin


async def test_one_too_long_for_the_topic_goes_through_the_outbox(topic: KafkaTopic) -> None:
    await bury(topic, b"x" * 950_000)
    async with letters_of(topic) as letters:
        [letter] = await letters.letters()
        assert letter.body == b"x" * 950_000
        assert await letters.replay(letter)
        assert await letters.letters() == []
    assert await topic.outbox() == [b"x" * 950_000]
    assert not [file for file in (topic.datastore / ".prompt-dead-letters").iterdir() if file.is_file()]


async def test_of_two_who_replay_at_once_one_does(apache: ApacheKafka, unique: str, tmp_path: Path) -> None:
    topic = KafkaTopic(apache, unique, tmp_path)
    await bury(topic, MESSAGE, b"nonsense")
    async with letters_of(topic) as one, letters_of(topic) as other:
        first, second = await one.letters()
        assert await one.replay(first)
        assert not await other.replay(first)
        with pytest.raises(DeadLettersUnavailableError, match="somebody else"):
            await one.replay(second)
        assert await one.replay(second)
    assert await read(await topic.restarted(), 2) == [MESSAGE, b"nonsense"]
    await topic.close()


async def test_they_are_reached_with_the_writer_s_settings(topic: KafkaTopic, tmp_path: Path) -> None:
    await bury(topic, MESSAGE)
    (topic.datastore / "butler.yaml").parent.mkdir(exist_ok=True)
    (topic.datastore / "butler.yaml").write_text("datastore: {root: <butlerRoot>}")
    environment = {
        "BUTLER_REPOSITORY": str(topic.datastore),
        "KAFKA_CLUSTER": topic.broker.connection.bootstrap_servers,
        "KAFKA_USERNAME": topic.broker.connection.username,
        "KAFKA_PASSWORD": topic.broker.connection.password,
        "KAFKA_TOPIC": topic.topics.input,
        "KAFKA_OUTPUT_TOPIC": topic.topics.output,
        "KAFKA_DEAD_LETTER_TOPIC": topic.topics.dead_letters,
        "OUTPUT_DATASET_LIST_DIRECTORY": str(tmp_path),
        "KAFKA_TRANSACTIONS": str(int(topic.broker.has_transactions)),
    }

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["dead-letters", *arguments, "--of", "writer"], env=environment)

    done = await asyncio.to_thread(run, "replay", "--visit", "7", "--detector", "4")
    assert (done.exit_code, "replayed" in done.stdout) == (0, True), done.output
    assert (await asyncio.to_thread(run, "list")).stdout == "there are no dead letters\n"
