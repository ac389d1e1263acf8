"""Every notification of the image bucket, for the raw microservice."""

import logging
from collections.abc import Sequence
from typing import Final

from confluent_kafka import Message

from adapters.kafka.connection import KafkaConnection, consumer_config
from adapters.kafka.group_reader import GroupReader, KafkaReadError
from adapters.kafka.notifications.notifications import UndecodableNotificationError, decode_notification
from adapters.kafka.places import position_of, topic_partition_of
from domain.raws.stored_object import StoredObject
from ports.metrics import Counter, Metrics
from ports.object_feed import ObjectFeedUnavailableError

__all__ = ["KafkaObjectFeed"]

_LOG: Final = logging.getLogger(__name__)
_BATCH: Final = 500  # Messages.


class KafkaObjectFeed:
    """The feed of one consumer group.

    Parameters
    ----------
    connection
        The bucket's cluster.
    group
        Consumer group; its offsets say what was settled.
    topic
        Where the store sends its notifications.
    offset_reset
        Where a group without offsets begins, ``earliest`` or ``latest``.
    metrics
        Counts what cannot be read.
    """

    def __init__(
        self, *, connection: KafkaConnection, group: str, topic: str, offset_reset: str, metrics: Metrics
    ) -> None:
        self._topic = topic
        config = consumer_config(connection, group=group, offset_reset=offset_reset)
        self._reader = GroupReader(config, [topic], limit=4 * _BATCH)
        self._metrics = metrics
        self._unsettled: list[Message] = []

    async def open(self) -> None:
        """Join the group; Kafka may still be unreachable."""
        self._reader.open()

    async def close(self) -> None:
        """See `ports.object_feed.ObjectFeed.close`."""
        await self._reader.close()

    async def batch(self) -> Sequence[StoredObject]:
        """See `ports.object_feed.ObjectFeed.batch`."""
        created: list[StoredObject] = []
        while not created:
            try:
                await self._reader.wait()
            except KafkaReadError as error:
                raise ObjectFeedUnavailableError(f"notifications on {self._topic}: {error}") from error
            messages = self._reader.take(_BATCH)
            self._unsettled += messages
            created = [stored for message in messages for stored in self._decode(message)]
        return created

    async def settle(self) -> None:
        """See `ports.object_feed.ObjectFeed.settle`."""
        owned = self._reader.owned
        done = [message for message in self._unsettled if topic_partition_of(message) in owned]
        try:
            if done:
                await self._reader.commit(done)
        except KafkaReadError as error:
            raise ObjectFeedUnavailableError(f"notifications on {self._topic}: {error}") from error
        self._unsettled.clear()

    def _decode(self, message: Message) -> tuple[StoredObject, ...]:
        try:
            return decode_notification(message.value() or b"")
        except UndecodableNotificationError as error:
            _LOG.warning("notification %s cannot be read: %s", position_of(message), error)
            self._metrics.count(Counter.NOTIFICATIONS, kind="unreadable")
            return error.readable
