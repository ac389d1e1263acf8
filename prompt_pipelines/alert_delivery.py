"""Alerts on their way to a broker, each followed until the broker has it."""

from collections.abc import Sequence
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

__all__ = ["Delivery"]

_PURGED = {KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT}
_GRACE = 1.0  # s for librdkafka to say what became of each message


class Delivery:
    """Hands alerts to a producer, and knows which of them the broker has acknowledged.

    Parameters
    ----------
    producer
        Never gives a message up by itself for want of time.
    topic
        Where they go.
    alerts
        Messages.
    """

    def __init__(self, producer: Producer, topic: str, alerts: Sequence[bytes]) -> None:
        self._producer = producer
        self._unsent = dict(enumerate(alerts))
        self.refusal = ""
        """Why one of them was refused; blank if none was."""
        for number, alert in enumerate(alerts):
            try:
                producer.produce(topic, alert, on_delivery=partial(self._note, number))
                producer.poll(0)
            except (KafkaException, BufferError) as error:  # too large, or too many: others may go
                self.refusal = str(error)

    @property
    def unsent(self) -> list[bytes]:
        """Those that the broker has not acknowledged, in their order."""
        return list(self._unsent.values())

    def wait(self, seconds: float) -> None:
        """Wait until all are acknowledged or refused, or the time is over."""
        self._producer.flush(max(seconds, 0.0))

    def end(self) -> list[bytes]:
        """Give up what is still under way, and tell what was not acknowledged.

        One that was on the wire may have arrived all the same.
        """
        if self._unsent:
            self._producer.purge()
            self._producer.flush(_GRACE)
        return self.unsent

    def _note(self, number: int, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self._unsent.pop(number, None)
        elif error.code() not in _PURGED:
            self.refusal = error.str()
