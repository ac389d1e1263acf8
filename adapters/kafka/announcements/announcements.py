"""nextVisit and nextVisitCanceled, as the fan-out reads them."""

import logging
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from confluent_kafka import KafkaException, Message, TopicPartition
from tenacity import retry_if_exception_type, stop_after_delay, wait_random_exponential

from adapters.common.own_threads import OwnThreads
from adapters.common.retrying import Retries
from adapters.kafka.announcements.history import read_again
from adapters.kafka.announcements.next_visit import NextVisitCodec, UndecodableVisitError
from adapters.kafka.announcements.schema_registry import SchemaRegistry, SchemaRegistryUnavailableError
from adapters.kafka.announcements.standings import standings_from, standings_to
from adapters.kafka.connection import KafkaConnection, consumer_config
from adapters.kafka.group_reader import GroupReader, KafkaReadError
from adapters.kafka.places import position_of, topic_partition_of
from domain.times import UtcSeconds
from domain.visit import Cancellation, Visit
from domain.work.standing import QueueStanding
from ports.announcements import Announcement, AnnouncementsUnavailableError, NotForUs, Unreadable

__all__ = ["KafkaAnnouncements", "read_announcement"]

_LOG: Final = logging.getLogger(__name__)
_PATIENCE: Final = 10.0  # Seconds for a question about offsets.
_WAITING: Final = 500  # Messages; a night has a thousand.
_PAUSES: Final = wait_random_exponential(multiplier=0.5, max=5.0)
"""Between two questions to a registry that is away, seconds."""


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
        Seconds for which an announcement waits for a registry that is out of
        reach, and those behind it with it. A schema that is unknown even then
        makes it unreadable; by default it waits for as long as it takes.
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
        patience: float = math.inf,
    ) -> None:
        self._topics = [topic, *([canceled_topic] if canceled_topic else [])]
        self._canceled_topic = canceled_topic
        self._patience = patience
        self._codec = NextVisitCodec(registry.schema)
        self._config = consumer_config(connection, group=group, offset_reset=offset_reset)
        self._reader = GroupReader(self._config, self._topics, limit=_WAITING, moved=self._forget)
        self._delivered: dict[str, Message] = {}
        # Decoding may ask the registry, which blocks.
        self._thread = OwnThreads("decode", AnnouncementsUnavailableError)

    async def open(self) -> None:
        """Join the group; Kafka and the registry may still be unreachable."""
        self._thread.open()
        self._reader.open()

    async def close(self) -> None:
        """See `ports.announcements.Announcements.close`."""
        await self._thread.close()
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
        position = position_of(message)
        self._delivered[position] = message
        return Announcement(content=content, position=position, body=message.value() or b"")

    async def settle(
        self, announcement: Announcement, standings: Mapping[str, QueueStanding] | None = None
    ) -> None:
        """See `ports.announcements.Announcements.settle`.

        Where the partition has gone to another member, that one delivers the
        announcement again.
        """
        if announcement.position not in self._delivered:
            _LOG.info("%s not committed: its partition was reassigned", announcement.position)
            return
        positions = list(self._delivered)
        done = positions[: positions.index(announcement.position) + 1]
        try:
            settled = [self._delivered[position] for position in done]
            await self._reader.commit(settled, standings_to(standings or {}))
        except KafkaReadError as error:
            raise AnnouncementsUnavailableError(f"{announcement.position} is not settled: {error}") from error
        for position in done:
            self._delivered.pop(position, None)

    async def note(self, standings: Mapping[str, QueueStanding]) -> None:
        """See `ports.announcements.Announcements.note`."""
        metadata = standings_to(standings)
        try:
            settled = [place for place in await self._reader.committed(_PATIENCE) if place.offset >= 0]
            places = [
                TopicPartition(place.topic, place.partition, place.offset, metadata) for place in settled
            ]
            if places:
                await self._reader.commit_places(places)
        except KafkaReadError as error:
            raise AnnouncementsUnavailableError(f"standings of queues are not noted: {error}") from error

    async def noted(self) -> Mapping[str, QueueStanding] | None:
        """See `ports.announcements.Announcements.noted`."""
        try:
            places = await self._reader.committed(_PATIENCE)
        except KafkaReadError as error:
            raise AnnouncementsUnavailableError(f"committed offsets: {error}") from error
        # Who reads visits has a standing to compare; who reads only cancellations publishes nothing.
        is_reader = any(place.topic == self._topics[0] for place in places)
        return standings_from(place.metadata or "" for place in places) if is_reader else None

    async def again(self, since: UtcSeconds) -> Sequence[Announcement]:
        """See `ports.announcements.Announcements.again`."""
        try:
            settled = [place for place in await self._reader.committed(_PATIENCE) if place.offset >= 0]
            messages = await self._thread.run(read_again, self._config, settled, since, _PATIENCE)
        except (KafkaReadError, KafkaException) as error:
            raise AnnouncementsUnavailableError(f"announcements cannot be read again: {error}") from error
        return [
            Announcement(content=await self._decode(message), position=position_of(message))
            for message in messages
        ]

    async def _decode(self, message: Message) -> Visit | Cancellation | NotForUs | Unreadable:
        retries = Retries(
            retry_if_exception_type(SchemaRegistryUnavailableError),
            wait=_PAUSES,
            stop=stop_after_delay(self._patience),
            failed=partial(_say_once, position_of(message)),
        )
        try:
            return await retries.run_async(self._thread.run, self._decode_now, message)
        except SchemaRegistryUnavailableError as error:
            return Unreadable(str(error))

    def _decode_now(self, message: Message) -> Visit | Cancellation | NotForUs | Unreadable:
        is_cancellation = message.topic() == self._canceled_topic
        return read_announcement(self._codec, message.value() or b"", is_cancellation=is_cancellation)

    def _forget(self) -> None:
        owned = self._reader.owned
        self._delivered = {
            position: message
            for position, message in self._delivered.items()
            if topic_partition_of(message) in owned
        }


def read_announcement(
    codec: NextVisitCodec, body: bytes, *, is_cancellation: bool
) -> Visit | Cancellation | NotForUs | Unreadable:
    """Read one message; blocks, for the registry may be asked."""
    try:
        return codec.decode_cancellation(body) if is_cancellation else codec.decode(body)
    except UndecodableVisitError as error:
        return Unreadable(str(error))


def _say_once(position: str, tries: int, error: BaseException) -> None:
    if tries == 1:
        _LOG.error(
            "schema registry unavailable, announcement %s and those after it are waiting: %s", position, error
        )
