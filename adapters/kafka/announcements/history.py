"""Announcements that were settled, read once more without the group."""

from collections.abc import Sequence
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from adapters.kafka.positions import positions_since
from domain.times import UtcSeconds

__all__ = ["read_again"]

_POLL: Final = 1.0  # Seconds.
_ATTEMPTS: Final = 30
"""Polls without anything before the broker counts as away."""


def read_again(
    config: dict[str, Any], settled: Sequence[TopicPartition], since: UtcSeconds, patience: float
) -> list[Message]:
    """Read messages from an instant on up to what is settled, in the order in which they were sent; blocks.

    Parameters
    ----------
    config
        Of a consumer, which gets the partitions assigned and commits nothing.
    settled
        Where the group goes on, of each partition.
    since
        The instant.
    patience
        Seconds for each question.

    Raises
    ------
    KafkaException
        Raised if the broker does not answer.
    """
    consumer = Consumer(config | {"enable.auto.commit": False, "auto.offset.reset": "earliest"})
    try:
        found: list[Message] = []
        for end in settled:
            [begin] = positions_since(
                consumer, end.topic, [end.partition], since=since, reset="earliest", patience=patience
            )
            if begin.offset < end.offset:
                found += _between(consumer, begin, end.offset)
        return sorted(found, key=lambda message: message.timestamp()[1])
    finally:
        consumer.close()


def _between(consumer: Consumer, begin: TopicPartition, end: int) -> list[Message]:
    """Read one partition from a place to before an offset."""
    consumer.assign([begin])
    found: list[Message] = []
    silent = 0
    while silent < _ATTEMPTS:
        message = consumer.poll(_POLL)
        if message is None:
            silent += 1
        elif (error := message.error()) is not None:
            raise KafkaException(error)
        else:
            silent = 0
            if (message.offset() or 0) < end:
                found.append(message)
            if (message.offset() or 0) >= end - 1:
                return found
        [position] = consumer.position([begin])
        if position.offset >= end:
            return found  # What lies before it are marks of transactions, or was compacted.
    raise KafkaException(f"{begin.topic}[{begin.partition}] cannot be read up to {end}")
