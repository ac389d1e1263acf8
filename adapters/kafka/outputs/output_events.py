"""Workers' messages as the Butler Writer reads them, and its word of finished batches."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from attrs import define, field, frozen
from confluent_kafka import Message
from lsst.resources import ResourcePath

from adapters.kafka.connection import KafkaConnection, consumer_config
from adapters.kafka.group_reader import GroupReader, KafkaReadError
from adapters.kafka.outputs.batch_announcement import BatchAnnouncement
from adapters.kafka.outputs.batch_end import BatchFinisher, TakenOverError
from adapters.kafka.outputs.batch_publisher import (
    BatchPublisher,
    PlainPublisher,
    Record,
    RecordsTooLargeError,
    TransactionalPublisher,
)
from adapters.kafka.outputs.dead_letters import DeadLetters
from adapters.kafka.outputs.outbox_watch import OutboxWatch
from adapters.kafka.outputs.whole_files import STORE_FAILURES, write_whole
from adapters.kafka.places import position_of, sent_at, topic_partition_of
from adapters.kafka.topics import TopicPlan, require_topics
from ports.central_registry import OutputEvent, OutputEventsUnavailableError
from ports.clock import Clock, Identifiers

__all__ = ["KafkaOutputEvents", "WriterPolicy", "WriterTopics"]

_LOG: Final = logging.getLogger(__name__)
_RETENTION: Final = 14 * 86_400.0  # Seconds; of topics that are made here.


@frozen(kw_only=True)
class WriterTopics:
    """Names of topics."""

    input: str
    """Workers' messages."""
    output: str
    """Word of finished batches."""
    dead_letters: str
    """Messages that can never be applied."""


@frozen(kw_only=True)
class WriterPolicy:
    """How messages are gathered; times in seconds."""

    limit: int = 500
    """Messages in a batch."""
    age: float = 0.02
    """How long the first message of a batch waits for others."""
    outbox_interval: float = 10.0
    """Between two looks into the outbox."""
    patience: float = 20.0
    """For one exchange with the brokers."""
    create_topics: bool = False
    """Whether to make topics that are missing."""


@define
class _Batch:
    """What was handed out and is not finished."""

    messages: list[Message] = field(factory=list)
    from_outbox: list[OutputEvent] = field(factory=list)
    set_aside: list[Record] = field(factory=list)
    word: BatchAnnouncement | None = None
    is_lost: bool = False


