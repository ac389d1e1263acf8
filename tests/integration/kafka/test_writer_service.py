"""The Butler Writer's own process, on a real registry, killed at seeded points and told to end."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from lsst.daf.butler import Butler

from adapters.butler.shared.datastore_root import datastore_root
from adapters.kafka.outputs.outbox import Outbox
from benchmarks.services.postgresql import PostgresqlServer, why_not
from tests.integration.butler_writer.repositories import RUN, Messages, make_central
from tests.integration.kafka.apache_kafka import ApacheKafka
from tests.integration.kafka.writers import KafkaTopic

pytestmark = pytest.mark.slow

_PATIENCE = 90.0
_KILLS = 2


class WriterProcess:
    """``prompt-processing butler-writer``; `heard` is told of each record that it logs."""

    def __init__(
        self, settings: Mapping[str, str], heard: Callable[["WriterProcess", Mapping[str, Any]], None]
    ) -> None:
        self.records: list[Mapping[str, Any]] = []
        self._heard = heard
        self._process = subprocess.Popen(
            [sys.executable, "-m", "entrypoints", "butler-writer"],
            env={**os.environ, **settings},
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def kill(self) -> None:
        """End it without warning, and do not wait for it."""
        self._process.kill()

    def end(self, number: signal.Signals) -> int:
        """End it; returns the exit code."""
        self._process.send_signal(number)
        code = self._process.wait(30)
        self._reader.join()
        return code

    def is_ready(self) -> bool:
        return any(record.get("ready") for record in list(self.records))

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                record = json.loads(line) if line.startswith("{") else {"message": line}
                self.records.append(record)
                self._heard(self, record)


class _Killer:
    """Kills whoever has just written a batch, some moments later: before, in or after the next one."""

    def __init__(self, seed: int) -> None:
        dice = random.Random(seed)  # noqa: S311 - a plan, no secret
        self._plan = [(dice.randint(2, 4), dice.uniform(0.0, 0.3)) for _ in range(_KILLS)]
        self._batches = 0
        self.killed: list[WriterProcess] = []

    def heard(self, process: WriterProcess, record: Mapping[str, Any]) -> None:
        if process in self.killed or " messages, " not in str(record.get("message")):
            return
        self._batches += 1
        if len(self.killed) < _KILLS and self._batches == self._plan[len(self.killed)][0]:
            time.sleep(self._plan[len(self.killed)][1])
            self._batches = 0
            self.killed.append(process)
            process.kill()


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgresqlServer | None]:
    if why_not():
        yield None
    else:
        with PostgresqlServer() as server:
            yield server


@pytest.fixture
def repository(tmp_path: Path, postgresql: PostgresqlServer | None) -> str:
    """A repository on PostgreSQL where it is installed, else on SQLite."""
    return make_central(tmp_path / "central", database=postgresql.url if postgresql else None)


@pytest.fixture
def topic(apache: ApacheKafka, unique: str, tmp_path: Path) -> KafkaTopic:
    return KafkaTopic(apache, unique, tmp_path)


@pytest.fixture
def settings(apache: ApacheKafka, topic: KafkaTopic, repository: str) -> Mapping[str, str]:
    topics = topic.topics
    return {
        "BUTLER_REPOSITORY": repository,
        "KAFKA_CLUSTER": apache.address("PLAIN"),
        "KAFKA_TOPIC": topics.input,
        "KAFKA_OUTPUT_TOPIC": topics.output,
        "KAFKA_DEAD_LETTER_TOPIC": topics.dead_letters,
        "KAFKA_SESSION_TIMEOUT": "2",
        "OUTPUT_DATASET_LIST_DIRECTORY": str(topic.folder / "batches"),
        "BATCH_SIZE": "4",
        "METRICS_PORT": "0",
    }


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(_PATIENCE):
        while not condition():
            await asyncio.sleep(0.1)


def _datasets(message: bytes) -> set[uuid.UUID]:
    return {uuid.UUID(key) for dataset in json.loads(message)["datasets"] for key in dataset["refs"]}


def _registered(repository: str) -> Counter[uuid.UUID]:
    with Butler.from_config(repository) as butler:
        try:
            return Counter(ref.id for ref in butler.query_all_datasets([RUN], find_first=False, limit=None))
        except LookupError:  # Nothing has been registered yet.
            return Counter()


@pytest.mark.parametrize("seed", [1])
async def test_kills_lose_nothing_and_double_nothing(
    topic: KafkaTopic, repository: str, settings: Mapping[str, str], seed: int
) -> None:
    with Butler.from_config(repository) as butler:
        messages = list(Messages(repository, butler.dimensions).many(range(1, 25)))
    laid_down = messages.pop()
    Outbox(datastore_root(repository)).put(f"{uuid.uuid4()}.json", laid_down)
    other_ids = json.loads(messages[0])
    for dataset in other_ids["datasets"]:
        dataset["refs"] = {str(uuid.uuid4()): ref for ref in dataset["refs"].values()}
    bad = [b"\xff", json.dumps(other_ids).encode()]
    killer = _Killer(seed)
    # One works, the others stand by.
    writers = [WriterProcess(settings, killer.heard) for _ in range(_KILLS + 1)]
    try:
        await _until(lambda: all(writer.is_ready() for writer in writers))
        stream = [*messages[:9], bad[0], *messages[9:22], bad[1], *messages[22:]]
        for start in range(0, len(stream), 3):
            await topic.send(*stream[start : start + 3])
            await asyncio.sleep(0.3)
        expected = {dataset for message in [*messages, laid_down] for dataset in _datasets(message)}
        await _until(lambda: len(_registered(repository)) >= len(expected))
        async with asyncio.timeout(_PATIENCE):
            while len(await topic.dead_letters()) < len(bad) or len(await topic.announced()) == 0:
                await asyncio.sleep(0.2)
            while not expected <= {one for batch in await topic.announced() for one in batch}:
                await asyncio.sleep(0.2)
        assert len(killer.killed) == _KILLS
        [last] = [writer for writer in writers if writer not in killer.killed]
        assert last.end(signal.SIGTERM) == 0
    finally:
        for writer in writers:
            writer.end(signal.SIGKILL)
    assert _registered(repository) == Counter(expected)
    announced = Counter(one for batch in await topic.announced() for one in batch)
    # What came from the outbox has no offset, and may be announced twice.
    outbox = _datasets(laid_down)
    assert {one for one, times in announced.items() if times > 1} <= outbox
    assert announced.keys() == expected
    letters = await topic.dead_letters()
    assert sorted(body for body, _ in letters) == sorted(bad)
    assert all(reason for _, reason in letters)
    assert list(Outbox(datastore_root(repository)).names()) == []
