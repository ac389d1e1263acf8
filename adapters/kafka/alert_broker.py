"""The broker of alerts, for those that were laid down."""

import logging
from collections.abc import Collection, Sequence
from functools import partial
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Producer

from adapters.common.own_threads import OwnThreads
from adapters.kafka.connection import KafkaConnection, producer_config
from ports.alert_outbox import AlertBrokerUnavailableError

__all__ = ["KafkaAlertBroker"]

_LOG: Final = logging.getLogger(__name__)


class KafkaAlertBroker:
    """`ports.alert_outbox.AlertBroker` on Kafka.

    Parameters
    ----------
    connection
        The cluster.
    topic
        Where alerts go.
    patience
        Seconds for the messages of a call.
    """

    def __init__(self, connection: KafkaConnection, topic: str, *, patience: float = 30.0) -> None:
        self._connection = connection
        self._topic = topic
        self._patience = patience
        self._thread = OwnThreads("alerts", AlertBrokerUnavailableError)

    async def open(self) -> None:
        """Get ready; nobody is connected to yet."""
        self._thread.open()

    async def close(self) -> None:
        """Wait for what goes on."""
        await self._thread.close()

    async def send(self, messages: Sequence[bytes]) -> Collection[int]:
        """See `ports.alert_outbox.AlertBroker.send`."""
        return await self._thread.run(self._send, messages)

    def _send(self, messages: Sequence[bytes]) -> Collection[int]:
        # One for each call: alerts wait seldom, and a connection costs memory.
        producer = Producer(
            producer_config(self._connection, delivery_timeout=self._patience)
            | {"compression.type": "snappy"}
        )
        taken: set[int] = set()
        refusals: list[KafkaError] = []
        for number, message in enumerate(messages):
            try:
                producer.produce(self._topic, message, on_delivery=partial(_note, taken, refusals, number))
                producer.poll(0)
            except (KafkaException, BufferError) as error:
                refusals += error.args[:1] if isinstance(error, KafkaException) else []
        producer.flush(self._patience + 1.0)
        away = [error for error in refusals if error.code() in _AWAY]
        if away or not (taken or refusals):
            producer.purge()
            producer.flush(1.0)
        if not taken and (away or not refusals):
            reason = away[0].str() if away else "no answer"
            raise AlertBrokerUnavailableError(
                f"{self._connection.bootstrap_servers} takes no alerts: {reason}"
            )
        if refusals:
            _LOG.error("%d alerts were refused by %s: %s", len(refusals), self._topic, refusals[0].str())
        return taken


_AWAY: Final = {KafkaError._MSG_TIMED_OUT, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN}


def _note(
    taken: set[int], refusals: list[KafkaError], number: int, error: KafkaError | None, _message: object
) -> None:
    if error is None:
        taken.add(number)
    else:
        refusals.append(error)
