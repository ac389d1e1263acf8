import asyncio
import datetime
from collections.abc import AsyncIterator
from typing import override

import pytest

from adapters.kafka.connection import KafkaConnection
from adapters.kafka.positions import TopicMissingError
from adapters.kafka.raw_notifications import KafkaRawNotifications
from adapters.memory.metrics import MemoryMetrics
from domain.stored_object import StoredObject
from domain.times import UtcSeconds
from ports.metrics import Counter
from ports.raw_arrivals import RawNotifications
from simulator.notifications import NewObject, ceph_notification
from tests.contract_suites.raw_notifications import (
    BUCKET,
    CAMERA,
    Bucket,
    RawNotificationsContract,
    heard_soon,
    raw,
    take,
)
from tests.integration.kafka.mock_cluster import MockCluster

pytestmark = pytest.mark.slow

TOPIC = "notes"


class Now:
    def utc(self) -> UtcSeconds:
        return UtcSeconds(datetime.datetime.now(datetime.UTC).timestamp())


def notification(stored: StoredObject) -> bytes:
    new = NewObject(
        bucket=stored.bucket, key=stored.key, size=stored.size or 0, etag=stored.version, event="Put"
    )
    return ceph_notification(new, datetime.datetime.now(datetime.UTC))


class KafkaBucket(Bucket):
    def __init__(self, cluster: MockCluster, reader: RawNotifications) -> None:
        self.reader = reader
        self._cluster = cluster

    @override
    async def notify(self, *created: StoredObject) -> None:
        await self._cluster.sent(TOPIC, *(notification(stored) for stored in created))


def make(connection: KafkaConnection, metrics: MemoryMetrics, **options: object) -> KafkaRawNotifications:
    return KafkaRawNotifications(
        connection=connection,
        topic=TOPIC,
        camera=CAMERA,
        bucket=f"tenant:{BUCKET}",
        clock=Now(),
        metrics=metrics,
        **options,  # type: ignore[arg-type] # tests name any of the options
    )


@pytest.fixture
def metrics() -> MemoryMetrics:
    return MemoryMetrics()


@pytest.fixture
async def reader(cluster: MockCluster, metrics: MemoryMetrics) -> AsyncIterator[KafkaRawNotifications]:
    cluster.create(TOPIC)
    reader = make(cluster.connection, metrics)
    await reader.open()
    yield reader
    await reader.close()


class TestKafkaRawNotifications(RawNotificationsContract):
    @pytest.fixture
    def bucket(self, cluster: MockCluster, reader: KafkaRawNotifications) -> Bucket:
        return KafkaBucket(cluster, reader)

    async def test_every_partition_is_read(self, cluster: MockCluster, reader: KafkaRawNotifications) -> None:
        for partition in range(cluster.create(TOPIC)):
            await cluster.sent(TOPIC, notification(raw(partition)), partition=partition)
        assert len(await heard_soon(reader, 0, 4)) == 4

    async def test_garbage_and_foreign_buckets_are_counted_and_passed_over(
        self, cluster: MockCluster, reader: KafkaRawNotifications, metrics: MemoryMetrics
    ) -> None:
        elsewhere = StoredObject(bucket="elsewhere", key=raw(1).key, version="x")
        bodies = [b"", b"{", b'{"Records": 1, "x": "SimCam/"}', b"\0\xff", notification(elsewhere)]
        await cluster.sent(TOPIC, *bodies, notification(raw(1)))
        assert await heard_soon(reader, 0, 1) == [raw(1)]
        assert metrics.total(Counter.NOTIFICATIONS, kind="raw") == 1
        assert metrics.total(Counter.NOTIFICATIONS, kind="unreadable") == 1
        assert metrics.total(Counter.NOTIFICATIONS, kind="foreign") == 5

    @pytest.mark.parametrize(("reset", "expected"), [("earliest", [raw(1), raw(2)]), ("latest", [raw(2)])])
    async def test_where_times_are_unknown_the_setting_decides(
        self, cluster: MockCluster, metrics: MemoryMetrics, reset: str, expected: list[StoredObject]
    ) -> None:
        await cluster.sent(TOPIC, notification(raw(1)))
        reader = make(cluster.connection, metrics, offset_reset=reset)
        await reader.open()
        await cluster.sent(TOPIC, notification(raw(2)))
        assert await heard_soon(reader, 0, len(expected)) == expected
        await reader.close()

    async def test_what_is_kept_is_bounded_and_expires(
        self, cluster: MockCluster, metrics: MemoryMetrics
    ) -> None:
        cluster.create(TOPIC)
        reader = make(cluster.connection, metrics, limit=3, retention=2.0)
        await reader.open()
        await cluster.sent(TOPIC, *(notification(raw(number)) for number in range(10)))
        news = reader.follow(0)
        await take(news, 3)
        await asyncio.sleep(0.3)
        assert list(reader.heard(0)) == [raw(7), raw(8), raw(9)]
        await asyncio.sleep(2.0)
        assert list(reader.heard(0)) == []
        await reader.close()

    async def test_brokers_out_of_reach_do_not_stop_a_worker(self, metrics: MemoryMetrics) -> None:
        nowhere = KafkaConnection(bootstrap_servers="127.0.0.1:1", timeout=1.0)
        reader = make(nowhere, metrics)
        await reader.open()
        assert reader.heard(0) == ()
        await reader.close()


async def test_a_missing_topic_is_said(cluster: MockCluster, metrics: MemoryMetrics) -> None:
    reader = make(cluster.connection, metrics)
    with pytest.raises(TopicMissingError, match=TOPIC):
        await reader.open()
    await reader.close()
