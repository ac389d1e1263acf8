"""The writer finds what cannot be applied, and lets nothing else wait for it."""

import asyncio
import json
from collections.abc import Sequence
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.memory.metrics import MemoryMetrics
from adapters.memory.outputs.central_registry import MemoryCentralRegistry
from adapters.memory.outputs.output_events import MemoryOutputEvents
from adapters.memory.outputs.output_topic import MemoryOutputTopic
from adapters.memory.outputs.shared_repository import MemoryRepository
from application.worker.alongside import running_alongside
from application.write_outputs import OutputWriter
from ports.central_registry import OutputEvent
from ports.metrics import Counter


class _Counted(MemoryCentralRegistry):
    calls = 0

    async def apply(self, events: Sequence[OutputEvent]) -> Sequence[UUID]:
        self.calls += 1
        return await super().apply(events)


class _World:
    def __init__(self) -> None:
        self.topic, self.repository, self.metrics = MemoryOutputTopic(), MemoryRepository(), MemoryMetrics()
        self.registry = _Counted(self.repository)
        self.writer = OutputWriter(
            events=MemoryOutputEvents(self.topic),
            registry=self.registry,
            metrics=self.metrics,
            retry_delay=5.0,
        )

    def message(self, number: int) -> bytes:
        key = UUID(int=number)
        self.repository.files[key] = "run dataset"
        return json.dumps({"datasets": {str(key): "run dataset"}}).encode()

    async def play(self, seconds: float = 60.0) -> None:
        async with running_alongside(self.writer.run()):
            self.topic.changed.set()
            async with asyncio.timeout(seconds):
                while self.topic.committed < len(self.topic.messages):
                    await asyncio.sleep(0.001)


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_what_cannot_be_applied_is_found_and_all_else_is_applied(good: list[bool]) -> None:
    world = _World()
    world.topic.messages += [
        world.message(number) if fine else b"bad %d" % number for number, fine in enumerate(good)
    ]
    asyncio.run(world.play())
    bad = [b"bad %d" % number for number, fine in enumerate(good) if not fine]
    assert [event.body for event, _ in world.topic.dead_letters] == bad
    assert world.repository.datasets.keys() == {UUID(int=number) for number, fine in enumerate(good) if fine}
    assert [set(batch) for batch in world.topic.batches] == [set(world.repository.datasets)] * any(good)
    assert world.metrics.total(Counter.WRITER_EVENTS, result="applied") == sum(good)
    assert world.metrics.total(Counter.WRITER_EVENTS, result="set aside") == len(bad)
    # Halving a batch of n costs at most two calls for each half, for each bad message.
    assert world.registry.calls <= 1 + 2 * len(bad) * len(good).bit_length()


@pytest.mark.looptime
@pytest.mark.parametrize("away", ["registry", "topic"])
async def test_an_outage_is_outlasted_and_blamed_on_no_message(away: str) -> None:
    world = _World()
    world.topic.messages += [world.message(1)]
    if away == "registry":
        world.repository.outage = "cut off"
    async with running_alongside(world.writer.run()):
        await asyncio.sleep(1.0)
        if away == "topic":
            world.topic.outage = "cut off"
            world.topic.messages += [world.message(2)]
            world.topic.changed.set()
        await asyncio.sleep(60.0)
        before = set(world.repository.datasets)
        world.repository.outage = world.topic.outage = ""
        world.topic.changed.set()
        await asyncio.sleep(15.0)
    assert before == (set() if away == "registry" else {UUID(int=1)})
    assert world.topic.committed == len(world.topic.messages)
    assert world.repository.datasets.keys() == world.repository.files.keys()
    assert world.topic.dead_letters == []
