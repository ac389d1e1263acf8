"""The worker's messages to the Butler Writer: by Kafka, or else by the outbox."""

import asyncio
import logging
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Producer

from adapters.common.own_threads import OwnThreads
from adapters.kafka.connection import KafkaConnection, producer_config
from adapters.kafka.outputs.outbox import Outbox, OutboxUnavailableError
from ports.clock import Identifiers
from ports.output_notifier import NotificationLostError

__all__ = ["KafkaOutputNotifier"]

_LOG: Final = logging.getLogger(__name__)
_GRACE: Final = 1.0  # Seconds for librdkafka to say that it has given up.


class KafkaOutputNotifier:
    """Sends one message at a time and waits for the broker's acknowledgement.

    A message whose acknowledgement got lost is in the topic and in the outbox:
    the writer does not mind.

    Parameters
    ----------
    connection
        The writer's cluster.
    topic
        The writer's input.
    outbox_root
        URI of the root of the central datastore.
    identifiers
        Names objects in the outbox.
    delivery_timeout
        Seconds that the broker is waited for.
    outbox_timeout
        Seconds that the datastore is waited for.
    """

    def __init__(
        self,
        *,
        connection: KafkaConnection,
        topic: str,
        outbox_root: str,
        identifiers: Identifiers,
        delivery_timeout: float = 10.0,
        outbox_timeout: float = 60.0,
    ) -> None:
        self._config = producer_config(connection, delivery_timeout=delivery_timeout) | {
            "error_cb": self._on_error
        }
        self._topic = topic
        self._outbox_root = outbox_root
        self._identifiers = identifiers
        self._delivery_timeout = delivery_timeout
        self._outbox_timeout = outbox_timeout
        self._producer: Producer | None = None
        self._outbox: Outbox | None = None
        # A datastore that is slow to give up must not hold up the broker.
        self._to_broker = OwnThreads("output-notifier", NotificationLostError)
        self._to_datastore = OwnThreads("outbox", NotificationLostError)
        self._detail = ""

    async def open(self) -> None:
        """Get ready; broker and datastore may still be unreachable."""
        self._producer = Producer(self._config)
        self._outbox = Outbox(self._outbox_root)
        self._to_broker.open()
        self._to_datastore.open()

    async def close(self) -> None:
        """Wait for what goes on, and let go of the connection."""
        await asyncio.gather(self._to_broker.close(), self._to_datastore.close())
        self._producer = None

    async def send(self, message: bytes) -> None:
        """See `ports.output_notifier.OutputNotifier.send`."""
        if self._producer is None or self._outbox is None:
            raise NotificationLostError("the notifier is not open")
        try:
            await self._to_broker.run(self._produce, self._producer, message)
        except (KafkaException, BufferError) as error:
            name = f"{self._identifiers.new()}.json"
            _LOG.warning("writer message could not be sent, stored in the outbox: %s %s", error, self._detail)
            try:
                async with asyncio.timeout(self._outbox_timeout):
                    await self._to_datastore.run(self._outbox.put, name, message)
            except (OutboxUnavailableError, TimeoutError) as failure:
                raise NotificationLostError(
                    f"{len(message)} bytes: no broker took them ({error}), nor the outbox ({failure!r})"
                ) from failure

    def _on_error(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._detail = error.str()

    def _produce(self, producer: Producer, message: bytes) -> None:
        reports: list[KafkaError | None] = []
        producer.produce(self._topic, message, on_delivery=lambda error, _: reports.append(error))
        producer.flush(self._delivery_timeout + _GRACE)
        if not reports:
            # It must not go out later on, when the outbox has it.
            producer.purge()
            producer.flush(_GRACE)
            raise KafkaException(KafkaError(KafkaError._MSG_TIMED_OUT))
        if reports[0] is not None:
            raise KafkaException(reports[0])
