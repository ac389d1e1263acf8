import asyncio
import logging
import threading
from collections.abc import Sequence

import pytest
from confluent_kafka import Message

from adapters.kafka.connection import consumer_config
from adapters.kafka.topic_follower import TopicFollower
from domain.times import UtcSeconds
from tests.integration.kafka.apache_kafka import ApacheKafka

pytestmark = pytest.mark.slow


async def test_messages_lost_before_they_are_read_are_said_and_reading_goes_on(
    apache: ApacheKafka, unique: str, caplog: pytest.LogCaptureFixture
) -> None:
    topic = f"notes-{unique}"
    apache.create(topic, partitions=1)
    bodies = [b"%d" % number * 5000 for number in range(10)]
    for body in bodies:
        # Messages that are sent together are fetched together.
        await apache.sent(topic, body)
    heard: list[bytes] = []
    go_on, stopping, first, last = (threading.Event() for _ in range(4))

    def handle(messages: Sequence[Message]) -> None:
        heard.extend(message.value() or b"" for message in messages)
        first.set()
        go_on.wait(20)
        if heard[-1] == bodies[-1]:
            last.set()

    # It fetches a message at a time, and not the next before one is taken.
    config = consumer_config(apache.connection, group="unused", offset_reset="error") | {
        "queued.max.messages.kbytes": 1,
        "fetch.message.max.bytes": 1000,
    }
    follower = TopicFollower(config, topic, reset="latest", patience=5.0, handle=handle, tried=lambda _: None)
    thread = threading.Thread(target=follower.run, args=(UtcSeconds(0.0), stopping))
    with caplog.at_level(logging.WARNING):
        thread.start()
        try:
            assert await asyncio.to_thread(first.wait, 20)
            await asyncio.to_thread(apache.forget, topic, 0, 8)
            go_on.set()
            assert await asyncio.to_thread(last.wait, 20)
        finally:
            go_on.set()
            stopping.set()
            await asyncio.to_thread(thread.join)
    assert heard[0] == bodies[0]
    assert heard[-2:] == bodies[-2:]
    assert len(heard) < len(bodies)
    assert "were lost before they were read" in caplog.text
