"""The writer's dead letters, to be looked at, replayed and discarded."""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from lsst.resources import ResourcePath

from adapters.common.opened import Opened
from adapters.common.own_threads import OwnThreads
from adapters.kafka.connection import KafkaConnection, consumer_config
from adapters.kafka.outputs.batch_publisher import (
    BatchPublisher,
    PlainPublisher,
    Record,
    RecordsTooLargeError,
    TransactionalPublisher,
    means_fenced,
)
from adapters.kafka.outputs.outbox import Outbox, OutboxUnavailableError
from adapters.kafka.outputs.whole_files import STORE_FAILURES
from adapters.kafka.places import sent_at
from adapters.kafka.positions import TopicMissingError, partitions_of
from domain.times import UtcSeconds
from ports.dead_letters import DeadLetter, DeadLettersUnavailableError

__all__ = ["KafkaMessageLetters"]

_SETTLES: Final = "settles"
"""Header of a record that says of which letter it is the end."""
_PATIENCE: Final = 20.0  # Seconds for one exchange with the brokers.


class KafkaMessageLetters(Opened):
    """`ports.dead_letters.ReplayableLetters` of the Butler Writer.

    A topic forgets nothing on demand, so the end of a letter is another record in it, with the header
    ``settles``. A replay is one transaction of message and end under an identity that one process has
    at a time; what is too long for the topic goes into the outbox first.

    Parameters
    ----------
    connection
        The writer's cluster.
    topic
        Of the dead letters.
    input_topic
        Where messages came from and go again.
    outbox_root
        URI of the root of the central datastore.
    is_transactional
        False for a broker without transactions, where two who replay at once may both do it.
    """

    def __init__(
        self,
        *,
        connection: KafkaConnection,
        topic: str,
        input_topic: str,
        outbox_root: str,
        is_transactional: bool = True,
    ) -> None:
        self._connection = connection
        self._topic = topic
        self._input_topic = input_topic
        self._outbox = Outbox(outbox_root)
        self._is_transactional = is_transactional
        self._thread = OwnThreads("dead-letters", DeadLettersUnavailableError)
        self._publisher: BatchPublisher | None = None
        self._open: dict[str, Message] = {}

    async def open(self) -> None:
        """Get ready; nothing is asked yet."""
        self._thread.open()

    async def close(self) -> None:
        """Let go of the connection."""
        await self._thread.close(self._dismiss)

    async def letters(self) -> Sequence[DeadLetter]:
        """See `ports.dead_letters.DeadLetters.letters`."""
        return await self._thread.run(self._listed)

    async def replay(self, letter: DeadLetter) -> str:
        """See `ports.dead_letters.ReplayableLetters.replay`."""
        return await self._thread.run(self._settle, letter, "replayed", self._send_again)

    async def discard(self, letter: DeadLetter, reason: str) -> bool:
        """See `ports.dead_letters.DeadLetters.discard`."""
        return bool(await self._thread.run(self._settle, letter, f"discarded: {reason}", self._drop))

    # What follows runs in the thread, which alone touches consumer and publisher.

    def _listed(self) -> list[DeadLetter]:
        with self._translated():
            self._open = self._read()
            return sorted(
                (_letter(place, message) for place, message in self._open.items()),
                key=lambda letter: letter.since,
            )

    def _settle(self, letter: DeadLetter, end: str, settle: Callable[[Message, Record], str]) -> str:
        with self._translated():
            if self._publisher is None:
                # First the identity, which fences others, then what they have done.
                self._publisher = self._make_publisher()
                self._open = self._read()
            message = self._open.get(letter.id)
            if message is None:
                return ""
            marker = Record(
                topic=self._topic,
                body=b"",
                headers=((_SETTLES, letter.id.encode()), ("end", end.encode(errors="replace"))),
            )
            place = settle(message, marker)
            del self._open[letter.id]
            for file in _files(message):
                with contextlib.suppress(FileNotFoundError):
                    file.remove()
            return place

    def _send_again(self, message: Message, marker: Record) -> str:
        origin = _header(message, "position")
        record = Record(
            topic=self._input_topic,
            body=message.value() or b"",
            key=message.key(),
            headers=(("origin", origin.encode()),),
        )
        if not _files(message):
            with contextlib.suppress(RecordsTooLargeError):
                self._publish(record, marker)
                return f"a message of {self._input_topic}"
        # The writer takes what is there already for done, so another copy would do no harm.
        name = f"replayed-{_place(message)}.json"
        self._outbox.put(name, _body(message))
        self._publish(marker)
        return f"{name} in the outbox"

    def _drop(self, message: Message, marker: Record) -> str:
        del message
        self._publish(marker)
        return "discarded"

    def _publish(self, *records: Record) -> None:
        if self._publisher is not None:
            self._publisher.publish(records, (), None)

    def _make_publisher(self) -> BatchPublisher:
        if self._is_transactional:
            return TransactionalPublisher(self._connection, f"dead-letters-{self._topic}", _PATIENCE)
        return PlainPublisher(self._connection, _PATIENCE)

    def _dismiss(self) -> None:
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            publisher.close()

    def _read(self) -> dict[str, Message]:
        """Read the whole topic; returns letters by their places that have no end yet."""
        config = consumer_config(self._connection, group="dead-letters", offset_reset="earliest")
        consumer = Consumer(config | {"enable.partition.eof": True})
        try:
            partitions = partitions_of(consumer, self._topic, _PATIENCE)
            consumer.assign([TopicPartition(self._topic, number, 0) for number in partitions])
            return _without_ends(_until_the_end(consumer, len(partitions)))
        finally:
            consumer.close()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (KafkaException, RecordsTooLargeError) as error:
            self._dismiss()
            if isinstance(error, KafkaException) and means_fenced(error.args[0]):
                what = "somebody else replays or discards them at this moment"
                raise DeadLettersUnavailableError(f"dead letters in {self._topic}: {what}") from error
            raise DeadLettersUnavailableError(f"dead letters in {self._topic}: {error}") from error
        except (TopicMissingError, OutboxUnavailableError, *STORE_FAILURES) as error:
            raise DeadLettersUnavailableError(f"dead letters in {self._topic}: {error}") from error


