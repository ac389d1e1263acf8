"""Where messages stand in their topics, and since when."""

from collections.abc import Sequence

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Message, TopicPartition

from domain.times import UtcSeconds

__all__ = ["offsets_after", "position_of", "sent_at", "topic_partition_of"]


def topic_partition_of(message: Message) -> tuple[str, int]:
    """Tell topic and partition of a message that was read."""
    return message.topic() or "", message.partition() or 0


def position_of(message: Message) -> str:
    """Name a message for logs: topic, partition and offset."""
    return f"{message.topic()}[{message.partition()}]@{message.offset()}"


def sent_at(message: Message) -> UtcSeconds | None:
    """Tell when a message was sent, by the clock of its sender or of the broker; None if neither says."""
    kind, milliseconds = message.timestamp()
    return None if kind == TIMESTAMP_NOT_AVAILABLE else UtcSeconds(milliseconds / 1000)


def offsets_after(messages: Sequence[Message], metadata: str = "") -> list[TopicPartition]:
    """List where to go on after these messages, one place for each partition, with what is noted there."""
    after: dict[tuple[str, int], int] = {}
    for message in messages:
        place = topic_partition_of(message)
        after[place] = max((message.offset() or 0) + 1, after.get(place, 0))
    return [
        TopicPartition(topic, partition, offset, metadata) for (topic, partition), offset in after.items()
    ]
