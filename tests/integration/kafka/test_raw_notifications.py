import asyncio
import datetime
from collections.abc import AsyncIterator
from pathlib import Path
from typing import override

import pytest
from attrs import evolve

from adapters.host.clock import SystemClock
from adapters.kafka.connection import KafkaConnection
from adapters.kafka.notifications.raw_notifications import KafkaRawNotifications
from adapters.kafka.positions import TopicMissingError
from adapters.memory.metrics import MemoryMetrics
from domain.cameras.camera import Camera
from domain.raws.stored_object import StoredObject
from ports.metrics import Counter
from simulator.servers.notifications import NewObject, ceph_notification
from tests.contract_files import NOTIFICATIONS
from tests.contract_suites.raw_notifications import (
    BUCKET,
    CAMERA,
    MOSAIC,
    Bucket,
    RawNotificationsContract,
    heard_soon,
    raw,
    recognized,
    take,
)
from tests.integration.kafka.apache_kafka import ApacheKafka
from tests.integration.kafka.broker import Broker
from tests.integration.kafka.mock_cluster import MockCluster

pytestmark = pytest.mark.slow


def notification(stored: StoredObject) -> bytes:
    new = NewObject(
        bucket=stored.bucket, key=stored.key, size=stored.size or 0, etag=stored.version, event="Put"
    )
    return ceph_notification(new, datetime.datetime.now(datetime.UTC))


class KafkaBucket(Bucket):
    """The topic of one test, and readers of it."""

    def __init__(self, broker: Broker, unique: str, camera: Camera = CAMERA) -> None:
        self.broker = broker
        self.camera = camera
        self.topic = f"notes-{unique}"
        self.metrics = MemoryMetrics()
        self.reader: KafkaRawNotifications = self.make()

    @override
    async def notify(self, *created: StoredObject) -> None:
        await self.broker.sent(self.topic, *(notification(stored) for stored in created))

    def make(
        self,
        *,
        connection: KafkaConnection | None = None,
        offset_reset: str = "latest",
        reach_back: float = 300.0,
        retention: float = 3600.0,
        limit: int = 100_000,
    ) -> KafkaRawNotifications:
        """Make another reader."""
        return KafkaRawNotifications(
            connection=connection or self.broker.connection,
            topic=self.topic,
            camera=self.camera,
            bucket=f"tenant:{BUCKET}",
            clock=SystemClock(),
            metrics=self.metrics,
            offset_reset=offset_reset,
            reach_back=reach_back,
            retention=retention,
            limit=limit,
        )


class TestKafkaRawNotifications(RawNotificationsContract):
    @pytest.fixture
    async def bucket(self, broker: Broker, unique: str) -> AsyncIterator[KafkaBucket]:
        bucket = KafkaBucket(broker, unique)
        broker.create(bucket.topic)
        await bucket.reader.open()
        yield bucket
        await bucket.reader.close()

    @pytest.fixture
    async def mosaic_bucket(self, broker: Broker, unique: str) -> AsyncIterator[KafkaBucket]:
        bucket = KafkaBucket(broker, unique, MOSAIC)
        broker.create(bucket.topic)
        await bucket.reader.open()
        yield bucket
        assert bucket.metrics.total(Counter.NOTIFICATIONS, kind="raw") == 2
        assert bucket.metrics.total(Counter.NOTIFICATIONS, kind="foreign") == 1
        await bucket.reader.close()

    async def test_every_partition_is_read(self, bucket: KafkaBucket) -> None:
        for partition in range(bucket.broker.create(bucket.topic)):
            await bucket.broker.sent(bucket.topic, notification(raw(partition)), partition=partition)
        assert len(await heard_soon(bucket.reader, 0, 4)) == 4

    async def test_garbage_and_foreign_buckets_are_counted_and_passed_over(self, bucket: KafkaBucket) -> None:
        elsewhere = StoredObject(bucket="elsewhere", key=raw(1).key, version="x")
        bodies = [b"", b"{", b'{"Records": 1, "x": "SimCam/"}', b"\0\xff", notification(elsewhere)]
        await bucket.broker.sent(bucket.topic, *bodies, notification(raw(1)))
        assert await heard_soon(bucket.reader, 0, 1) == [raw(1)]
        assert bucket.metrics.total(Counter.NOTIFICATIONS, kind="raw") == 1
        assert bucket.metrics.total(Counter.NOTIFICATIONS, kind="unreadable") == 1
        assert bucket.metrics.total(Counter.NOTIFICATIONS, kind="foreign") == 5

    async def test_samples_of_every_store_disturb_nobody(self, bucket: KafkaBucket) -> None:
        await bucket.broker.sent(bucket.topic, *(path.read_bytes() for path in NOTIFICATIONS))
        await bucket.notify(raw(1))
        assert await heard_soon(bucket.reader, 0, 1) == [raw(1)]
        assert bucket.metrics.total(Counter.NOTIFICATIONS, kind="unreadable") == 0

    async def test_what_is_kept_is_bounded_and_expires(self, bucket: KafkaBucket) -> None:
        reader = bucket.make(limit=3, retention=2.0)
        await reader.open()
        news = reader.follow(0)
        first = asyncio.ensure_future(anext(news))  # it follows from its first step on
        await asyncio.sleep(0)
        await bucket.notify(*(raw(number) for number in range(10)))
        assert [(await first).stored, *await take(news, 9)] == [raw(number) for number in range(10)]
        assert list(reader.heard(0)) == [one for number in (7, 8, 9) for one in recognized(raw(number))]
        await asyncio.sleep(2.0)
        assert list(reader.heard(0)) == []
        await reader.close()


