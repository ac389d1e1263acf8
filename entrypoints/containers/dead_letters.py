"""The wiring of the three places of dead letters, each from the settings of the process that fills it."""

import asyncio
from collections.abc import Sequence

from adapters.butler.shared.datastore_root import datastore_root
from adapters.kafka.announcements.announcements import read_announcement
from adapters.kafka.announcements.next_visit import NextVisitCodec
from adapters.kafka.outputs.kept_letters import KafkaMessageLetters
from adapters.redis.queue.dead_letters import RedisAnnouncementLetters, RedisWorkLetters
from adapters.sqlite.dead_letters import SqliteWorkLetters
from application.dead_letters import AnnouncementDesk, LetterDesk, MessageDesk, WorkDesk
from entrypoints.containers.butler_writer import ButlerWriterContainer
from entrypoints.containers.fan_out import FanOutContainer
from entrypoints.containers.parts.addresses import is_sqlite, redis_url
from entrypoints.containers.status import StatusContainer
from entrypoints.running import Neighbour, loaded_or_exit
from entrypoints.settings.butler_writer import ButlerWriterSettings
from entrypoints.settings.fan_out import FanOutSettings
from entrypoints.settings.status import StatusSettings
from ports.announcements import Announcement
from ports.dead_letters import DeadLetter

__all__ = ["fan_out_desk", "queue_desk", "writer_desk"]

type Wired = tuple[LetterDesk, Sequence[Neighbour]]
"""A desk, and what must be open for it."""


def queue_desk(settings: StatusSettings) -> Wired:
    """Reach what was dead-lettered in the queue."""
    container = StatusContainer(settings=settings)
    address = redis_url(settings.redis_host, settings.redis)
    letters: SqliteWorkLetters | RedisWorkLetters
    if is_sqlite(address):
        letters = SqliteWorkLetters(address, queue=settings.stream, timeout=settings.redis.timeout)
    else:
        letters = RedisWorkLetters(address, stream=settings.stream, timeout=settings.redis.timeout)
    desk = WorkDesk(letters=letters, ledger=container.ledger(), queue=container.queue())
    return desk, (letters, container.histories(), container.queue())


def fan_out_desk(settings: FanOutSettings) -> Wired:
    """Reach the announcements that the fan-out dead-lettered."""
    container = FanOutContainer(settings=settings)
    loaded_or_exit(container.config)
    letters = RedisAnnouncementLetters(
        container.redis(), name=settings.consumer_group, timeout=settings.redis.timeout
    )
    codec = NextVisitCodec(container.registry().schema)

    async def decode(letter: DeadLetter) -> Announcement:
        is_cancellation = letter.origin.partition("[")[0] == settings.canceled_topic
        content = await asyncio.to_thread(
            read_announcement, codec, letter.body, is_cancellation=is_cancellation
        )
        return Announcement(content=content, position=letter.origin, body=letter.body)

    desk = AnnouncementDesk(letters=letters, fan_out=container.fan_out(), decode=decode)
    return desk, (letters, container.publisher(), container.control(), container.histories())


def writer_desk(settings: ButlerWriterSettings) -> Wired:
    """Reach the messages that the Butler Writer dead-lettered."""
    container = ButlerWriterContainer(settings=settings)
    letters = KafkaMessageLetters(
        connection=container.connection(),
        topic=settings.dead_letter_topic,
        input_topic=settings.topic,
        outbox_root=datastore_root(settings.repository),
        is_transactional=settings.transactional,
    )
    return MessageDesk(letters=letters), (letters,)
