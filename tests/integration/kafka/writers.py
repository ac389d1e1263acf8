"""The writer's end of its topics, on any broker."""

import asyncio
import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import override

from attrs import evolve
from confluent_kafka import Message
from lsst.resources import ResourcePath

from adapters.host.clock import SystemIdentifiers
from adapters.kafka.connection import KafkaConnection
from adapters.kafka.outputs.outbox import Outbox
from adapters.kafka.outputs.output_events import KafkaOutputEvents, WriterPolicy, WriterTopics
from domain.times import UtcSeconds
from tests.contract_suites.output_events import Topic
from tests.integration.kafka.broker import Broker

__all__ = ["KafkaTopic", "header", "kept_body", "topics_of"]


def topics_of(unique: str) -> WriterTopics:
    """Name the topics of one test."""
    return WriterTopics(
        input=f"pp-output-{unique}", output=f"batches-{unique}", dead_letters=f"dead-{unique}"
    )


class FixedClock:
    def utc(self) -> UtcSeconds:
        return UtcSeconds(1773454569.120934)


class KafkaTopic(Topic):
    """The topics of one test, with one writer at a time."""

    def __init__(self, broker: Broker, unique: str, folder: Path) -> None:
        self.broker = broker
        self.folder = folder
        self.unique = unique
        self.topics = topics_of(unique)
        self.datastore = folder / "datastore"
        self._outbox = Outbox(str(self.datastore))
        self._events: KafkaOutputEvents | None = None
        for topic in (self.topics.input, self.topics.output, self.topics.dead_letters):
            broker.create(topic, partitions=1)

    def make(
        self, *, connection: KafkaConnection | None = None, outbox_interval: float = 10.0
    ) -> KafkaOutputEvents:
        """Make one member of the writers' group."""
        return KafkaOutputEvents(
            connection=connection or evolve(self.broker.connection),
            topics=self.topics,
            group=f"butler-writer-{self.unique}",
            transactional_id=f"output-{self.unique}" if self.broker.has_transactions else "",
            batch_folder=str(self.folder / "batches"),
            outbox_root=str(self.datastore),
            policy=WriterPolicy(outbox_interval=outbox_interval, patience=10.0),
            clock=FixedClock(),
            identifiers=SystemIdentifiers(),
        )

    @override
    async def send(self, *messages: bytes) -> None:
        await self.broker.sent(self.topics.input, *messages)

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
        self._events = self.make()
        await self._events.open()
        return self._events

    @override
    async def announced(self) -> list[Sequence[uuid.UUID]]:
        found = await asyncio.to_thread(self.broker.messages, self.topics.output)
        events = [json.loads(message.value() or b"") for message in found]
        files = [json.loads((self.folder / "batches" / event["batch_file"]).read_text()) for event in events]
        assert [event["batch_id"] for event in events] == [file["batch_id"] for file in files]
        return [tuple(map(uuid.UUID, file["datasets"])) for file in files]

    @override
    async def dead_letters(self) -> list[tuple[bytes, str]]:
        found = await asyncio.to_thread(self.broker.messages, self.topics.dead_letters)
        return [(kept_body(message), header(message, "reason")) for message in found]

    async def close(self) -> None:
        """End the writer."""
        if self._events is not None:
            await self._events.close()
            self._events = None


def header(message: Message, name: str) -> str:
    """Read a header of a message; blank if it has none."""
    value = dict(message.headers() or {}).get(name, "")
    return value.decode() if isinstance(value, bytes) else str(value)


def kept_body(message: Message) -> bytes:
    """Find what a dead letter keeps, in itself or in the file that it names."""
    file = header(message, "file")
    return ResourcePath(file).read() if file else message.value() or b""
