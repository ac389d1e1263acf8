"""Images that come late, wrong, unannounced or not at all."""

import asyncio

import pytest

from domain.visit import Identity
from domain.work.outcomes import (
    Completed,
    ImagesRejected,
    NoImages,
)
from ports.workspace import RawUnreadableError
from tests.unit.application.night import GROUP, INSTRUMENT, MemoryNight, announced, outcome_of

pytestmark = pytest.mark.looptime


async def test_without_images_the_wait_ends_at_the_deadline() -> None:
    night = MemoryNight(detectors=frozenset({4}))
    async with night.running():
        await announced(night)
        outcome = await outcome_of(night, 4)
    assert isinstance(outcome, NoImages)
    # Start in 20 s, duration 20 s, and 60 s of patience, less what preloading took.
    assert 95 < outcome.waited < 105


async def test_images_whose_notifications_are_lost_are_found_by_looking() -> None:
    night = MemoryNight(detectors=frozenset({4}))
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        await asyncio.sleep(40)
        night.expose(visit, 4, notify=False)
        outcome = await outcome_of(night, 4, wait=30)
    assert isinstance(outcome, Completed)


async def test_an_image_that_was_there_in_time_is_found_though_the_store_was_away_at_the_deadline() -> None:
    night = MemoryNight(detectors=frozenset({4}))
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        night.images.outage = "503"
        night.expose(visit, 4, notify=False)
        await asyncio.sleep(102)
        # The wait ended at 100 s, see above.
        assert (await night.ledger.history(Identity(INSTRUMENT, GROUP, 4)))[-1].outcome is None
        night.images.outage = ""
        outcome = await outcome_of(night, 4, wait=30)
    assert isinstance(outcome, Completed)


async def test_an_image_with_the_wrong_angle_is_rejected() -> None:
    night = MemoryNight(detectors=frozenset({4}))
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        night.expose(visit, 4, ROTPA=visit.camera_angle + 3)
        outcome = await outcome_of(night, 4)
    assert isinstance(outcome, ImagesRejected)
    assert "3.000 deg off" in outcome.snaps[0].reason


async def test_a_truncated_image_that_is_rewritten_in_time_is_processed() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}))
    async with night.running():
        visit = night.visit(GROUP)
        night.workspaces[0].fail_next("ingest", RawUnreadableError("it is truncated"))
        await night.announcements.announce(visit)
        key = night.expose(visit, 4)
        await asyncio.sleep(30)
        night.notifications[0].notify(night.images.put(key, "rewritten"))
        outcome = await outcome_of(night, 4)
    assert isinstance(outcome, Completed)
