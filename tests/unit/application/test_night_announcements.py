"""Visits that are announced twice, late or badly, and those that are changed or cancelled."""

import asyncio

import pytest

from domain.times import TaiSeconds
from domain.visit import Cancellation, Identity
from domain.work.outcomes import (
    Cancelled,
    Completed,
    Expired,
    Poisoned,
)
from ports.announcements import NotForUs, Unreadable
from ports.metrics import Counter
from tests.unit.application.night import GROUP, INSTRUMENT, MemoryNight, announced, outcome_of

pytestmark = pytest.mark.looptime


async def test_a_visit_cancelled_before_its_images_is_not_worked_on() -> None:
    night = MemoryNight(detectors=frozenset({4}))
    async with night.running():
        await announced(night)
        await asyncio.sleep(10)
        await night.announcements.announce(Cancellation(sal_index=1, script_sal_index=200, group=GROUP))
        outcome = await outcome_of(night, 4, wait=30)
    assert outcome == Cancelled()


async def test_a_cancellation_after_the_first_snap_changes_nothing() -> None:
    night = MemoryNight(detectors=frozenset({4}))
    async with night.running():
        visit = night.visit(GROUP, nimages=2)
        await night.announcements.announce(visit)
        await asyncio.sleep(20)
        night.expose(visit, 4, snap=0)
        await asyncio.sleep(5)
        await night.announcements.announce(Cancellation(sal_index=1, script_sal_index=200, group=GROUP))
        await asyncio.sleep(10)
        night.expose(visit, 4, snap=1)
        outcome = await outcome_of(night, 4)
    assert isinstance(outcome, Completed)
    assert len(outcome.snaps) == 2


async def test_a_changed_visit_takes_the_place_of_the_one_before() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}))
    async with night.running():
        first = night.visit(GROUP)
        await night.announcements.announce(first)
        await asyncio.sleep(10)
        second = night.visit(GROUP, camera_angle=200.0)
        await night.announcements.announce(second)
        await asyncio.sleep(10)
        night.expose(second, 4)
        outcome = await outcome_of(night, 4)
    assert isinstance(outcome, Completed)
    history = await night.ledger.history(Identity(INSTRUMENT, GROUP, 4))
    assert [record.outcome for record in history] == [Cancelled(superseded=True), outcome]


async def test_of_a_visit_that_changed_before_it_was_leased_only_the_last_is_prepared() -> None:
    night = MemoryNight(workers=0, detectors=frozenset({4}))
    async with night.running():
        for angle in (12.0, 200.0):
            visit = night.visit(GROUP, camera_angle=angle)
            await night.announcements.announce(visit)
            await asyncio.sleep(1)
        night.expose(visit, 4)
        running = asyncio.create_task(night.worker("late").run(asyncio.Event()))
        outcome = await outcome_of(night, 4)
        running.cancel()
    first, last = await night.ledger.history(Identity(INSTRUMENT, GROUP, 4))
    assert first.outcome == Cancelled(superseded=True)
    assert "prepare" not in first.seconds
    assert "prepare" in last.seconds
    assert isinstance(outcome, Completed)


async def test_what_is_announced_twice_is_done_once() -> None:
    night = MemoryNight(detectors=frozenset({4}))
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        await outcome_of(night, 4)
        await asyncio.sleep(60)
    assert night.metrics.total(Counter.OUTCOMES) == 1
    assert night.metrics.total(Counter.VISITS_FANNED_OUT, novelty="repeated") == 1


async def test_an_old_announcement_is_recorded_as_expired_for_each_detector() -> None:
    night = MemoryNight()
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(night.visit(GROUP, sent=TaiSeconds(visit.sent - 4000)))
        outcomes = [await outcome_of(night, detector) for detector in (0, 1)]
    assert all(isinstance(outcome, Expired) for outcome in outcomes)
    assert night.metrics.total(Counter.VISIT_DETECTORS, instrument=INSTRUMENT, promptness="failed") == 2


async def test_bad_announcements_are_counted_and_the_night_goes_on() -> None:
    night = MemoryNight(detectors=frozenset({4}))
    async with night.running():
        await night.announcements.announce(Unreadable("no schema"))
        await night.announcements.announce(NotForUs("its instrument is blank"))
        await night.announcements.announce(night.visit("other", instrument="OtherCam"))
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        assert isinstance(await outcome_of(night, 4), Completed)
    assert night.announcements.unsettled == 0
    for reason in ("unreadable", "not an observation", "unsupported instrument"):
        assert night.metrics.total(Counter.ANNOUNCEMENTS_DROPPED, reason=reason) == 1


async def test_deliveries_that_nobody_can_work_on_are_set_aside() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({77}))
    async with night.running():
        entry = night.queue.add(None, fault="groupId is missing")
        await announced(night)
        await asyncio.sleep(5)
    assert [letter.reason for letter in night.queue.dead] == [
        "groupId is missing",
        f"{INSTRUMENT} has no detector number 77",
    ]
    assert isinstance((await night.ledger.unreadable("memory"))[entry], Poisoned)
