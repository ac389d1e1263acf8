"""What every `ports.measurements.Measurements` keeps to."""

import abc

import pytest

from domain.visit import Identity
from ports.measurements import Measurement, Measurements

__all__ = ["STAGES", "MeasurementsBench", "MeasurementsContract", "a_measurement"]

STAGES = ("prepare", "process.task isr", "export")


def a_measurement(
    number: int = 1, *, group: str = "2026-03-14T02:15:07.310#2", stages: int = 3
) -> Measurement:
    """Measure an attempt of which no other has the number."""
    return Measurement(
        identity=Identity("SimCam", group, 4),
        attempt=number,
        outcome="completed",
        seconds={stage: number + index / 4 for index, stage in enumerate(STAGES[:stages])},
    )


class MeasurementsBench(abc.ABC):
    """The way to another system, and what has come there."""

    measurements: Measurements

    @abc.abstractmethod
    async def delivered(self, number: int) -> list[Measurement]:
        """Wait until so many have come, and list all."""


class MeasurementsContract:
    """Tests of `ports.measurements.Measurements`."""

    @pytest.fixture
    def bench(self) -> MeasurementsBench:
        raise NotImplementedError

    async def test_what_is_added_comes_whole_and_in_order(self, bench: MeasurementsBench) -> None:
        added = [a_measurement(number) for number in range(1, 6)]
        for each in added:
            bench.measurements.add(each)
        assert await bench.delivered(5) == added

    async def test_the_same_again_is_another(self, bench: MeasurementsBench) -> None:
        for _ in range(2):
            bench.measurements.add(a_measurement())
        assert await bench.delivered(2) == [a_measurement(), a_measurement()]

    @pytest.mark.parametrize("group", ["a group", "gr\u00fcn", "\u2605 / # ?", "\"'\\\n"])
    async def test_groups_may_be_any_text(self, bench: MeasurementsBench, group: str) -> None:
        bench.measurements.add(a_measurement(group=group))
        assert await bench.delivered(1) == [a_measurement(group=group)]

    async def test_attempts_with_different_stages_may_follow_each_other(
        self, bench: MeasurementsBench
    ) -> None:
        added = [a_measurement(stages=stages) for stages in (3, 0, 1, 2)]
        for each in added:
            bench.measurements.add(each)
        assert await bench.delivered(4) == added
