from collections.abc import Sequence
from typing import override
from uuid import UUID

import pytest

from adapters.memory.outputs.output_events import MemoryOutputEvents
from adapters.memory.outputs.output_notifier import MemoryOutputNotifier
from adapters.memory.outputs.output_topic import MemoryOutputTopic
from ports.central_registry import OutputEvents, OutputEventsUnavailableError
from tests.contract_suites.output_events import ONE, OutputEventsContract, Topic
from tests.contract_suites.output_notifier import OutputNotifierContract, Writer


class MemoryWriter(Writer):
    def __init__(self) -> None:
        self._topic = MemoryOutputTopic()
        self.notifier: MemoryOutputNotifier = MemoryOutputNotifier(self._topic)

    @override
    async def received(self) -> list[bytes]:
        return self._topic.messages

    @override
    async def laid_down(self) -> list[bytes]:
        return list(self._topic.outbox.values())

    @override
    async def fail(self, *, outbox: bool) -> None:
        self._topic.outage = "cut off"
        self._topic.outbox_outage = "no space" if outbox else ""


class MemoryTopic(Topic):
    def __init__(self) -> None:
        self._topic = MemoryOutputTopic()

    @override
    async def send(self, *messages: bytes) -> None:
        for message in messages:
            await MemoryOutputNotifier(self._topic).send(message)

    @override
    async def lay_down(self, message: bytes) -> None:
        self._topic.outbox[f"{len(self._topic.outbox)}.json"] = message

    @override
    async def outbox(self) -> list[bytes]:
        return list(self._topic.outbox.values())

    @override
    async def restarted(self) -> OutputEvents:
        return MemoryOutputEvents(self._topic)

    @override
    async def announced(self) -> list[Sequence[UUID]]:
        return self._topic.batches

    @override
    async def dead_letters(self) -> list[tuple[bytes, str]]:
        return [(event.body, reason) for event, reason in self._topic.dead_letters]


class TestMemoryOutputNotifier(OutputNotifierContract):
    @pytest.fixture
    def writer(self) -> Writer:
        return MemoryWriter()


class TestMemoryOutputEvents(OutputEventsContract):
    @pytest.fixture
    def topic(self) -> Topic:
        return MemoryTopic()

    async def test_an_outage_keeps_the_batch_for_a_second_try(self) -> None:
        topic = MemoryOutputTopic()
        await MemoryOutputNotifier(topic).send(b"a")
        events = MemoryOutputEvents(topic)
        await events.batch()
        topic.outage = "cut off"
        with pytest.raises(OutputEventsUnavailableError, match="cut off"):
            await events.finish([ONE])
        topic.outage = ""
        await events.finish([ONE])
        assert topic.batches == [(ONE,)]
        assert topic.committed == 1
