"""A member of a consumer group, polled by a thread and read by an event loop."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from adapters.kafka.background import Background
from adapters.kafka.outages import Outages
from adapters.kafka.places import offsets_after, topic_partition_of

__all__ = ["GroupReader", "KafkaReadError"]

type _Call = Callable[[Consumer | None], None]

_LOG: Final = logging.getLogger(__name__)
_POLL: Final = 0.1  # Seconds; how soon an idle thread heeds anything but messages.
_GLANCE: Final = 0.02  # Seconds; how soon a thread that expects a commit heeds new messages.


class KafkaReadError(Exception):
    """The topics cannot be read, or offsets not committed, at the moment."""


class GroupReader:
    """Messages of a group's topics, in order, until their offsets are committed.

    The thread polls all the time, so that the group keeps its member however
    long a message takes; it only stops fetching while enough are waiting. Only
    this thread ever calls the consumer: a second one would wait for as long as
    the first one polls.

    Parameters
    ----------
    config
        Of the consumer.
    topics
        What to subscribe to.
    limit
        Messages that may wait here.
    moved
        Called in the event loop after partitions have come or gone; what was
        read of the ones that went is forgotten before.
    """

    def __init__(
        self,
        config: dict[str, Any],
        topics: Sequence[str],
        *,
        limit: int,
        moved: Callable[[], None] = lambda: None,
    ) -> None:
        self._config = config
        self._topics = list(topics)
        self._limit = limit
        self._moved = moved
        self._waiting: deque[Message] = deque()
        self._owned: frozenset[tuple[str, int]] = frozenset()
        self._moves = 0
        self._fault: KafkaReadError | None = None
        self._changed = asyncio.Event()
        self._resting = False
        self._background: Background | None = None
        self._calls: SimpleQueue[_Call] = SimpleQueue()
        self._expecting = False
        self._has_failed = False

    @property
    def owned(self) -> frozenset[tuple[str, int]]:
        """Topics and partitions that are this member's now."""
        return self._owned

    def open(self) -> None:
        """Join the group."""
        self._background = Background("kafka-reader", self._poll, self._on_end)
        self._background.start()

    async def close(self) -> None:
        """Leave the group; nothing is committed."""
        self._has_failed = False
        if self._background is not None:
            await self._background.stop()
            self._background = None
        self._waiting.clear()

    async def wait(self, patience: float | None = None) -> None:
        """Wait until messages are there or partitions have moved, at most so many seconds.

        If the thread has ended by a fault that was told before, another begins.

        Raises
        ------
        KafkaReadError
            Raised, once for each fault, if something is wrong and none are.
        """
        if self._has_failed and self._fault is None:
            self._has_failed = False
            self.open()
        try:
            async with asyncio.timeout(patience):
                moves = self._moves
                while not self._waiting and moves == self._moves:
                    if self._fault is not None:
                        fault, self._fault = self._fault, None
                        raise fault
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return

    def waiting(self, count: int) -> list[Message]:
        """List the next messages without taking them."""
        return [self._waiting[index] for index in range(min(count, len(self._waiting)))]

    def take(self, count: int) -> list[Message]:
        """Take the next messages that are there."""
        return [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]

    async def commit(self, last: Sequence[Message], metadata: str = "") -> None:
        """Commit that these, and what came before them in their partitions, are done, with a note.

        Raises
        ------
        KafkaReadError
            Raised if the broker did not take it.
        """
        await self.commit_places(offsets_after(last, metadata))
        self._expecting = bool(self._waiting)

    async def commit_places(self, places: Sequence[TopicPartition]) -> None:
        """Commit offsets as they are given.

        Raises
        ------
        KafkaReadError
            Raised if the broker did not take it.
        """
        told = await self.run(lambda consumer: consumer.commit(offsets=list(places), asynchronous=False))
        refusals = [str(found.error) for found in told or () if found.error is not None]
        if refusals:
            raise KafkaReadError("; ".join(refusals))

    async def committed(self, patience: float) -> list[TopicPartition]:
        """Tell what is committed of the partitions that are this member's now.

        Raises
        ------
        KafkaReadError
            Raised if the broker does not tell.
        """
        owned = [TopicPartition(topic, partition) for topic, partition in sorted(self._owned)]
        if not owned:
            return []
        found = await self.run(lambda consumer: consumer.committed(owned, timeout=patience))
        for place in found:
            if place.error is not None:
                raise KafkaReadError(str(place.error))
        return list(found)

    async def rewind(self, messages: Sequence[Message]) -> None:
        """Read messages, and what follows them in their partitions, once more.

        Raises
        ------
        KafkaReadError
            Raised if it cannot be done.
        """
        first: dict[tuple[str, int], int] = {}
        for message in messages:
            first[topic_partition_of(message)] = min(
                message.offset() or 0, first.get(topic_partition_of(message), message.offset() or 0)
            )

        def seek(consumer: Consumer) -> None:
            for (topic, partition), offset in first.items():
                consumer.seek(TopicPartition(topic, partition, offset))
            # What was read before the seek is on its way to the event loop, ahead of this.
            self._post(self._drop, set(first))

        await self.run(seek)

    async def run[T](self, call: Callable[[Consumer], T]) -> T:
        """Do something with the consumer, in its thread.

        Raises
        ------
        KafkaReadError
            Raised if Kafka refuses.
        """
        if self._background is None:
            raise KafkaReadError("the reader is closed")
        result: Future[T] = Future()

        def answer(consumer: Consumer | None) -> None:
            if not result.set_running_or_notify_cancel():
                return
            try:
                if consumer is None:
                    raise KafkaReadError("the reader is closed")
                result.set_result(call(consumer))
            except KafkaException as error:
                result.set_exception(KafkaReadError(str(error)))
            except Exception as error:  # noqa: BLE001 - the caller waits in another thread
                result.set_exception(error)

        self._calls.put(answer)
        return await asyncio.wrap_future(result)

    # What follows runs in the thread.

    def _poll(self, stopping: threading.Event) -> None:
        outages = Outages(lambda reason: self._post(self._complain, reason))
        consumer = Consumer(self._config | {"error_cb": outages.hear})
        try:
            consumer.subscribe(
                self._topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
            )
            while not stopping.is_set():
                self._answer_calls(consumer, _GLANCE if self._expecting else 0.0)
                self._regulate(consumer)
                first = consumer.poll(0.0 if self._expecting else _POLL)
                outages.polled()
                if first is not None:
                    # Whoever gets messages will want to commit them.
                    self._expecting = True
                    messages = [first, *consumer.consume(self._limit, 0)]
                    _raise_if_fatal(messages)
                    mine = {(owned.topic, owned.partition) for owned in consumer.assignment()}
                    self._post(self._receive, messages, mine)
        finally:
            self._answer_calls(None, 0.0)
            consumer.close()

    def _answer_calls(self, consumer: Consumer | None, patience: float) -> None:
        """Do what is asked, waiting so many seconds for the first call."""
        try:
            while True:
                self._calls.get(timeout=patience)(consumer)
                patience = 0.0
        except Empty:
            return

    def _regulate(self, consumer: Consumer) -> None:
        full = len(self._waiting) >= self._limit
        # Partitions that come while all others rest must rest too.
        if full:
            consumer.pause(consumer.assignment())
        elif self._resting:
            consumer.resume(consumer.assignment())
        self._resting = full

    def _on_assign(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        # librdkafka remembers that it was told to rest, also if they went in between.
        self._resting = True
        self._post(self._gain, {(found.topic, found.partition) for found in partitions})

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._post(self._lose, {(found.topic, found.partition) for found in partitions})

    def _post[*Arguments](self, callback: Callable[[*Arguments], object], *arguments: *Arguments) -> None:
        background = self._background
        if background is not None:
            background.post(callback, *arguments)

    # What follows runs in the event loop.

    def _receive(self, messages: Sequence[Message], mine: set[tuple[str, int]]) -> None:
        for message in messages:
            error = message.error()
            if error is not None:
                self._complain(f"{message.topic()}: {error.str()}")
            elif topic_partition_of(message) in mine:
                self._waiting.append(message)
        self._changed.set()

    def _gain(self, partitions: set[tuple[str, int]]) -> None:
        self._owned = self._owned | partitions
        self._on_moved()

    def _lose(self, partitions: set[tuple[str, int]]) -> None:
        self._owned = self._owned - partitions
        self._drop(partitions)
        self._on_moved()

    def _drop(self, partitions: set[tuple[str, int]]) -> None:
        kept = [message for message in self._waiting if topic_partition_of(message) not in partitions]
        self._waiting.clear()
        self._waiting.extend(kept)

    def _on_moved(self) -> None:
        self._moves += 1
        self._moved()
        self._changed.set()

    def _complain(self, reason: str) -> None:
        self._fault = KafkaReadError(reason)
        self._changed.set()

    def _on_end(self, error: BaseException) -> None:
        _LOG.error("reader of %s stopped: %r", ", ".join(self._topics), error)
        self._background = None
        self._has_failed = True
        self._answer_calls(None, 0.0)
        if self._owned:
            self._lose(set(self._owned))
        self._complain(f"reading ended: {error!r}")


def _raise_if_fatal(messages: Sequence[Message]) -> None:
    """End the thread once librdkafka reads no more with this consumer: another one will."""
    for message in messages:
        error = message.error()
        if error is not None and error.code() == KafkaError._FATAL:
            raise KafkaException(error)
