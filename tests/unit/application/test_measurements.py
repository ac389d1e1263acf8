"""What each attempt took is handed on, however it ended."""

import asyncio

import pytest

from adapters.memory.workspace import MemoryPipelines
from tests.unit.application.night import GROUP, MemoryNight, announced, outcome_of

pytestmark = pytest.mark.looptime


async def test_each_attempt_is_measured() -> None:
    night = MemoryNight(
        detectors=frozenset({4}), behaviour=MemoryPipelines(failing={"SingleFrame": "no stars"})
    )
    async with night.running():
        await announced(night)
        await asyncio.sleep(30)
        night.expose(night.visit(GROUP), 4)
        outcome = await outcome_of(night, 4)
        await asyncio.sleep(1)
    mine = [one for one in night.measurements.kept if one.identity.detector == 4]
    assert [(one.attempt, one.outcome) for one in mine] == [
        (number, "failed before change") for number in (1, 2, 3)
    ]
    assert outcome is not None
    assert all({"prepare", "clean"} <= one.seconds.keys() for one in mine)
    assert "export" in mine[-1].seconds