def _until_the_end(consumer: Consumer, partitions: int) -> Iterator[Message]:
    ended: set[int | None] = set()
    while len(ended) < partitions:
        message = consumer.poll(_PATIENCE)
        if message is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        error = message.error()
        if error is None:
            yield message
        elif error.code() == KafkaError._PARTITION_EOF:
            ended.add(message.partition())
        else:
            raise KafkaException(error)


def _without_ends(messages: Iterator[Message]) -> dict[str, Message]:
    letters: dict[str, Message] = {}
    ended: set[str] = set()
    for message in messages:
        end = _header(message, _SETTLES)
        if end:
            ended.add(end)
        else:
            letters[_place(message)] = message
    return {place: message for place, message in letters.items() if place not in ended}


def _letter(place: str, message: Message) -> DeadLetter:
    try:
        body, is_whole = _body(message), True
    except STORE_FAILURES:
        body, is_whole = b"", False
    named = _named(body)
    visit, detector = named.get("visit"), named.get("detector")
    return DeadLetter(
        id=place,
        origin=_header(message, "position"),
        reason=_header(message, "reason"),
        since=sent_at(message) or UtcSeconds(0.0),
        instrument=str(named.get("instrument", "")),
        group=str(named.get("group", "")),
        visit=visit if isinstance(visit, int) else None,
        detector=detector if isinstance(detector, int) else None,
        body=body,
        is_whole=is_whole,
    )


def _named(body: bytes) -> Mapping[str, Any]:
    """Find what the data ids of a message name; nothing if it is no message."""
    named: dict[str, Any] = {}
    try:
        for dataset in json.loads(body)["datasets"]:
            for ref in dataset["refs"].values():
                named = {**ref["data_id"], **named}
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        pass
    return named


def _place(message: Message) -> str:
    return f"{message.partition()}-{message.offset()}"


def _body(message: Message) -> bytes:
    file = _header(message, "file")
    return ResourcePath(file).read() if file else message.value() or b""


def _files(message: Message) -> list[ResourcePath]:
    names = (_header(message, name) for name in ("file", "key_file"))
    return [ResourcePath(name) for name in names if name]


def _header(message: Message, name: str) -> str:
    value = dict(message.headers() or []).get(name)
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""
