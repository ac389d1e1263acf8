"""The day of processing is that of the attempt's beginning, whenever it ends (semantics 9)."""

import asyncio
import datetime

import pytest

from domain.times import begin_of_day_obs
from domain.visit import Identity
from domain.work.outcomes import Completed
from ports.workspace import WorkspaceError
from tests.unit.application.night import BEGIN, INSTRUMENT, MemoryNight

pytestmark = pytest.mark.looptime

NOON = begin_of_day_obs(datetime.date(2026, 3, 14)) - BEGIN
"""Seconds from the beginning of the night to the next day of processing."""


@pytest.mark.parametrize(("fails", "day"), [(False, "2026-03-13"), (True, "2026-03-14")])
async def test_an_attempt_keeps_its_day_and_a_retry_takes_the_new_one(*, fails: bool, day: str) -> None:
    durations = {"prepare": 1.0, "ingest": 0.1, "process": 60.0, "export": 1.0}
    # Nobody is told of images: they are looked for, after noon among those of the day of the visit too.
    night = MemoryNight(workers=1, detectors=frozenset({4}), durations=durations, silent=True)
    async with night.running():
        await asyncio.sleep(NOON - 30)
        if fails:
            night.workspaces[0].fail_next("process", WorkspaceError("out of memory"))
        visit = night.visit("g")
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        await asyncio.sleep(200)
        records = await night.ledger.history(Identity(INSTRUMENT, "g", 4))
    assert len(records) == 1 + fails
    assert isinstance(records[-1].outcome, Completed)
    # The initializer ran once, the day before.
    assert {name.split("/")[2] for name in night.repository.datasets.values()} == {f"output-{day}"}