class KafkaOutputEvents:
    """One member of the writers' group: the one at work, or a stand-by.

    A stand-by owns no partition; it neither touches the outbox nor initialises
    the transactional id, which would fence the writer at work.

    Parameters
    ----------
    connection
        The writer's cluster.
    topics
        Where messages come from and go to.
    group
        Consumer group.
    transactional_id
        Identity of the writer towards the broker; blank for a broker without
        transactions, where a kill in the wrong moment announces a batch twice.
    batch_folder
        Folder or URI for the files of finished batches
        (OUTPUT_DATASET_LIST_DIRECTORY).
    outbox_root
        URI of the root of the central datastore, where the outbox is and what
        is too long for a dead letter.
    policy
        How messages are gathered.
    clock, identifiers
        Name batches.
    """

    def __init__(
        self,
        *,
        connection: KafkaConnection,
        topics: WriterTopics,
        group: str = "butler-writer",
        transactional_id: str = "butler-writer-output",
        batch_folder: str,
        outbox_root: str,
        policy: WriterPolicy,
        clock: Clock,
        identifiers: Identifiers,
    ) -> None:
        self._connection = connection
        self._topics = topics
        self._transactional_id = transactional_id
        self._batch_folder = batch_folder
        self._policy = policy
        self._clock = clock
        self._identifiers = identifiers
        config = consumer_config(connection, group=group, offset_reset="earliest")
        self._reader = GroupReader(config, [topics.input], limit=2 * policy.limit, moved=self._on_moved)
        self._end = BatchFinisher(self._reader, self._make_publisher)
        self._outbox = OutboxWatch(outbox_root, interval=policy.outbox_interval, limit=policy.limit)
        self._dead_letters = DeadLetters(topics.dead_letters, outbox_root)
        self._waiting: list[OutputEvent] = []
        self._batch = _Batch()

    async def open(self) -> None:
        """Join the group; Kafka and the datastore may still be unreachable.

        Raises
        ------
        adapters.kafka.positions.TopicMissingError
            Raised if a topic is missing, and is not to be made.
        """
        names = (self._topics.input, self._topics.output, self._topics.dead_letters)
        plans = [TopicPlan(name=name, retention=_RETENTION) for name in names]
        await require_topics(self._connection, plans, create=self._policy.create_topics)
        self._end.open()
        self._outbox.open()
        self._reader.open()

    async def close(self) -> None:
        """See `ports.central_registry.OutputEvents.close`."""
        await self._end.close()
        await self._outbox.close()
        await self._reader.close()

    async def batch(self) -> Sequence[OutputEvent]:
        """See `ports.central_registry.OutputEvents.batch`."""
        while True:
            if self._reader.owned:
                self._waiting += await self._outbox.news()
            try:
                await self._gather()
            except KafkaReadError as error:
                raise OutputEventsUnavailableError(f"messages on {self._topics.input}: {error}") from error
            # From here on nobody can lose patience.
            messages = self._reader.take(self._policy.limit)
            laid_down, self._waiting = self._waiting, []
            if messages or laid_down:
                self._batch.messages += messages
                self._batch.from_outbox += laid_down
                return [*laid_down, *map(_event, messages)]

    async def finish(self, datasets: Sequence[UUID]) -> None:
        """See `ports.central_registry.OutputEvents.finish`."""
        batch = self._batch
        try:
            if not batch.is_lost:
                await self._finish(batch, datasets)
        except TakenOverError as error:
            _LOG.warning("fenced by another writer: %s", error)
            batch.is_lost = True
        except (KafkaReadError, *STORE_FAILURES) as error:
            raise OutputEventsUnavailableError(f"a batch cannot be finished: {error}") from error
        if batch.is_lost:
            await self._give_up(batch)
        else:
            await self._outbox.remove([event.position for event in batch.from_outbox])
        self._batch = _Batch()

    async def set_aside(self, event: OutputEvent, reason: str) -> None:
        """See `ports.central_registry.OutputEvents.set_aside`."""
        original = {position_of(message): message for message in self._batch.messages}.get(event.position)
        key = original.key() if original else None
        self._batch.set_aside.append(self._dead_letters.record(event, key=key, reason=reason))

    async def _gather(self) -> None:
        """Wait for a batch, or for something else to look at."""
        await self._reader.wait(0.0 if self._waiting else self._outbox.pause or self._policy.outbox_interval)
        count = len(self._reader.waiting(self._policy.limit))
        if 0 < count < self._policy.limit:
            await asyncio.sleep(self._policy.age)

    async def _finish(self, batch: _Batch, datasets: Sequence[UUID]) -> None:
        too_long = [record for record in batch.set_aside if self._dead_letters.is_too_long(record)]
        await self._shorten(batch, too_long)
        words = []
        if datasets:
            if batch.word is None:
                # A second attempt shall not leave a second file.
                batch.word = await self._write_file(datasets)
            words.append(Record(topic=self._topics.output, body=batch.word.event()))
        while True:
            try:
                await self._end.end([*batch.set_aside, *words], batch.messages)
            except RecordsTooLargeError as error:
                if set(words) & set(error.records):
                    raise KafkaReadError(str(error)) from error
                await self._shorten(batch, error.records)
            else:
                return

    async def _shorten(self, batch: _Batch, records: Sequence[Record]) -> None:
        """Make dead letters shorter; their messages go to files."""
        for place, record in enumerate(batch.set_aside):
            if record in records:
                shorter = await asyncio.to_thread(self._dead_letters.shortened, record)
                if shorter is None:
                    raise KafkaReadError(
                        f"{record.topic} does not even take a dead letter without its message"
                    )
                batch.set_aside[place] = shorter

    async def _write_file(self, datasets: Sequence[UUID]) -> BatchAnnouncement:
        word = BatchAnnouncement(
            batch=self._identifiers.new(),
            finished=self._clock.utc(),
            datasets=tuple(dict.fromkeys(datasets)),
        )
        target = ResourcePath(self._batch_folder, forceDirectory=True).join(word.file_name)
        await asyncio.to_thread(write_whole, target, word.file())
        return word

    async def _give_up(self, batch: _Batch) -> None:
        """Leave a batch to whoever owns its messages, which may again be this writer."""
        self._outbox.look_again()
        mine = [message for message in batch.messages if topic_partition_of(message) in self._reader.owned]
        try:
            if mine:
                await self._reader.rewind(mine)
        except KafkaReadError as error:
            raise OutputEventsUnavailableError(f"a batch cannot be read again: {error}") from error

    def _on_moved(self) -> None:
        kept = [
            message for message in self._batch.messages if topic_partition_of(message) in self._reader.owned
        ]
        if len(kept) < len(self._batch.messages):
            self._batch.messages = kept
            self._batch.is_lost = True
        self._end.partitions_moved()

    def _make_publisher(self) -> BatchPublisher:
        patience = self._policy.patience
        if self._transactional_id:
            return TransactionalPublisher(self._connection, self._transactional_id, patience)
        return PlainPublisher(self._connection, patience)


def _event(message: Message) -> OutputEvent:
    return OutputEvent(body=message.value() or b"", position=position_of(message), sent=sent_at(message))
