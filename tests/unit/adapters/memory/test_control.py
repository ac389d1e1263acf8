"""The control notes in memory hold the contract."""

import pytest

from adapters.memory.queue.control import MemoryControl
from tests.contract_suites.control import ControlBench, ControlContract
from tests.contract_suites.samples import LoopClock

pytestmark = pytest.mark.looptime


class _Bench(ControlBench):
    keep_seconds = 3600.0

    def __init__(self) -> None:
        self.writer = self.notes = MemoryControl(LoopClock(), keep_seconds=self.keep_seconds)


class TestMemoryControl(ControlContract):
    @pytest.fixture
    def bench(self) -> ControlBench:
        return _Bench()
