"""The writer's end of its topics, on any broker."""

import asyncio
import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, override

from confluent_kafka import Message

from adapters.kafka.connection import KafkaConnection
from adapters.kafka.outbox import Outbox
from adapters.kafka.output_events import KafkaOutputEvents, WriterPolicy, WriterTopics
from domain.times import UtcSeconds
from tests.contract_suites.output_events import Topic

__all__ = ["Broker", "KafkaTopic", "make_events"]

TOPICS = WriterTopics(input="pp-output", output="batches", dead_letters="pp-output-dead")


class Broker(Protocol):
    """What the tests need of a cluster."""

    connection: KafkaConnection

    def create(self, topic: str, partitions: int = 1) -> int: ...

    async def sent(self, topic: str, *bodies: bytes, partition: int = 0) -> None: ...

    def messages(self, topic: str) -> list[Message]: ...


class FixedClock:
    def utc(self) -> UtcSeconds:
        return UtcSeconds(1773454569.120934)


class RandomIdentifiers:
    def new(self) -> uuid.UUID:
        return uuid.uuid4()


def make_events(
    connection: KafkaConnection, folder: Path, *, transactional: bool, outbox_interval: float = 10.0
) -> KafkaOutputEvents:
    return KafkaOutputEvents(
        connection=connection,
        topics=TOPICS,
        transactional_id="butler-writer-output" if transactional else "",
        batch_folder=str(folder / "batches"),
        outbox_root=str(folder / "datastore"),
        policy=WriterPolicy(outbox_interval=outbox_interval, patience=10.0),
        clock=FixedClock(),
        identifiers=RandomIdentifiers(),
    )


class KafkaTopic(Topic):
    def __init__(self, broker: Broker, folder: Path, *, transactional: bool) -> None:
        self.broker = broker
        self.folder = folder
        self._outbox = Outbox(str(folder / "datastore"))
        self._transactional = transactional
        self._events: KafkaOutputEvents | None = None
        for topic in (TOPICS.input, TOPICS.output, TOPICS.dead_letters):
            broker.create(topic, partitions=1)

    @override
    async def send(self, *messages: bytes) -> None:
        await self.broker.sent(TOPICS.input, *messages)

    @override
    async def lay_down(self, message: bytes) -> None:
        await asyncio.to_thread(self._outbox.put, f"{uuid.uuid4()}.json", message)

    @override
    async def outbox(self) -> list[bytes]:
        contents = [self._outbox.read(name) for name in self._outbox.names()]
        return [content for content in contents if content is not None]

    @override
    async def restarted(self) -> KafkaOutputEvents:
        await self.close()
        self._events = make_events(self.broker.connection, self.folder, transactional=self._transactional)
        await self._events.open()
        return self._events

    @override
    async def announced(self) -> list[Sequence[uuid.UUID]]:
        found = await asyncio.to_thread(self.broker.messages, TOPICS.output)
        events = [json.loads(message.value() or b"") for message in found]
        files = [json.loads((self.folder / "batches" / event["batch_file"]).read_text()) for event in events]
        assert [event["batch_id"] for event in events] == [file["batch_id"] for file in files]
        return [tuple(map(uuid.UUID, file["datasets"])) for file in files]

    @override
    async def dead_letters(self) -> list[tuple[bytes, str]]:
        found = await asyncio.to_thread(self.broker.messages, TOPICS.dead_letters)
        reasons = [dict(message.headers() or {})["reason"] for message in found]
        return [
            (message.value() or b"", reason.decode() if isinstance(reason, bytes) else str(reason))
            for message, reason in zip(found, reasons, strict=True)
        ]

    async def close(self) -> None:
        if self._events is not None:
            await self._events.close()
            self._events = None
