import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import override

import pytest

from adapters.host.clock import SystemIdentifiers
from adapters.kafka.connection import KafkaConnection
from adapters.kafka.outputs.output_notifier import KafkaOutputNotifier
from ports.output_notifier import NotificationLostError
from tests.contract_suites.output_notifier import OutputNotifierContract, Writer
from tests.integration.kafka.broker import Broker

pytestmark = pytest.mark.slow


def make(connection: KafkaConnection, topic: str, root: str) -> KafkaOutputNotifier:
    return KafkaOutputNotifier(
        connection=connection,
        topic=topic,
        outbox_root=root,
        identifiers=SystemIdentifiers(),
        delivery_timeout=1.0,
        outbox_timeout=5.0,
    )


class KafkaWriter(Writer):
    def __init__(self, broker: Broker, topic: str, root: Path) -> None:
        self._broker = broker
        self._topic = topic
        self._root = root
        self.notifier: KafkaOutputNotifier = make(broker.connection, topic, root.as_uri())

    @override
    async def received(self) -> list[bytes]:
        return [message.value() or b"" for message in self._broker.messages(self._topic)]

    @override
    async def laid_down(self) -> list[bytes]:
        return [path.read_bytes() for path in (self._root / ".prompt-outbox").glob("*")]

    @override
    async def fail(self, *, outbox: bool) -> None:
        await self.notifier.close()
        if outbox:
            (self._root / ".prompt-outbox").write_text("in the way")
        nowhere = KafkaConnection(bootstrap_servers="127.0.0.1:1")
        self.notifier = make(nowhere, self._topic, self._root.as_uri())
        await self.notifier.open()


class TestKafkaOutputNotifier(OutputNotifierContract):
    @pytest.fixture
    async def writer(self, broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[Writer]:
        broker.create(f"pp-output-{unique}", partitions=1)
        writer = KafkaWriter(broker, f"pp-output-{unique}", tmp_path)
        await writer.notifier.open()
        yield writer
        await writer.notifier.close()

    async def test_a_message_that_no_broker_takes_for_its_size_goes_to_the_outbox(
        self, writer: Writer
    ) -> None:
        message = b"x" * 2_000_000
        await writer.notifier.send(message)
        assert await writer.laid_down() == [message]

    async def test_objects_in_the_outbox_are_named_for_the_writer(
        self, writer: Writer, tmp_path: Path
    ) -> None:
        await writer.fail(outbox=False)
        await writer.notifier.send(b"a")
        [path] = (tmp_path / ".prompt-outbox").iterdir()
        assert path.suffix == ".json"
        assert uuid.UUID(path.stem)


async def test_a_notifier_that_is_not_open_says_so(tmp_path: Path) -> None:
    nowhere = KafkaConnection(bootstrap_servers="127.0.0.1:1")
    with pytest.raises(NotificationLostError, match="not open"):
        await make(nowhere, "pp-output", tmp_path.as_uri()).send(b"a")
