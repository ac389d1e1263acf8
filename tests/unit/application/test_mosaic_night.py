"""Nights of a camera whose files hold all its detectors, in memory."""

import asyncio
import datetime
from collections import Counter as Tally

import pytest

from adapters.files.cameras import load_camera
from adapters.memory.raws.raw_lookup import MemoryRawLookup
from domain.visit import Identity
from domain.work.outcomes import Completed, NoImages, Outcome
from tests.ledger_records import final_records
from tests.unit.application.night import MemoryNight

pytestmark = pytest.mark.looptime

CAMERA = load_camera("simulated-mosaic")
DETECTORS = frozenset(detector.number for detector in CAMERA.detectors)


def mosaic_night(**options: object) -> MemoryNight:
    return MemoryNight(workers=3, detectors=DETECTORS, camera=CAMERA, **options)  # type: ignore[arg-type]


async def outcomes_of(night: MemoryNight, *groups: str) -> list[Outcome | None]:
    wanted = {Identity(CAMERA.instrument, group, detector) for group in groups for detector in DETECTORS}
    async with asyncio.timeout(900):
        while True:
            finals = {
                one.attempt.identity: one for one in await final_records(night.ledger, CAMERA.instrument)
            }
            if wanted <= finals.keys():
                return [finals[identity].outcome for identity in sorted(wanted)]
            await asyncio.sleep(1.0)


async def test_one_object_serves_all_detectors_of_its_visit() -> None:
    night = mosaic_night()
    async with night.running():
        visits = [night.visit(f"a group/{number}#2", nimages=1 + number) for number in range(2)]
        for visit in visits:
            await night.announcements.announce(visit)
        await asyncio.sleep(25)
        keys = [night.expose_mosaic(visit, snap=snap) for visit in visits for snap in range(visit.nimages)]
        outcomes = await outcomes_of(night, *(visit.group for visit in visits))
        await asyncio.sleep(1)
        asked = MemoryRawLookup(night.index)
        answers = {
            await asked.find(CAMERA.instrument, visits[1].group, 1, detector.name)
            for detector in CAMERA.detectors
        }
    assert len(set(keys)) == 3
    assert Tally(type(outcome) for outcome in outcomes) == {Completed: 2 * len(DETECTORS)}
    snaps = Tally(len(outcome.snaps) for outcome in outcomes if isinstance(outcome, Completed))
    assert snaps == {1: len(DETECTORS), 2: len(DETECTORS)}
    assert answers == {night.images.uri(keys[2])}


async def test_a_mosaic_that_no_notification_tells_of_is_found_in_the_bucket() -> None:
    night = mosaic_night(silent=True)
    async with night.running():
        visit = night.visit("g")
        await night.announcements.announce(visit)
        await asyncio.sleep(25)
        night.expose_mosaic(night.visit("another"))
        night.expose_mosaic(visit)
        outcomes = await outcomes_of(night, "g")
    assert Tally(type(outcome) for outcome in outcomes) == {Completed: len(DETECTORS)}


async def test_detectors_of_a_mosaic_that_nobody_processed_are_found_after_the_night() -> None:
    night = mosaic_night()
    async with night.running():
        visit = night.visit("g")
        await night.announcements.announce(visit)
        outcomes = await outcomes_of(night, "g")
        assert Tally(type(outcome) for outcome in outcomes) == {NoImages: len(DETECTORS)}
        night.expose_mosaic(visit)
        await asyncio.sleep(1)
        found = await night.reconciler().compare(datetime.date(2026, 3, 13))
    assert {finding.identity.detector for finding in found.findings} == DETECTORS
