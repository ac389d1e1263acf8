"""Sending alerts to Kafka, if the environment names a broker.

AP_KAFKA_SERVER and AP_KAFKA_TOPIC say where; without them no alert is sent.
AP_KAFKA_PRODUCER_USERNAME and AP_KAFKA_PRODUCER_PASSWORD turn on SASL
(SCRAM-SHA-512); AP_KAFKA_SECURITY_PROTOCOL chooses between SASL_PLAINTEXT, the
default, and SASL_SSL.
"""

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import field, frozen
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from prompt_pipelines.errors import PromptPipelinesError

__all__ = ["AlertError", "AlertStream", "forget_producers", "stream_from_environment"]

_DELIVERY_TIMEOUT = 30.0  # s; the outcome of an alert is known after this


_PRODUCERS: dict["AlertStream", Producer] = {}
"""Kept for the life of the process: a connection takes longer than a visit's alerts."""


class AlertError(PromptPipelinesError):
    """Alerts could not be handed to the broker."""


@frozen
class AlertStream:
    """Where alerts go."""

    server: str
    topic: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    security_protocol: str = "SASL_PLAINTEXT"

    def send(self, alerts: Iterable[bytes]) -> int:
        """Send alerts and wait until the broker has them all.

        Returns
        -------
        count
            How many were sent.

        Raises
        ------
        AlertError
            Raised if the broker did not take one of them in time. Others may
            have been taken.
        """
        producer = _producer(self)
        failures: list[str] = []

        def note(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                failures.append(error.str())

        count = 0
        try:
            for alert in alerts:
                _produce(producer, self.topic, alert, note)
                count += 1
            waiting = producer.flush(_DELIVERY_TIMEOUT)
        except (KafkaException, BufferError) as error:
            forget_producers()
            raise AlertError(f"cannot send alerts to {self.server}: {error}") from error
        if waiting or failures:
            forget_producers()  # what still waits must not go out behind the failure's back
            reason = failures[0] if failures else "no answer from the broker"
            raise AlertError(f"{waiting + len(failures)} of {count} alerts were not taken: {reason}")
        return count


def stream_from_environment(environment: Mapping[str, str] | None = None) -> AlertStream | None:
    """Find out where alerts go; None if nowhere.

    Raises
    ------
    AlertError
        Raised if a server is named without a topic, or the other way round.
    """
    values = os.environ if environment is None else environment
    server, topic = values.get("AP_KAFKA_SERVER") or None, values.get("AP_KAFKA_TOPIC") or None
    if server is None and topic is None:
        return None
    if server is None or topic is None:
        raise AlertError("AP_KAFKA_SERVER and AP_KAFKA_TOPIC must both be set, or neither")
    return AlertStream(
        server,
        topic,
        values.get("AP_KAFKA_PRODUCER_USERNAME") or None,
        values.get("AP_KAFKA_PRODUCER_PASSWORD") or None,
        values.get("AP_KAFKA_SECURITY_PROTOCOL") or "SASL_PLAINTEXT",
    )


def forget_producers() -> None:
    """Drop the connections to brokers, with what is still queued for them."""
    for producer in _PRODUCERS.values():
        producer.purge()
        producer.flush(0)
    _PRODUCERS.clear()


def _producer(stream: AlertStream) -> Producer:
    if stream not in _PRODUCERS:
        _PRODUCERS[stream] = _make_producer(stream)
    return _PRODUCERS[stream]


def _make_producer(stream: AlertStream) -> Producer:
    settings: dict[str, Any] = {
        "bootstrap.servers": stream.server,
        "compression.type": "snappy",
        "enable.idempotence": True,
        "delivery.timeout.ms": int(1000 * _DELIVERY_TIMEOUT),
        "linger.ms": 5,
        # Cutouts make an alert larger than the default allows for in rare cases only.
        "message.max.bytes": 8_000_000,
    }
    if stream.username is not None:
        settings |= {
            "security.protocol": stream.security_protocol,
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": stream.username,
            "sasl.password": stream.password or "",
        }
    return Producer(settings, logger=logging.getLogger(__name__))


def _produce(
    producer: Producer, topic: str, alert: bytes, note: Callable[[KafkaError | None, Message], None]
) -> None:
    try:
        producer.produce(topic, alert, on_delivery=note)
    except BufferError:  # the queue is full: let it drain, then once more
        producer.flush(_DELIVERY_TIMEOUT)
        producer.produce(topic, alert, on_delivery=note)
    producer.poll(0)
