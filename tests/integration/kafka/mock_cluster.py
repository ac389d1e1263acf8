"""librdkafka's mock cluster over TCP, and small producers and consumers for tests."""

import asyncio
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition

from adapters.kafka.connection import KafkaConnection

__all__ = ["MockCluster"]


class MockCluster:
    """A broker that lives as long as this object."""

    def __init__(self) -> None:
        self._cluster = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock:1", "log_level": 3})
        brokers = self._cluster.list_topics(timeout=10).brokers.values()
        self.address = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
        self.connection = KafkaConnection(
            bootstrap_servers=self.address, fetch_wait=0.005, timeout=5.0, group_protocol="consumer"
        )
        self._producer = Producer({"bootstrap.servers": self.address, "log_level": 0})

    def create(self, topic: str) -> int:
        """Make a topic exist, and count its partitions."""
        return len(self._cluster.list_topics(topic, timeout=10).topics[topic].partitions)

    def send(self, topic: str, *bodies: bytes, partition: int = 0) -> None:
        """Produce to one partition, so that the order is known."""
        self.create(topic)
        for body in bodies:
            self._producer.produce(topic, body, partition=partition)
        assert self._producer.flush(10) == 0

    async def sent(self, topic: str, *bodies: bytes, partition: int = 0) -> None:
        """Produce without holding up the event loop."""
        await asyncio.to_thread(self.send, topic, *bodies, partition=partition)

    def messages(self, topic: str, quiet: float = 0.5) -> list[Message]:
        """Read all of a topic, until nothing comes for so many seconds."""
        consumer = Consumer(
            {"bootstrap.servers": self.address, "group.id": "test", "log_level": 0, "fetch.wait.max.ms": 5}
        )
        consumer.assign(
            [TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(self.create(topic))]
        )
        found: list[Message] = []
        end = time.monotonic() + quiet
        while time.monotonic() < end:
            message = consumer.poll(0.05)
            if message is not None and message.error() is None:
                found.append(message)
                end = time.monotonic() + quiet
        consumer.close()
        return found
