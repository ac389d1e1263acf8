"""Every byte that a stranger can send to a topic: an answer or a dead letter, never a stop."""

import asyncio
import datetime
import json
import random
from collections.abc import AsyncIterator, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from adapters.host.clock import SystemClock
from adapters.kafka.announcements.announcements import KafkaAnnouncements
from adapters.kafka.announcements.schema_registry import SchemaRegistry
from adapters.kafka.notifications.object_feed import KafkaObjectFeed
from adapters.kafka.notifications.raw_notifications import KafkaRawNotifications
from adapters.memory.metrics import MemoryMetrics
from benchmarks.services.announcements import encode_cancellation, encode_next_visit
from domain.visit import Cancellation
from ports.announcements import NotForUs, Unreadable
from simulator.servers.notifications import NewObject, ceph_notification
from tests.contract_files import NOTIFICATIONS, contract_json
from tests.contract_suites.announcements import visit
from tests.contract_suites.output_events import ONE, read
from tests.contract_suites.raw_notifications import BUCKET, CAMERA, heard_soon, raw
from tests.integration.kafka.mock_cluster import MockCluster
from tests.integration.kafka.registry import Registry
from tests.integration.kafka.writers import KafkaTopic

pytestmark = pytest.mark.slow

COUNT = 400


@pytest.fixture(params=[1, 2, 3])
def dice(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.param)  # noqa: S311 - repeatable


def mutated(dice: random.Random, good: list[bytes]) -> bytes:
    """Damage a message, or make one up."""
    body = bytearray(dice.choice(good))
    match dice.randrange(6):
        case 0:
            return dice.randbytes(dice.randrange(200))
        case 1:
            del body[dice.randrange(len(body)) :]
        case 2:
            for _ in range(dice.randint(1, 8)):
                body[dice.randrange(len(body))] = dice.randrange(256)
        case 3:
            begin = dice.randrange(len(body))
            del body[begin : begin + dice.randint(1, 20)]
        case 4:
            body += dice.randbytes(dice.randint(1, 50))
        case 5:
            begin = dice.randrange(len(body))
            body[begin:begin] = body[begin : begin + 50] * dice.randint(1, 40)
    return bytes(body)


class TestAnnouncements:
    SCHEMA: dict[str, Any] = contract_json("next_visit.avsc")
    CANCELED: dict[str, Any] = json.loads(
        (files("adapters.kafka") / "schemas" / "next_visit_canceled.avsc").read_text()
    )

    @pytest.fixture
    def registry(self) -> Iterator[Registry]:
        registry = Registry({1: self.SCHEMA, 2: self.CANCELED, 3: {"type": "string"}, 4: "no type"})
        yield registry
        registry.shut()

    @pytest.fixture
    async def reader(self, mock: MockCluster, registry: Registry) -> AsyncIterator[KafkaAnnouncements]:
        for topic in ("visits", "cancellations"):
            mock.create(topic)
        reader = KafkaAnnouncements(
            connection=mock.connection,
            group="fan-out",
            topic="visits",
            canceled_topic="cancellations",
            offset_reset="earliest",
            registry=SchemaRegistry(registry.url, cache=None),
        )
        await reader.open()
        yield reader
        await reader.close()

    @pytest.mark.parametrize("topic", ["visits", "cancellations"])
    async def test_each_message_is_answered_for(
        self, mock: MockCluster, reader: KafkaAnnouncements, dice: random.Random, topic: str
    ) -> None:
        cancellation = Cancellation(sal_index=1, script_sal_index=2, group="end")
        last = {
            "visits": encode_next_visit(visit("end"), self.SCHEMA, 1),
            "cancellations": encode_cancellation(cancellation, self.CANCELED, 2),
        }[topic]
        bodies = [mutated(dice, [last, last[:1] + b"\0\0\0\3" + last[5:]]) for _ in range(COUNT)]
        await mock.sent(topic, *bodies, last)
        found = [await reader.next() for _ in range(COUNT + 1)]
        assert [announcement.body for announcement in found] == [*bodies, last]
        assert all(
            announcement.content.reason
            for announcement in found
            if isinstance(announcement.content, Unreadable | NotForUs)
        )
        assert found[-1].content == {"visits": visit("end"), "cancellations": cancellation}[topic]
        await reader.settle(found[-1])


def notifications(dice: random.Random) -> list[bytes]:
    new = NewObject(bucket=BUCKET, key=raw(1).key, size=1, etag="e", event="Put")
    good = [path.read_bytes() for path in NOTIFICATIONS]
    good += [ceph_notification(new, datetime.datetime.now(datetime.UTC))] * len(good)
    return [mutated(dice, good) for _ in range(COUNT)]


def last_notification() -> bytes:
    new = NewObject(bucket=BUCKET, key=raw(999, detector=1).key, size=10, etag="v1", event="Put")
    return ceph_notification(new, datetime.datetime.now(datetime.UTC))


async def test_bucket_notifications_for_workers(mock: MockCluster, dice: random.Random) -> None:
    mock.create("notes")
    metrics = MemoryMetrics()
    reader = KafkaRawNotifications(
        connection=mock.connection,
        topic="notes",
        camera=CAMERA,
        bucket=BUCKET,
        clock=SystemClock(),
        metrics=metrics,
    )
    await reader.open()
    await mock.sent("notes", *notifications(dice), last_notification())
    assert raw(999, detector=1) in await heard_soon(reader, 1, 1)
    await reader.close()


async def test_bucket_notifications_for_the_microservice(mock: MockCluster, dice: random.Random) -> None:
    mock.create("notes")
    feed = KafkaObjectFeed(
        connection=mock.connection,
        group="presence",
        topic="notes",
        offset_reset="earliest",
        metrics=MemoryMetrics(),
    )
    await feed.open()
    await mock.sent("notes", *notifications(dice), last_notification())
    found = list(await feed.batch())
    while found[-1] != raw(999, detector=1):
        found += await feed.batch()
    await feed.settle()
    await feed.close()


async def test_workers_messages(mock: MockCluster, unique: str, tmp_path: Path, dice: random.Random) -> None:
    """The writer's registry judges them; what it refuses is a dead letter, byte for byte."""
    topic = KafkaTopic(mock, unique, tmp_path)
    bodies = [mutated(dice, [b'{"type": "pp-output"}', b"\0"]) for _ in range(COUNT)]
    await topic.send(*bodies)
    events = topic.make()
    await events.open()
    seen: list[bytes] = []
    while len(seen) < COUNT:
        for event in await events.batch():
            seen.append(event.body)
            await events.set_aside(event, dice.choice(["plain", "ü\n\0", "\ud800", "x" * 100_000]))
    await events.finish([])
    assert seen == bodies
    assert [body for body, _ in await topic.dead_letters()] == bodies
    await topic.send(b"good")
    assert await read(events, 1) == [b"good"]
    await events.finish([ONE])
    await asyncio.gather(events.close(), topic.close())