@pytest.mark.parametrize(("reset", "expected"), [("earliest", [raw(1), raw(2)]), ("latest", [raw(2)])])
async def test_where_times_are_unknown_the_setting_decides(
    mock: MockCluster, unique: str, reset: str, expected: list[StoredObject]
) -> None:
    bucket = KafkaBucket(mock, unique)
    await bucket.notify(raw(1))
    reader = bucket.make(offset_reset=reset)
    await reader.open()
    await bucket.notify(raw(2))
    assert await heard_soon(reader, 0, len(expected)) == expected
    await reader.close()


@pytest.mark.parametrize("reset", ["earliest", "latest"])
async def test_where_times_are_known_reading_begins_at_an_instant(
    apache: ApacheKafka, unique: str, reset: str
) -> None:
    bucket = KafkaBucket(apache, unique)
    await bucket.notify(raw(1))
    await asyncio.sleep(2.0)
    await bucket.notify(raw(2))
    # The other three partitions hold nothing at all, and one nothing later.
    await apache.sent(bucket.topic, b"long ago", partition=1)
    readers = [bucket.make(offset_reset=reset, reach_back=seconds) for seconds in (60.0, 1.5, 0.0)]
    for reader in readers:
        await reader.open()
    await bucket.notify(raw(3))
    expected = [[raw(1), raw(2), raw(3)], [raw(2), raw(3)], [raw(3)]]
    assert [
        await heard_soon(reader, 0, len(want)) for reader, want in zip(readers, expected, strict=True)
    ] == expected
    for reader in readers:
        await reader.close()


async def test_brokers_out_of_reach_do_not_stop_a_worker(mock: MockCluster, unique: str) -> None:
    nowhere = KafkaConnection(bootstrap_servers="127.0.0.1:1", timeout=1.0)
    reader = KafkaBucket(mock, unique).make(connection=nowhere)
    await reader.open()
    assert reader.heard(0) == ()
    await reader.close()


async def test_an_authority_that_is_mounted_late_is_waited_for(
    apache: ApacheKafka, unique: str, tmp_path: Path
) -> None:
    bucket = KafkaBucket(apache, unique)
    authority = tmp_path / "ca.pem"
    reader = bucket.make(connection=evolve(apache.with_password("TLS"), ca_file=str(authority)))
    await bucket.notify(raw(1))
    await reader.open()
    assert reader.heard(0) == ()
    authority.write_bytes(apache.certificates.ca.read_bytes())
    assert await heard_soon(reader, 0, 1) == [raw(1)]
    await reader.close()


async def test_a_missing_topic_is_said(broker: Broker, unique: str) -> None:
    bucket = KafkaBucket(broker, unique)
    with pytest.raises(TopicMissingError, match=bucket.topic):
        await bucket.reader.open()
    await bucket.reader.close()


async def test_a_broker_that_comes_back_is_read_on(mortal: ApacheKafka, unique: str) -> None:
    bucket = KafkaBucket(mortal, unique)
    await bucket.notify(raw(1))
    await bucket.reader.open()
    assert await heard_soon(bucket.reader, 0, 1) == [raw(1)]
    mortal.kill()
    await asyncio.sleep(1.0)
    await asyncio.to_thread(mortal.start)
    await bucket.notify(raw(2))
    assert await heard_soon(bucket.reader, 0, 2) == [raw(1), raw(2)]
    await bucket.reader.close()
