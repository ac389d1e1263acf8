"""The control notes in memory hold the contract."""

import pytest

from adapters.memory.control import MemoryControl
from adapters.system.clock import SystemClock
from tests.contract_suites.control import ControlBench, ControlContract


class _Bench(ControlBench):
    keep_seconds = 0.5

    def __init__(self) -> None:
        self.writer = self.notes = MemoryControl(SystemClock(), keep_seconds=self.keep_seconds)


class TestMemoryControl(ControlContract):
    @pytest.fixture
    def bench(self) -> ControlBench:
        return _Bench()
