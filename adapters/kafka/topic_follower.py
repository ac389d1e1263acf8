"""All of a topic from an instant on, without a consumer group."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from tenacity import retry_if_exception_type, wait_exponential

from adapters.common.retrying import Retries
from adapters.kafka.outages import Outages
from adapters.kafka.positions import TopicMissingError, partitions_of, positions_since
from domain.times import UtcSeconds

__all__ = ["TopicFollower"]

_LOG: Final = logging.getLogger(__name__)
_POLL: Final = 0.1  # Seconds; how soon the thread heeds that it shall stop.
_BATCH: Final = 1000  # Messages.
_NEW_PARTITIONS: Final = 60.0  # Seconds between two looks for them.
_PAUSES: Final = wait_exponential(multiplier=0.1, max=3.2)
"""Between two attempts to reach the brokers, seconds."""
_OUT_OF_REACH: Final = (KafkaException, TopicMissingError)


class TopicFollower:
    """Reads every partition, in a thread that calls `run`.

    Parameters
    ----------
    config
        Of the consumer; `auto.offset.reset` is ``error``, so that a gap is seen.
    topic
        What to read.
    reset
        ``earliest`` or ``latest``: where to begin if the broker does not know
        the times of its messages.
    patience
        Seconds for each question to the brokers.
    handle
        Takes what was read.
    tried
        Called after each attempt to begin, with what went wrong, if anything.
    """

    def __init__(
        self,
        config: dict[str, Any],
        topic: str,
        *,
        reset: str,
        patience: float,
        handle: Callable[[Sequence[Message]], None],
        tried: Callable[[Exception | None], None],
    ) -> None:
        self._config = config
        self._topic = topic
        self._reset = reset
        self._patience = patience
        self._handle = handle
        self._tried = tried
        self._followed: set[int] = set()
        self._latest: dict[int, UtcSeconds] = {}
        self._silent = False

    def run(self, since: UtcSeconds, stopping: threading.Event) -> None:
        """Read from an instant on until told to stop."""
        outages = Outages(self._complain)
        # The consumer is made however long a file that it needs is not there.
        config = self._config | {"error_cb": outages.hear}
        consumer = self._try_on(stopping, lambda: Consumer(config))
        if consumer is None:
            return
        try:
            self._try_on(stopping, partial(self._begin, consumer, since))
            look = time.monotonic() + _NEW_PARTITIONS
            while not stopping.is_set():
                first = consumer.poll(_POLL)
                outages.polled()
                if first is not None:
                    self._take(consumer, [first, *consumer.consume(_BATCH, 0)], since)
                if time.monotonic() >= look:
                    self._look_for_partitions(consumer, since)
                    look = time.monotonic() + _NEW_PARTITIONS
        finally:
            consumer.close()

    def _try_on[T](self, stopping: threading.Event, call: Callable[[], T]) -> T | None:
        """Call until it succeeds, and tell of each failure; None if told to stop before."""

        def once() -> T | None:
            if stopping.is_set():
                return None
            try:
                return call()
            except _OUT_OF_REACH as error:
                self._tried(error)
                raise

        return Retries(retry_if_exception_type(_OUT_OF_REACH), wait=_PAUSES, sleep=stopping.wait).run(once)

    def _begin(self, consumer: Consumer, since: UtcSeconds) -> None:
        partitions = partitions_of(consumer, self._topic, self._patience)
        consumer.assign(self._positions(consumer, partitions, since))
        self._followed = set(partitions)
        self._tried(None)

    def _look_for_partitions(self, consumer: Consumer, since: UtcSeconds) -> None:
        try:
            new = set(partitions_of(consumer, self._topic, self._patience)) - self._followed
            if new:
                _LOG.info("topic %s has new partitions %s", self._topic, sorted(new))
                consumer.incremental_assign(self._positions(consumer, sorted(new), since))
                self._followed |= new
        except _OUT_OF_REACH as error:
            _LOG.warning("topic %s: %s", self._topic, error)

    def _positions(
        self, consumer: Consumer, partitions: Sequence[int], since: UtcSeconds
    ) -> list[TopicPartition]:
        return positions_since(
            consumer, self._topic, partitions, since=since, reset=self._reset, patience=self._patience
        )

    def _take(self, consumer: Consumer, messages: Sequence[Message], since: UtcSeconds) -> None:
        read = []
        for message in messages:
            error = message.error()
            if error is None:
                read.append(message)
            elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                self._close_gap(consumer, message.partition() or 0, since)
            else:
                _LOG.warning("topic %s: %s", self._topic, error)
        if not read:
            return
        if self._silent:
            self._silent = False
            _LOG.info("topic %s readable again", self._topic)
        for message in read:
            self._latest[message.partition() or 0] = UtcSeconds(message.timestamp()[1] / 1000)
        self._handle(read)

    def _close_gap(self, consumer: Consumer, partition: int, since: UtcSeconds) -> None:
        """Go on with what the brokers still have: they have lost what comes next."""
        after = self._latest.get(partition, since)
        _LOG.warning(
            "topic %s, partition %d: messages were lost before they were read", self._topic, partition
        )
        # librdkafka has stopped fetching it for good: it is taken up like a new one.
        consumer.incremental_unassign([TopicPartition(self._topic, partition)])
        try:
            consumer.incremental_assign(self._positions(consumer, [partition], after))
        except KafkaException as error:
            _LOG.error("topic %s, partition %d cannot be read: %s", self._topic, partition, error)
            self._followed.discard(partition)

    def _complain(self, reason: str) -> None:
        if not self._silent:
            self._silent = True
            _LOG.warning("topic %s unreachable: %s", self._topic, reason)
