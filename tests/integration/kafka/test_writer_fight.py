"""Writers that are killed, paused and replaced lose nothing and double nothing."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.kafka.outputs.outbox import Outbox
from tests.integration.kafka.apache_kafka import ApacheKafka
from tests.integration.kafka.writers import KafkaTopic

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).parents[3]


class Writers:
    """Two processes at all times: one at work, one that stands by."""

    def __init__(self, kafka: ApacheKafka, topic: KafkaTopic) -> None:
        self._arguments = [kafka.connection.bootstrap_servers, topic.unique, str(topic.folder)]
        self.processes = [self._start(), self._start()]

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "tests.integration.kafka.writer_process", *self._arguments]
        return subprocess.Popen(command, cwd=_ROOT)  # noqa: S603 - as written here

    def replace(self, number: int) -> None:
        """Kill one and start another in its place."""
        self.processes[number].kill()
        self.processes[number].wait()
        self.processes[number] = self._start()

    def signal(self, number: int, what: signal.Signals) -> None:
        os.kill(self.processes[number].pid, what)

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def topic(apache: ApacheKafka, unique: str, tmp_path: Path) -> KafkaTopic:
    return KafkaTopic(apache, unique, tmp_path)


@pytest.fixture
def writers(apache: ApacheKafka, topic: KafkaTopic) -> Iterator[Writers]:
    writers = Writers(apache, topic)
    yield writers
    writers.stop()


async def announced(topic: KafkaTopic) -> Counter[uuid.UUID]:
    return Counter(dataset for batch in await topic.announced() for dataset in batch)


async def settled(topic: KafkaTopic, sent: set[uuid.UUID]) -> Counter[uuid.UUID]:
    """Wait until all that was sent is announced, and a little longer."""
    end = asyncio.get_running_loop().time() + 60
    while not sent <= (await announced(topic)).keys() and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.5)
    await asyncio.sleep(3.0)
    return await announced(topic)


async def stream(topic: KafkaTopic, count: int, dice: random.Random) -> set[uuid.UUID]:
    """Send messages at an uneven pace."""
    sent: set[uuid.UUID] = set()
    while len(sent) < count:
        datasets = [uuid.UUID(int=dice.getrandbits(128)) for _ in range(dice.randint(1, 30))]
        await topic.send(*(str(dataset).encode() for dataset in datasets))
        sent.update(datasets)
        await asyncio.sleep(dice.uniform(0.0, 0.5))
    return sent


@pytest.mark.parametrize("seed", [1, 2])
async def test_kills_at_any_moment(topic: KafkaTopic, writers: Writers, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - repeatable
    sending = asyncio.create_task(stream(topic, 300, dice))
    for _ in range(6):
        await asyncio.sleep(dice.uniform(0.5, 4.0))
        writers.replace(dice.randrange(2))
    sent = await sending
    found = await settled(topic, sent)
    assert found.keys() == sent
    assert {dataset for dataset, times in found.items() if times > 1} == set()


async def test_pauses_longer_than_the_group_waits(topic: KafkaTopic, writers: Writers) -> None:
    dice = random.Random(3)  # noqa: S311 - repeatable
    sending = asyncio.create_task(stream(topic, 300, dice))
    for number in (0, 1, 0):
        await asyncio.sleep(dice.uniform(2.0, 4.0))
        writers.signal(number, signal.SIGSTOP)
        await asyncio.sleep(4.0)
        writers.signal(number, signal.SIGCONT)
    sent = await sending
    found = await settled(topic, sent)
    assert found.keys() == sent
    assert {dataset for dataset, times in found.items() if times > 1} == set()


async def test_what_lies_in_the_outbox_is_announced_and_goes(topic: KafkaTopic, writers: Writers) -> None:
    outbox = Outbox(str(topic.folder / "datastore"))
    sent = {uuid.uuid4() for _ in range(40)}
    for number, dataset in enumerate(sorted(sent)):
        outbox.put(f"{uuid.uuid4()}.json", str(dataset).encode())
        await asyncio.sleep(0.1)
        if number == 20:
            writers.replace(0)
    assert (await settled(topic, sent)).keys() == sent
    assert await topic.outbox() == []


async def test_a_broker_that_is_killed_takes_nothing_with_it(mortal: ApacheKafka, tmp_path: Path) -> None:
    topic = KafkaTopic(mortal, "mortal", tmp_path)
    writers = Writers(mortal, topic)
    try:
        dice = random.Random(4)  # noqa: S311 - repeatable
        sent = await stream(topic, 100, dice)
        for _ in range(2):
            await asyncio.sleep(dice.uniform(0.0, 1.0))
            mortal.kill()
            await asyncio.sleep(1.0)
            await asyncio.to_thread(mortal.start)
            sent |= await stream(topic, 50, dice)
        found = await settled(topic, sent)
    finally:
        writers.stop()
    assert found.keys() == sent
    assert {dataset for dataset, times in found.items() if times > 1} == set()
