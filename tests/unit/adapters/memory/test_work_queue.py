"""The queue in memory holds the contract."""

from collections.abc import Sequence
from typing import override

import pytest

from adapters.memory.queue.control import MemoryControl
from adapters.memory.queue.dead_letters import MemoryWorkLetters
from adapters.memory.queue.queue_store import MemoryQueueStore
from adapters.memory.queue.work_publisher import MemoryWorkPublisher
from adapters.memory.queue.work_queue import MemoryQueueUpkeep, MemoryWorkQueue
from ports.work_queue import WorkQueue
from tests.contract_suites.dead_letters import DeadLettersContract
from tests.contract_suites.samples import INSTRUMENT, LoopClock
from tests.contract_suites.work_publisher import PublisherBench, WorkPublisherContract
from tests.contract_suites.work_queue import QueueBench, WorkQueueContract

pytestmark = pytest.mark.looptime


class _Bench(QueueBench):
    lease_seconds = 30.0

    def __init__(self) -> None:
        clock = LoopClock()
        self.store = MemoryQueueStore(clock, lease_seconds=self.lease_seconds)
        self.publisher = MemoryWorkPublisher({INSTRUMENT: self.store}, MemoryControl(clock))
        self.upkeep = MemoryQueueUpkeep(self.store)

    @override
    async def consumer(self, name: str) -> WorkQueue:
        return MemoryWorkQueue(self.store, name)

    @override
    async def add_unreadable(self) -> None:
        self.store.add(None, fault="detector: 'four' is not a number")

    @override
    async def dead(self) -> Sequence[tuple[str, str]]:
        return [(letter.entry, letter.reason) for letter in self.store.dead]


class _PublisherBench(PublisherBench):
    def __init__(self) -> None:
        clock = LoopClock()
        store = MemoryQueueStore(clock)
        control = MemoryControl(clock)
        self.publisher = MemoryWorkPublisher({INSTRUMENT: store}, control)
        self.queue = MemoryWorkQueue(store, "eyes")
        self.notes = control


class TestMemoryWorkQueue(WorkQueueContract):
    @pytest.fixture
    def bench(self) -> QueueBench:
        return _Bench()


class TestMemoryWorkLetters(DeadLettersContract):
    @pytest.fixture
    def bench(self) -> _Bench:
        return _Bench()

    @pytest.fixture
    def letters(self, bench: _Bench) -> MemoryWorkLetters:
        return MemoryWorkLetters(bench.store)


class TestMemoryWorkPublisher(WorkPublisherContract):
    @pytest.fixture
    def bench(self) -> PublisherBench:
        return _PublisherBench()
