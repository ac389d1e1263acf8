"""The Butler Writer: how soon a message's datasets can be found, and how many messages it takes."""

import asyncio
import contextlib
import itertools
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import cast
from uuid import UUID

from attrs import frozen
from confluent_kafka import Producer
from dependency_injector import providers
from lsst.daf.butler import Butler

from adapters.butler.shared.messages import Decoder
from adapters.butler.shared.records import ordered
from adapters.files.cameras import load_camera
from application.worker.alongside import running_alongside
from benchmarks.report import table
from benchmarks.services.postgresql import PostgresqlServer, why_not
from benchmarks.services.worker_messages import like, real_message
from domain.cameras.camera import Camera
from domain.cameras.camera_dict import camera_as_dict
from entrypoints.containers.butler_writer import ButlerWriterContainer
from entrypoints.settings.butler_writer import ButlerWriterSettings
from entrypoints.settings.environment import read_settings
from ports.central_registry import CentralRegistry, OutputEvent
from prompt_pipelines.camera import CameraDict
from prompt_pipelines.instrument import CameraInstrument
from prompt_pipelines.repository import butler_config
from simulator.servers.kafka import EmbeddedKafka

__all__ = ["main"]

_CAMERA = "simulated"
_TOPICS = {"KAFKA_TOPIC": "outputs", "KAFKA_OUTPUT_TOPIC": "batches", "KAFKA_DEAD_LETTER_TOPIC": "dead"}
_SINGLE = 15  # Messages, one after the other.
_BATCH = 500
_ROUNDS = 3
_PARTITIONS = 4  # Of a topic of the embedded Kafka.
_PATIENCE = 600.0  # It ends something that hangs; a slow machine is no failure.


class _Watched:
    """The production registry, which also tells what it has written."""

    def __init__(self, registry: CentralRegistry) -> None:
        self._registry = registry
        self.batches: list[int] = []
        self.changed = asyncio.Event()

    async def apply(self, events: Sequence[OutputEvent]) -> Sequence[UUID]:
        datasets = await self._registry.apply(events)
        self.batches.append(len(events))
        self.changed.set()
        return datasets

    async def until(self, messages: int) -> None:
        """Wait until so many messages are written, from the beginning."""
        async with asyncio.timeout(_PATIENCE):
            while sum(self.batches) < messages:
                self.changed.clear()
                await self.changed.wait()


@frozen
class _Bench:
    """One registry, the writer at work on it, and messages for it."""

    central: Path
    messages: Iterator[str]
    producer: Producer
    registry: _Watched

    def take(self, number: int) -> list[str]:
        """Take messages, and let the files be there that they tell of."""
        messages = list(itertools.islice(self.messages, number))
        for message in messages:
            for dataset in json.loads(message)["datasets"]:
                path = self.central / dataset["path"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        return messages

    def send(self, messages: Sequence[str]) -> float:
        """Send messages at once; returns when."""
        begin = time.perf_counter()
        for number, message in enumerate(messages):
            self.producer.produce(_TOPICS["KAFKA_TOPIC"], message, partition=number % _PARTITIONS)
        self.producer.flush(10)
        return begin


def main() -> None:
    """Measure, and print the figures."""
    camera = load_camera(_CAMERA)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        message = real_message(Path(folder), camera, _CAMERA)
        databases: dict[str, str | None] = {"SQLite": None}
        if not (missing := why_not()):
            server = stack.enter_context(PostgresqlServer())
            databases["PostgreSQL"] = server.url
        low, full = [], []
        for name, database in databases.items():
            central = Path(folder) / name
            _make_central(central, camera, database)
            one, many = asyncio.run(_measure(central, message, camera))
            low.append((name, *one))
            full.append((name, *many))
    notes = [f"PostgreSQL is left out: {missing}"] if missing else []
    print(_low_table(low, message, notes))
    print(_full_table(full, notes))


def _make_central(root: Path, camera: Camera, database: str | None) -> None:
    config = butler_config()
    if database is not None:
        config["registry", "db"] = database
    Butler.makeRepo(str(root), config=config)
    with Butler.from_config(str(root), writeable=True) as butler:
        CameraInstrument.for_camera(cast(CameraDict, camera_as_dict(camera))).register(butler.registry)


async def _measure(central: Path, message: str, camera: Camera) -> tuple[tuple[str, ...], tuple[str, ...]]:
    async with contextlib.AsyncExitStack() as stack:
        kafka = stack.enter_context(EmbeddedKafka())
        service = _service(central, kafka.bootstrap_servers)
        registry = service.registry()
        stack.push_async_callback(registry.close)
        watched = _Watched(registry)
        service.registry.override(providers.Object(watched))
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "linger.ms": 0, "log_level": 2})
        bench = _Bench(central, like(message, camera), producer, watched)
        for topic in _TOPICS.values():
            kafka.create_topic(topic)
        await service.events().open()
        stack.push_async_callback(service.events().close)
        async with running_alongside(service.writer().run()):
            # Dataset types are registered, and the group's partitions assigned.
            await asyncio.to_thread(bench.send, bench.take(1))
            await watched.until(1)
            low = await _one_by_one(bench)
            full = await _at_full_load(bench)
    with Butler.from_config(str(central)) as butler:
        refs = [ref for each in json.loads(message)["datasets"] for ref in each["refs"].values()]
        found = len(butler.query_all_datasets({ref["run"] for ref in refs}, find_first=False, limit=None))
    expected = (1 + _SINGLE + 2 * _ROUNDS * _BATCH) * len(refs)
    if found != expected:
        raise RuntimeError(f"{found} datasets are in the registry, not {expected}")
    return low, full


