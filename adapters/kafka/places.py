"""Where messages stand in their topics."""

from collections.abc import Sequence

from confluent_kafka import Message, TopicPartition

__all__ = ["name_of", "offsets_after", "place_of"]


def place_of(message: Message) -> tuple[str, int]:
    """Tell topic and partition of a message that was read."""
    return message.topic() or "", message.partition() or 0


def name_of(message: Message) -> str:
    """Name a message for logs: topic, partition and offset."""
    return f"{message.topic()}[{message.partition()}]@{message.offset()}"


def offsets_after(messages: Sequence[Message]) -> list[TopicPartition]:
    """List where to go on after these messages, one place for each partition."""
    after: dict[tuple[str, int], int] = {}
    for message in messages:
        place = place_of(message)
        after[place] = max((message.offset() or 0) + 1, after.get(place, 0))
    return [TopicPartition(topic, partition, offset) for (topic, partition), offset in after.items()]
