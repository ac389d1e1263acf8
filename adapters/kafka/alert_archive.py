"""The last alerts of a topic, as an archive for people to look at."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import frozen
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from adapters.common.own_threads import OwnThreads
from adapters.kafka.connection import KafkaConnection, consumer_config
from domain.errors import PromptProcessingError
from ports.alert_archive import AlertArchiveUnavailableError, KeptAlert, NoSuchAlertError

__all__ = ["KafkaAlertArchive"]

_LOG: Final = logging.getLogger(__name__)

_GROUP: Final = "prompt-processing-console"
"""Never joined: partitions are assigned, and nothing is committed."""
_FRESH: Final = 2.0
"""Seconds for which the topic is not asked again."""


@frozen
class _Place:
    partition: int
    offset: int


class KafkaAlertArchive:
    """`ports.alert_archive.AlertArchive` of what a topic holds: of each partition the last messages.

    It is read when somebody looks, and from where the last look ended; packets are read anew.

    Parameters
    ----------
    connection
        The cluster.
    topic
        Where alerts go.
    read
        Decodes a message; raises the project's own error if it is no alert.
    most
        Messages of a partition.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        topic: str,
        read: Callable[[bytes], Mapping[str, Any]],
        *,
        most: int = 500,
    ) -> None:
        self._connection = connection
        self._topic = topic
        self._read = read
        self._most = most
        self._thread = OwnThreads("alert-archive", AlertArchiveUnavailableError)
        self._consumer: Consumer | None = None
        self._known: dict[_Place, KeptAlert] = {}
        self._next: dict[int, int] = {}
        self._looked = -_FRESH

    async def open(self) -> None:
        """Get ready; nobody is connected to yet."""
        self._thread.open()

    async def close(self) -> None:
        """Let go of the connection."""
        await self._thread.close(self._close)

    async def alerts(
        self, *, visit: int | None = None, detector: int | None = None, object_id: int | None = None
    ) -> Sequence[KeptAlert]:
        """See `ports.alert_archive.AlertArchive.alerts`."""
        found = [
            one
            for one in await self._thread.run(self._look)
            if visit in {None, one.visit}
            and detector in {None, one.detector}
            and object_id in {None, one.object_id}
        ]
        return sorted(found, key=lambda one: (one.processed, one.source_id))

    async def packet(self, source_id: int) -> Mapping[str, Any]:
        """See `ports.alert_archive.AlertArchive.packet`."""
        return await self._thread.run(self._packet, source_id)

    def _look(self) -> Sequence[KeptAlert]:
        if time.monotonic() - self._looked >= _FRESH:
            spans = self._spans()
            for message in self._messages(spans):
                place = _Place(message.partition() or 0, message.offset() or 0)
                self._next[place.partition] = place.offset + 1
                try:
                    self._known[place] = KeptAlert.of_packet(self._read(message.value() or b""))
                except PromptProcessingError as error:
                    _LOG.warning("%s, partition %d: %s", self._topic, place.partition, error)
            first = {partition: high - self._most for partition, (_, high) in spans.items()}
            self._known = {
                place: alert for place, alert in self._known.items() if place.offset >= first[place.partition]
            }
            self._looked = time.monotonic()
        return list({one.source_id: one for one in self._known.values()}.values())

    def _packet(self, source_id: int) -> Mapping[str, Any]:
        self._look()
        for place, alert in self._known.items():
            if alert.source_id == source_id:
                for message in self._messages(
                    {place.partition: (place.offset, place.offset + 1)}, again=True
                ):
                    return self._read(message.value() or b"")
        raise NoSuchAlertError(f"no alert about DiaSource {source_id} is within reach")

    def _spans(self) -> dict[int, tuple[int, int]]:
        """Find where the last messages of each partition begin, and where they end."""
        consumer, timeout = self._opened(), self._connection.timeout
        try:
            partitions = consumer.list_topics(self._topic, timeout=timeout).topics[self._topic].partitions
            marks = {
                number: consumer.get_watermark_offsets(TopicPartition(self._topic, number), timeout=timeout)
                for number in partitions
            }
        except KafkaException as error:
            raise AlertArchiveUnavailableError(f"{self._topic} cannot be read: {error}") from error
        return {number: (max(low, high - self._most), high) for number, (low, high) in marks.items()}

    def _messages(self, spans: Mapping[int, tuple[int, int]], *, again: bool = False) -> Iterator[Message]:
        """Read what is in spans of partitions, without what was read before unless it is wanted again."""
        consumer = self._opened()
        left = {
            number: (low if again else max(low, self._next.get(number, 0)), high)
            for number, (low, high) in spans.items()
        }
        left = {number: span for number, span in left.items() if span[0] < span[1]}
        consumer.assign([TopicPartition(self._topic, number, low) for number, (low, _) in left.items()])
        try:
            while left:
                message = consumer.poll(self._connection.timeout)
                if message is None or message.error() is not None:
                    reason = "no answer" if message is None else message.error()
                    raise AlertArchiveUnavailableError(f"{self._topic} cannot be read: {reason}")
                number, offset = message.partition() or 0, message.offset() or 0
                if number in left and offset < left[number][1]:
                    yield message
                if number in left and offset + 1 >= left[number][1]:
                    del left[number]
        finally:
            consumer.unassign()

    def _opened(self) -> Consumer:
        if self._consumer is None:
            self._consumer = Consumer(
                consumer_config(self._connection, group=_GROUP, offset_reset="earliest")
            )
        return self._consumer

    def _close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()