def _service(central: Path, kafka: str) -> ButlerWriterContainer:
    """Wire the service as production does."""
    settings = {
        "BUTLER_REPOSITORY": str(central),
        "KAFKA_CLUSTER": kafka,
        "KAFKA_FETCH_WAIT": "0.005",
        "OUTPUT_DATASET_LIST_DIRECTORY": str(central / "batches"),
        # librdkafka's mock cluster does not really have them.
        "KAFKA_TRANSACTIONS": "0",
        **_TOPICS,
    }
    return ButlerWriterContainer(settings=read_settings(ButlerWriterSettings, settings))


async def _one_by_one(bench: _Bench) -> tuple[str, ...]:
    """Send a message, and look with another Butler as soon as the writer has committed."""
    with Butler.from_config(str(bench.central)) as reader:
        seconds = []
        for message in bench.take(_SINGLE):
            [*_, last] = json.loads(message)["datasets"]
            [dataset] = map(UUID, last["refs"])
            written = sum(bench.registry.batches)
            begin = await asyncio.to_thread(bench.send, [message])
            await bench.registry.until(written + 1)
            if await asyncio.to_thread(reader.get_dataset, dataset) is None:
                raise RuntimeError("what the writer has committed cannot be found")
            seconds.append(time.perf_counter() - begin)
            await asyncio.sleep(0.2)
    return f"{median(seconds):.3f}", f"{max(seconds):.3f}"


async def _at_full_load(bench: _Bench) -> tuple[str, ...]:
    """Let the writer and plain batches take the same number of messages, in turn."""
    ours, plain = [], []
    with Butler.from_config(str(bench.central), writeable=True) as butler:
        for _ in range(_ROUNDS):
            messages = await asyncio.to_thread(bench.take, _BATCH)
            written, begin = sum(bench.registry.batches), _Instant.now()
            await asyncio.to_thread(bench.send, messages)
            await bench.registry.until(written + _BATCH)
            ours.append(begin.since())
            messages = await asyncio.to_thread(bench.take, _BATCH)
            begin = _Instant.now()
            await asyncio.to_thread(_write_plainly, butler, messages)
            plain.append(begin.since())
    ratios = [theirs.wall / mine.wall for mine, theirs in zip(ours, plain, strict=True)]
    of_cpu = [theirs.cpu / mine.cpu for mine, theirs in zip(ours, plain, strict=True)]
    rates = [f"{median(_BATCH / seconds.wall for seconds in way):.0f}" for way in (ours, plain)]
    return *rates, f"{median(ratios):.2f}", f"{median(of_cpu):.2f}", str(max(bench.registry.batches))


@frozen
class _Instant:
    """A moment on the wall's clock and on this process's CPU's, s."""

    wall: float
    cpu: float

    @classmethod
    def now(cls) -> "_Instant":
        return cls(time.perf_counter(), time.process_time())

    def since(self) -> "_Instant":
        """Tell what has passed on both."""
        now = self.now()
        return _Instant(now.wall - self.wall, now.cpu - self.cpu)


def _write_plainly(butler: Butler, messages: Sequence[str]) -> None:
    """Do what today's writer does with a batch, from memory: the public calls, one after the other."""
    known = (butler.dimensions, butler.get_dataset_type)
    batch = [Decoder(*known).decode(message.encode()) for message in messages]
    records = ordered(record for outputs in batch for record in outputs.records)
    for element, members in itertools.groupby(records, key=lambda record: record.definition.name):
        butler.registry.insertDimensionData(element, *members, skip_existing=True)
    files = [file for outputs in batch for file in outputs.files]
    butler.ingest(*files, transfer=None, skip_existing=True, record_validation_info=False)


def _low_table(rows: Sequence[Sequence[str]], message: str, notes: Sequence[str]) -> str:
    content = json.loads(message)
    described = f"{len(content['datasets'])} datasets, {len(content['dimension_records'])} dimension records"
    return table(
        f"low load, from sending a message ({described}) until its last dataset is found",
        ("s", "median", f"worst of {_SINGLE}"),
        rows,
        ["aim: 0.5 s or less", *notes],
    )


def _full_table(rows: Sequence[Sequence[str]], notes: Sequence[str]) -> str:
    return table(
        f"full load: {_ROUNDS} x {_BATCH} messages sent at once, and as many in plain batches of {_BATCH}",
        ("messages/s", "the writer", "plain batches", "ratio", "by CPU time", "largest batch"),
        rows,
        [
            "plain batches: insertDimensionData and ingest for 500 messages from memory, without Kafka",
            "ratio: of the rates, median of the rounds; by CPU time: the same reckoned in CPU seconds of the",
            "  client, Kafka included, which other work on the machine disturbs less",
            "aim: the ratio 1 or more on PostgreSQL, and 1.8 if it can be had honestly",
            *notes,
        ],
    )


if __name__ == "__main__":
    main()
