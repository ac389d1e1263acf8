"""What the tests need of a cluster, whichever it is."""

from typing import Protocol

from confluent_kafka import Message

from adapters.kafka.connection import KafkaConnection

__all__ = ["Broker"]


class Broker(Protocol):
    """A broker that lives longer than the test."""

    connection: KafkaConnection
    has_transactions: bool
    knows_times: bool
    """Whether it finds messages by their time."""

    def create(self, topic: str, partitions: int = 4) -> int:
        """Make a topic exist, and count its partitions: it keeps those that it was made with."""
        ...

    async def sent(self, topic: str, *bodies: bytes, partition: int = 0) -> None:
        """Produce to one partition, so that the order is known."""
        ...

    def messages(self, topic: str) -> list[Message]:
        """Read all of a topic, aborted messages excepted."""
        ...
