import datetime
from collections.abc import AsyncIterator
from typing import override

import pytest

from adapters.kafka.notifications.object_feed import KafkaObjectFeed
from adapters.memory.metrics import MemoryMetrics
from domain.raws.stored_object import StoredObject
from ports.metrics import Counter
from ports.object_feed import ObjectFeed
from simulator.servers.notifications import NewObject, ceph_notification
from tests.contract_files import NOTIFICATIONS
from tests.contract_suites.object_feed import Bucket, ObjectFeedContract, created, read
from tests.integration.kafka.broker import Broker

pytestmark = pytest.mark.slow


def notification(stored: StoredObject) -> bytes:
    new = NewObject(
        bucket=stored.bucket, key=stored.key, size=stored.size or 0, etag=stored.version, event="Put"
    )
    return ceph_notification(new, datetime.datetime.now(datetime.UTC))


class KafkaBucket(Bucket):
    def __init__(self, broker: Broker, unique: str) -> None:
        self.metrics = MemoryMetrics()
        self.broker = broker
        self.topic = f"notes-{unique}"
        self._feed: KafkaObjectFeed | None = None
        broker.create(self.topic)

    @override
    async def notify(self, *objects: StoredObject) -> None:
        await self.broker.sent(self.topic, *(notification(stored) for stored in objects))

    @override
    async def restarted(self) -> ObjectFeed:
        await self.close()
        self._feed = KafkaObjectFeed(
            connection=self.broker.connection,
            group=f"group-of-{self.topic}",
            topic=self.topic,
            offset_reset="earliest",
            metrics=self.metrics,
        )
        await self._feed.open()
        return self._feed

    async def close(self) -> None:
        if self._feed is not None:
            await self._feed.close()


class TestKafkaObjectFeed(ObjectFeedContract):
    @pytest.fixture
    async def bucket(self, broker: Broker, unique: str) -> AsyncIterator[KafkaBucket]:
        bucket = KafkaBucket(broker, unique)
        yield bucket
        await bucket.close()

    async def test_garbage_is_counted_and_passed_over(self, bucket: KafkaBucket) -> None:
        feed = await bucket.restarted()
        await bucket.broker.sent(
            bucket.topic, b"", b"{", b"\0\xff", b'{"Records": [{}]}', notification(created("a"))
        )
        assert await read(feed, 1) == [created("a")]
        assert bucket.metrics.total(Counter.NOTIFICATIONS, kind="unreadable") == 4

    async def test_samples_of_every_store_are_read(self, bucket: KafkaBucket) -> None:
        feed = await bucket.restarted()
        await bucket.broker.sent(bucket.topic, *(path.read_bytes() for path in NOTIFICATIONS))
        await bucket.notify(created("end"))
        found = await read(feed, 1)
        while found[-1] != created("end"):
            found += await read(feed, 1)
        assert bucket.metrics.total(Counter.NOTIFICATIONS) == 0
        assert "HSC/94/2026-11-22T01:02:03.456+00:00/0/59134/r 1/a b+c.fits" in {
            stored.key for stored in found
        }
