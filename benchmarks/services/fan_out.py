"""From nextVisit in Kafka to its last copy in Redis, ours against one command for each copy."""

import asyncio
import contextlib
import itertools
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from statistics import median
from typing import cast

import redis
import redis.asyncio
import yaml
from attrs import frozen
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from dependency_injector import providers

from adapters.redis.queue.fanned_out_visit import visit_to_fields
from adapters.redis.queue.work_publisher import RedisWorkPublisher
from application.worker.alongside import running_alongside
from benchmarks.report import table
from benchmarks.services.announcements import encode_next_visit, visit_at
from domain.visit import Visit
from entrypoints.containers.fan_out import FanOutContainer
from entrypoints.settings.environment import read_settings
from entrypoints.settings.fan_out import FanOutSettings
from ports.work_publisher import Novelty, Published
from simulator.servers.kafka import EmbeddedKafka
from simulator.servers.redis_server import redis_server
from simulator.servers.schema_registry import SchemaRegistry

__all__ = ["main"]

type _Page = list[tuple[str, dict[str, str]]]

_TOPIC = "lsst.sal.ScriptQueue.logevent_nextVisit"
_COPIES = 189
_SINGLE = 60  # Visits one after the other, by each way,
_RARELY = 5  # but only every fifth time by the way that takes longest.
_BURST = 200
_PATIENCE = 600.0  # It ends something that hangs; a slow machine is no failure.

_OURS = "one script a visit (ours)"
_ONE = "one command a copy, each awaited, one connection"
_MANY = "one command a copy, a task and a connection for each"


def _copies(visit: Visit, detectors: Iterable[int]) -> list[dict[str, str]]:
    shared = visit_to_fields(visit)
    return [shared | {"detector": str(detector)} for detector in detectors]


class _EachInTurn:
    """Copies by one command each over one connection."""

    connections = 1

    def __init__(self, url: str, stream: str) -> None:
        self._stream = stream
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            url,
            max_connections=self.connections,
            timeout=_PATIENCE,
            socket_timeout=_PATIENCE,
            socket_connect_timeout=_PATIENCE,
        )
        self._redis: redis.asyncio.Redis = redis.asyncio.Redis(connection_pool=pool)

    async def add(self, visit: Visit, detectors: Iterable[int]) -> int:
        """Add the copies of a visit; returns how many."""
        entries = _copies(visit, detectors)
        for entry in entries:
            await self._add_one(entry)
        return len(entries)

    async def _add_one(self, entry: dict[str, str]) -> None:
        await self._redis.xadd(self._stream, dict(entry.items()))


class _AllAtOnce(_EachInTurn):
    """Copies by one task and one pooled connection each, as today's service does."""

    connections = _COPIES

    async def add(self, visit: Visit, detectors: Iterable[int]) -> int:
        return len(await asyncio.gather(*map(self._add_one, _copies(visit, detectors))))


@frozen
class _Times:
    """Of one visit; on the clock of `time.perf_counter`."""

    begun: float
    """When it was handed to the publisher."""
    done: float
    """When Redis had acknowledged the last copy."""


class _Ways(RedisWorkPublisher):
    """The production publisher, which leaves visits of some surveys to others, and keeps the times."""

    def __init__(self, url: str, others: Mapping[str, _EachInTurn]) -> None:
        super().__init__(url, streams={"LSSTCam": _OURS})
        self._others = others
        self.times: dict[str, _Times] = {}
        self.changed = asyncio.Event()

    async def publish(self, visit: Visit, detectors: Iterable[int]) -> Published:
        begin = time.perf_counter()
        if visit.survey in self._others:
            added = await self._others[visit.survey].add(visit, detectors)
            published = Published(novelty=Novelty.NEW, revision=1, copies=added)
        else:
            published = await super().publish(visit, detectors)
        self.times[visit.group] = _Times(begin, time.perf_counter())
        self.changed.set()
        return published

    async def until(self, groups: Sequence[str]) -> None:
        """Wait until visits are published."""
        async with asyncio.timeout(_PATIENCE):
            while not all(group in self.times for group in groups):
                self.changed.clear()
                await self.changed.wait()


class _Observatory:
    """Announces visits on Kafka, encoded beforehand so that only sending is timed."""

    def __init__(self, kafka: str, registry: str) -> None:
        text = (files("simulator") / "schemas" / "next_visit.avsc").read_text()
        with SchemaRegistryClient({"url": registry}) as client:
            self._schema_id = client.register_schema(f"{_TOPIC}-value", Schema(text, "AVRO"))
        self._schema = json.loads(text)
        self._producer = Producer({"bootstrap.servers": kafka, "linger.ms": 0, "log_level": 2})
        self._numbers = itertools.count()

    def announce(self, way: str, number: int = 1) -> tuple[float, list[str]]:
        """Send visits at once; returns when, and their groups."""
        visits = [visit_at(next(self._numbers), 150.0, 2.0, survey=way) for _ in range(number)]
        bodies = [encode_next_visit(visit, self._schema, self._schema_id) for visit in visits]
        begin = time.perf_counter()
        for body in bodies:
            self._producer.produce(_TOPIC, body)
        self._producer.flush(10)
        return begin, [visit.group for visit in visits]


def main() -> None:
    """Measure, and print the figures."""
    asyncio.run(_measure())


