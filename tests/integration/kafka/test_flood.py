"""A reader keeps up with 2,000 notifications a second that are not for it (410 come with each exposure)."""

import asyncio

import pytest
from attrs import evolve

from ports.metrics import Counter
from tests.contract_suites.raw_notifications import raw, take
from tests.integration.kafka.broker import Broker
from tests.integration.kafka.test_raw_notifications import KafkaBucket, notification

pytestmark = pytest.mark.slow

A_SECOND = 2000


async def test_foreign_notifications_leave_no_one_behind(broker: Broker, unique: str) -> None:
    bucket = KafkaBucket(broker, unique)
    broker.create(bucket.topic)
    await bucket.reader.open()
    try:
        news = bucket.reader.follow(0)
        foreign = [
            notification(evolve(raw(number), key=f"OtherCam/20260313/{number}.fits"))
            for number in range(A_SECOND)
        ]
        for number in range(3):
            await broker.sent(bucket.topic, *foreign, notification(raw(number)))
            # What stands behind a second's notifications is heard of within a second.
            async with asyncio.timeout(1.0):
                assert await take(news, 1) == [raw(number)]
        assert bucket.metrics.total(Counter.NOTIFICATIONS, kind="foreign") == 3 * A_SECOND
    finally:
        await bucket.reader.close()
