"""The end of a batch: records go out, offsets are committed, by whoever owns the partitions."""

import logging
from collections.abc import Callable, Sequence
from typing import Final

from confluent_kafka import KafkaException, Message, TopicPartition

from adapters.common.own_threads import OwnThreads
from adapters.kafka.group_reader import GroupReader, KafkaReadError
from adapters.kafka.outputs.batch_publisher import (
    BatchPublisher,
    Record,
    RecordsTooLargeError,
    means_fenced,
)
from adapters.kafka.places import offsets_after

__all__ = ["BatchFinisher", "TakenOverError"]

_LOG: Final = logging.getLogger(__name__)
_PATIENCE: Final = 10.0  # Seconds for the broker to tell what is committed.


class TakenOverError(Exception):
    """Somebody else owns the partitions, or has fenced this publisher."""


class BatchFinisher:
    """Ends batches, with a publisher that is made anew when partitions have come.

    Parameters
    ----------
    reader
        Where batches are read.
    make
        Makes a publisher; blocks.
    """

    def __init__(self, reader: GroupReader, make: Callable[[], BatchPublisher]) -> None:
        self._reader = reader
        self._make = make
        self._thread = OwnThreads("batch-end", KafkaReadError)
        self._publisher: BatchPublisher | None = None
        self._in_doubt = False

    def open(self) -> None:
        """Get ready; no publisher is made before partitions have come."""
        self._thread.open()

    async def close(self) -> None:
        """Wait for what goes on, and let go of the connection."""
        await self._thread.close(self._dismiss)

    def partitions_moved(self) -> None:
        """Take note that partitions have come or gone."""
        # Now rather than later: a new publisher ends the transaction that its
        # predecessor left open, and the offsets cannot be read before that.
        self._thread.post(self._renew if self._reader.owned else self._dismiss)

    async def end(self, records: Sequence[Record], messages: Sequence[Message]) -> None:
        """Send records and commit that messages are done.

        Raises
        ------
        TakenOverError
            Raised if that is somebody else's business now.
        KafkaReadError
            Raised if it failed; the same call may be repeated.
        RecordsTooLargeError
            Raised if a topic does not take some of the records for their size.
        """
        offsets = offsets_after(messages)
        if self._in_doubt and await self._is_committed(offsets):
            self._in_doubt = False
            return
        group = await self._reader.run(lambda consumer: consumer.consumer_group_metadata())
        try:
            commits_offsets = await self._thread.run(self._publish, records, offsets, group)
        except KafkaException as error:
            self._in_doubt = True
            if means_fenced(error.args[0]):
                raise TakenOverError(str(error)) from error
            raise KafkaReadError(str(error)) from error
        if offsets and not commits_offsets:
            await self._reader.commit(messages)
        self._in_doubt = False

    async def _is_committed(self, offsets: Sequence[TopicPartition]) -> bool:
        """Ask whether a batch was committed after all, though nobody was told."""
        if not offsets:
            return False
        asked = [TopicPartition(wanted.topic, wanted.partition) for wanted in offsets]
        told = await self._reader.run(lambda consumer: consumer.committed(asked, _PATIENCE))
        committed = {(found.topic, found.partition): found.offset for found in told}
        return all(committed[wanted.topic, wanted.partition] >= wanted.offset for wanted in offsets)

    # What follows runs in the thread, which alone touches the publisher.

    def _publish(self, records: Sequence[Record], offsets: Sequence[TopicPartition], group: object) -> bool:
        if self._publisher is None:
            self._publisher = self._make()
        try:
            self._publisher.publish(records, offsets, group)
        except (KafkaException, RecordsTooLargeError):
            self._dismiss()
            raise
        return self._publisher.commits_offsets

    def _renew(self) -> None:
        self._dismiss()
        # By the time that it is this one's turn, they may have gone again.
        if not self._reader.owned:
            return
        try:
            self._publisher = self._make()
        except KafkaException as error:
            _LOG.warning("publisher not available yet: %s", error)

    def _dismiss(self) -> None:
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            publisher.close()
