"""What a message says of itself."""

from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_NOT_AVAILABLE, Message

from adapters.kafka.places import sent_at


def test_a_message_tells_when_it_was_sent() -> None:
    message = Message(topic="t", timestamp=(TIMESTAMP_CREATE_TIME, 1_773_454_500_250))
    assert sent_at(message) == 1_773_454_500.25


def test_a_message_without_a_time_does_not_make_one_up() -> None:
    assert sent_at(Message(topic="t", timestamp=(TIMESTAMP_NOT_AVAILABLE, 0))) is None
