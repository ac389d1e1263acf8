from typing import override

import pytest

from adapters.memory.measurements import MemoryMeasurements
from ports.measurements import Measurement
from tests.contract_suites.measurements import MeasurementsBench, MeasurementsContract


class _Bench(MeasurementsBench):
    def __init__(self) -> None:
        self.measurements: MemoryMeasurements = MemoryMeasurements()

    @override
    async def delivered(self, number: int) -> list[Measurement]:
        return self.measurements.kept


class TestMemoryMeasurements(MeasurementsContract):
    @pytest.fixture
    def bench(self) -> MeasurementsBench:
        return _Bench()
