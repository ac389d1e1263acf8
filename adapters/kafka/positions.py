"""Where to begin to read a topic, without a consumer group."""

from collections.abc import Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from domain.errors import PromptProcessingError
from domain.times import UtcSeconds

__all__ = ["TopicMissingError", "partitions_of", "positions_since"]


class TopicMissingError(PromptProcessingError):
    """A topic does not exist."""


def partitions_of(consumer: Consumer, topic: str, patience: float) -> list[int]:
    """List the partitions of a topic.

    Raises
    ------
    TopicMissingError
        Raised if there is no such topic.
    KafkaException
        Raised if the brokers do not tell within `patience` seconds.
    """
    found = consumer.list_topics(topic, timeout=patience).topics[topic]
    if found.error is not None:
        if found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise TopicMissingError(f"Kafka has no topic {topic}")
        raise KafkaException(found.error)
    return sorted(found.partitions)


def positions_since(
    consumer: Consumer,
    topic: str,
    partitions: Sequence[int],
    *,
    since: UtcSeconds,
    reset: str,
    patience: float,
) -> list[TopicPartition]:
    """Find the first message at or after an instant in each partition.

    Parameters
    ----------
    consumer
        Any consumer of the cluster.
    topic, partitions
        What to look into.
    since
        The instant.
    reset
        ``earliest`` or ``latest``: where to begin if the broker does not know
        the times of its messages.
    patience
        Seconds for each question.

    Raises
    ------
    KafkaException
        Raised if the brokers do not tell.
    """
    asked = [TopicPartition(topic, partition, max(0, int(since * 1000))) for partition in partitions]
    positions = []
    for found in consumer.offsets_for_times(asked, timeout=patience):
        if found.error is not None:
            raise KafkaException(found.error)
        offset = found.offset
        if offset < 0:
            offset = _without_later(consumer, TopicPartition(topic, found.partition), reset, patience)
        positions.append(TopicPartition(topic, found.partition, offset))
    return positions


def _without_later(consumer: Consumer, place: TopicPartition, reset: str, patience: float) -> int:
    """Choose an offset where the broker names none: nothing is later, or it cannot tell."""
    watermarks = consumer.get_watermark_offsets(place, timeout=patience)
    if watermarks is None:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"no offsets of {place}"))
    low, high = watermarks
    if low == high or reset != "earliest":
        return high
    beginning = TopicPartition(place.topic, place.partition, 0)
    [first] = consumer.offsets_for_times([beginning], timeout=patience)
    # A broker that knows times finds its first message after 1970.
    return high if first.offset >= 0 else low