async def _measure() -> None:
    async with contextlib.AsyncExitStack() as stack:
        kafka, registry, server = EmbeddedKafka(), SchemaRegistry(), redis_server()
        for service in (kafka, registry, server):
            stack.enter_context(service)
        kafka.create_topic(_TOPIC)
        url = f"redis://127.0.0.1:{server.port}/0"
        others = {_ONE: _EachInTurn(url, _ONE), _MANY: _AllAtOnce(url, _MANY)}
        ways = await stack.enter_async_context(_Ways(url, others))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = {
            "KAFKA_CLUSTER": kafka.bootstrap_servers,
            "KAFKA_FETCH_WAIT": "0.005",
            "KAFKA_SCHEMA_REGISTRY_URL": registry.url,
            "REDIS_HOST": f"127.0.0.1:{server.port}",
        }
        fan_out = _service(environment, folder)
        fan_out.publisher.override(providers.Object(ways))
        await fan_out.announcements().open()
        stack.push_async_callback(fan_out.announcements().close)
        observatory = _Observatory(kafka.bootstrap_servers, registry.url)
        async with running_alongside(fan_out.fan_out().run()):
            print(await _one_by_one(observatory, ways, server.description))
            print(await _at_once(observatory, ways, url))


def _service(environment: Mapping[str, str], folder: Path) -> FanOutContainer:
    """Wire the service as production does."""
    config = folder / "instruments.yaml"
    detectors = dict.fromkeys(range(_COPIES), True)
    config.write_text(
        yaml.safe_dump({"redis-streams": {"LSSTCam": _OURS}, "detectors": {"LSSTCam": detectors}})
    )
    settings = {
        "CONSUMER_GROUP": "benchmark",
        "NEXT_VISIT_TOPIC": _TOPIC,
        "OFFSET": "earliest",
        "MESSAGE_EXPIRATION": "3600",
        "SUPPORTED_INSTRUMENTS": "LSSTCam",
        "INSTRUMENT_CONFIG_FILE": str(config),
        **environment,
    }
    return FanOutContainer(settings=read_settings(FanOutSettings, settings))


async def _one_by_one(observatory: _Observatory, ways: _Ways, description: str) -> str:
    """Announce visits by each way in turn, so that whatever else goes on hits all of them alike."""
    for way in (_OURS, _ONE, _MANY):  # Connections are made, and the group's partitions assigned.
        await ways.until(observatory.announce(way)[1])
    total: dict[str, list[float]] = {_OURS: [], _ONE: [], _MANY: []}
    inside: dict[str, list[float]] = {_OURS: [], _ONE: [], _MANY: []}
    for number in range(_SINGLE):
        for way in (_OURS, _MANY) if number % _RARELY else total:
            sent, groups = await asyncio.to_thread(observatory.announce, way)
            await ways.until(groups)
            times = ways.times[groups[0]]
            total[way].append(times.done - sent)
            inside[way].append(times.done - times.begun)
            await asyncio.sleep(0.02)
    rows = [
        (
            way,
            str(len(total[way])),
            f"{median(total[way]) * 1e3:.1f}",
            f"{sorted(total[way])[len(total[way]) * 9 // 10] * 1e3:.1f}",
            f"{median(inside[way]) * 1e3:.1f}",
            f"{median(total[_OURS]) / median(total[way]):.2f}",
            f"{median(inside[_OURS]) / median(inside[way]):.2f}",
        )
        for way in total
    ]
    return table(
        f"one nextVisit at a time, {_COPIES} copies, the ways in turn ({description})",
        ("ms", "visits", "Kafka to last copy", "9 of 10 within", "Redis alone", "ours / this", "in Redis"),
        rows,
        ["aim: ours a quarter or less of one command a copy (today's: a task and a connection for each)"],
    )


async def _at_once(observatory: _Observatory, ways: _Ways, url: str) -> str:
    rows = []
    for way in (_OURS, _MANY):
        with redis.Redis.from_url(url, decode_responses=True) as client:
            before = client.xlen(way)
            begin, groups = await asyncio.to_thread(observatory.announce, way, _BURST)
            await ways.until(groups)
            seconds = max(ways.times[group].done for group in groups) - begin
            there, doubles = await asyncio.to_thread(_count, client, way, set(groups))
            rows.append(
                (way, f"{_BURST / seconds:.0f}", str(there), str(_BURST * _COPIES - there), str(doubles))
            )
            if before + _BURST * _COPIES != client.xlen(way):
                raise RuntimeError(f"copies were lost or doubled: {rows[-1]}")
    return table(
        f"{_BURST} visits at once, {_BURST * _COPIES} copies",
        ("", "visits/s", "copies there", "lost", "doubled"),
        rows,
        ["aim: 100 visits/s or more, nothing lost"],
    )


def _count(client: redis.Redis, stream: str, groups: set[str]) -> tuple[int, int]:
    """Count the different copies of some visits in a stream, and those that are there again."""
    found: Counter[tuple[str, str]] = Counter()
    last = "-"
    while page := cast(_Page, client.xrange(stream, min=last, count=5000)):
        found.update((fields["groupId"], fields["detector"]) for _, fields in page)
        last = f"({page[-1][0]}"
    mine = [number for (group, _), number in found.items() if group in groups]
    return len(mine), sum(mine) - len(mine)


if __name__ == "__main__":
    main()
