import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, override

import pytest

from adapters.kafka.announcements.announcements import KafkaAnnouncements
from adapters.kafka.announcements.schema_registry import SchemaRegistry
from adapters.kafka.connection import KafkaConnection
from benchmarks.services.announcements import encode_cancellation, encode_next_visit
from domain.visit import Cancellation, Visit
from ports.announcements import Announcements, AnnouncementsUnavailableError, NotForUs, Unreadable
from tests.contract_files import contract_json
from tests.contract_suites.announcements import AnnouncementsContract, Observatory, groups, visit
from tests.integration.kafka.apache_kafka import ApacheKafka
from tests.integration.kafka.broker import Broker
from tests.integration.kafka.registry import Registry

pytestmark = pytest.mark.slow

VISIT_SCHEMA: dict[str, Any] = contract_json("next_visit.avsc")
CANCELLATION_SCHEMA: dict[str, Any] = json.loads(
    (files("adapters.kafka") / "schemas" / "next_visit_canceled.avsc").read_text()
)


def body_of(content: Visit | Cancellation) -> bytes:
    if isinstance(content, Visit):
        return encode_next_visit(content, VISIT_SCHEMA, 1)
    return encode_cancellation(content, CANCELLATION_SCHEMA, 2)


class KafkaObservatory(Observatory):
    def __init__(self, broker: Broker, unique: str, registry: Registry, cache: Path) -> None:
        self.broker = broker
        self.visits = f"visits-{unique}"
        self.cancellations = f"cancellations-{unique}"
        self._group = f"fan-out-{unique}"
        self._registry = registry
        self._cache = cache
        self._reader: KafkaAnnouncements | None = None

    @override
    async def announce(self, content: Visit | Cancellation) -> None:
        topic = self.visits if isinstance(content, Visit) else self.cancellations
        await self.broker.sent(topic, body_of(content))

    @override
    async def restarted(self, patience: float = 0.1) -> Announcements:
        await self.close()
        for topic in (self.visits, self.cancellations):
            self.broker.create(topic)
        self._reader = KafkaAnnouncements(
            connection=self.broker.connection,
            group=self._group,
            topic=self.visits,
            canceled_topic=self.cancellations,
            offset_reset="earliest",
            registry=SchemaRegistry(self._registry.url, cache=self._cache, timeout=1.0),
            patience=patience,
        )
        await self._reader.open()
        return self._reader

    async def close(self) -> None:
        if self._reader is not None:
            await self._reader.close()


@pytest.fixture
def registry() -> Iterator[Registry]:
    registry = Registry({1: VISIT_SCHEMA, 2: CANCELLATION_SCHEMA, 3: {"type": "string"}})
    yield registry
    registry.shut()


class TestKafkaAnnouncements(AnnouncementsContract):
    @pytest.fixture
    async def observatory(
        self, broker: Broker, unique: str, registry: Registry, tmp_path: Path
    ) -> AsyncIterator[KafkaObservatory]:
        observatory = KafkaObservatory(broker, unique, registry, tmp_path)
        yield observatory
        await observatory.close()

    async def test_what_cannot_be_read_says_why_and_holds_nobody_up(
        self, observatory: KafkaObservatory
    ) -> None:
        reader = await observatory.restarted()
        good = body_of(visit("a"))
        bodies = [b"", b"{}", good[:-3], good + b"\0", b"\0\0\0\0\x09" + good[5:], b"\0\0\0\0\x03" + good[5:]]
        await observatory.broker.sent(observatory.visits, *bodies, good)
        found = [await reader.next() for _ in range(len(bodies) + 1)]
        assert all(isinstance(announcement.content, Unreadable) for announcement in found[:-1])
        assert found[-1].content == visit("a")

    async def test_a_visit_without_instrument_is_not_for_us(self, observatory: KafkaObservatory) -> None:
        reader = await observatory.restarted()
        body = body_of(visit("a")).replace(b"\x0cSimCam", b"\x00")
        await observatory.broker.sent(observatory.visits, body)
        assert isinstance((await reader.next()).content, NotForUs)

    async def test_schemas_outlive_the_registry(
        self, observatory: KafkaObservatory, registry: Registry
    ) -> None:
        reader = await observatory.restarted()
        await observatory.announce(visit("a"))
        await reader.settle(await reader.next())
        registry.shut()
        reader = await observatory.restarted()
        await observatory.announce(visit("b"))
        assert groups([await reader.next()]) == ["b"]

    async def test_without_the_registry_a_new_schema_holds_up_for_a_while_only(
        self, observatory: KafkaObservatory, registry: Registry
    ) -> None:
        reader = await observatory.restarted()
        await observatory.announce(visit("a"))
        await reader.next()
        registry.shut()
        good = body_of(visit("b"))
        await observatory.broker.sent(observatory.visits, b"\0\0\0\0\x63" + good[5:], good)
        assert isinstance((await reader.next()).content, Unreadable)
        assert groups([await reader.next()]) == ["b"]

    async def test_announcements_wait_for_the_registry(
        self, observatory: KafkaObservatory, registry: Registry, caplog: pytest.LogCaptureFixture
    ) -> None:
        registry.is_away = True
        reader = await observatory.restarted(patience=60.0)
        await observatory.announce(visit("a"))
        await observatory.announce(visit("b"))
        first = asyncio.ensure_future(reader.next())
        while len(registry.asked) < 4:
            await asyncio.sleep(0.05)
        assert not first.done()
        assert [
            record.levelname for record in caplog.records if "schema registry unavailable" in record.message
        ] == ["ERROR"]
        registry.is_away = False
        assert groups([await first, await reader.next()]) == ["a", "b"]

    async def test_schemas_are_asked_for_once(
        self, observatory: KafkaObservatory, registry: Registry
    ) -> None:
        reader = await observatory.restarted()
        for group in ("a", "b", "c"):
            await observatory.announce(visit(group))
            await reader.next()
        assert registry.asked == ["/schemas/ids/1"]


async def test_a_missing_topic_is_said(apache: ApacheKafka, registry: Registry) -> None:
    reader = KafkaAnnouncements(
        connection=apache.connection,
        group="fan-out",
        topic="nowhere",
        registry=SchemaRegistry(registry.url, cache=None),
    )
    await reader.open()
    with pytest.raises(AnnouncementsUnavailableError, match="nowhere"):
        await reader.next()
    await reader.close()


async def test_brokers_out_of_reach_are_said(registry: Registry) -> None:
    reader = KafkaAnnouncements(
        connection=KafkaConnection(bootstrap_servers="127.0.0.1:1"),
        group="fan-out",
        topic="next-visit",
        registry=SchemaRegistry(registry.url, cache=None),
    )
    await reader.open()
    with pytest.raises(AnnouncementsUnavailableError, match="next-visit"):
        await reader.next()
    await reader.close()
