"""nextVisit and nextVisitCanceled, as the fan-out reads them."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from confluent_kafka import Message

from adapters.kafka.announcements.next_visit import NextVisitCodec, UndecodableVisitError
from adapters.kafka.announcements.schema_registry import SchemaRegistry, SchemaRegistryUnavailableError
from adapters.kafka.connection import KafkaConnection, consumer_config
from adapters.kafka.group_reader import GroupReader, KafkaReadError
from adapters.kafka.places import name_of, place_of
from domain.visit import Cancellation, Visit
from ports.announcements import Announcement, AnnouncementsUnavailableError, NotForUs, Unreadable

__all__ = ["KafkaAnnouncements"]

_LOG: Final = logging.getLogger(__name__)
_WAITING: Final = 500  # Messages; a night has a thousand.
_PAUSE: Final = 0.5  # Seconds between two questions to a registry that is away.


class KafkaAnnouncements:
    """Announcements of one consumer group.

    Parameters
    ----------
    connection
        The observatory's cluster.
    group
        Consumer group; its offsets say what was settled.
    topic
        Of nextVisit.
    canceled_topic
        Of nextVisitCanceled; blank: nobody listens.
    offset_reset
        Where a group without offsets begins, ``earliest`` or ``latest``.
    registry
        Where schemas come from.
    patience
        Seconds for which a registry that is out of reach is asked again; an
        announcement whose schema is unknown then is unreadable, and those
        behind it go on.
    """

    def __init__(
        self,
        *,
        connection: KafkaConnection,
        group: str,
        topic: str,
        canceled_topic: str = "",
        offset_reset: str = "latest",
        registry: SchemaRegistry,
        patience: float = 10.0,
    ) -> None:
        self._topics = [topic, *([canceled_topic] if canceled_topic else [])]
        self._canceled_topic = canceled_topic
        self._patience = patience
        self._codec = NextVisitCodec(registry.schema)
        config = consumer_config(connection, group=group, offset_reset=offset_reset)
        self._reader = GroupReader(config, self._topics, limit=_WAITING, moved=self._forget)
        self._delivered: dict[str, Message] = {}
        self._executor: ThreadPoolExecutor | None = None

    async def open(self) -> None:
        """Join the group; Kafka and the registry may still be out of reach."""
        # Decoding may ask the registry, which blocks.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="decode")
        self._reader.open()

    async def close(self) -> None:
        """See `ports.announcements.Announcements.close`."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)
            await asyncio.to_thread(executor.shutdown)
        await self._reader.close()

    async def next(self) -> Announcement:
        """See `ports.announcements.Announcements.next`."""
        try:
            while True:
                while not (first := self._reader.waiting(1)):
                    await self._reader.wait()
                [message] = first
                content = await self._decode(message)
                # It stays the next one until it is decoded: a caller may lose patience,
                # and the partition may have gone in the meantime.
                if self._reader.waiting(1) == first:
                    self._reader.take(1)
                    break
        except KafkaReadError as error:
            topics = ", ".join(self._topics)
            raise AnnouncementsUnavailableError(f"announcements on {topics}: {error}") from error
        position = name_of(message)
        self._delivered[position] = message
        return Announcement(content=content, position=position, body=message.value() or b"")

    async def settle(self, announcement: Announcement) -> None:
        """See `ports.announcements.Announcements.settle`.

        Where the partition has gone to another member, that one delivers the
        announcement again.
        """
        if announcement.position not in self._delivered:
            _LOG.info("%s is no longer this reader's to settle", announcement.position)
            return
        positions = list(self._delivered)
        done = positions[: positions.index(announcement.position) + 1]
        try:
            await self._reader.commit([self._delivered[position] for position in done])
        except KafkaReadError as error:
            raise AnnouncementsUnavailableError(f"{announcement.position} is not settled: {error}") from error
        for position in done:
            self._delivered.pop(position, None)

    async def _decode(self, message: Message) -> Visit | Cancellation | NotForUs | Unreadable:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._patience
        while True:
            try:
                return await loop.run_in_executor(self._executor, self._decode_now, message)
            except SchemaRegistryUnavailableError as error:
                if loop.time() >= end:
                    return Unreadable(str(error))
                await asyncio.sleep(_PAUSE)

    def _decode_now(self, message: Message) -> Visit | Cancellation | NotForUs | Unreadable:
        body = message.value() or b""
        try:
            if message.topic() == self._canceled_topic:
                return self._codec.decode_cancellation(body)
            return self._codec.decode(body)
        except UndecodableVisitError as error:
            return Unreadable(str(error))

    def _forget(self) -> None:
        owned = self._reader.owned
        self._delivered = {
            position: message for position, message in self._delivered.items() if place_of(message) in owned
        }
