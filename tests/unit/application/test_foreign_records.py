"""Records in the ledger that no release can read, or only a newer one."""

import asyncio
import logging

import pytest

from adapters.memory.queue.work_queue import MemoryQueueUpkeep
from adapters.memory.workspace import MemoryPipelines
from application.night_status import InstrumentStatus, night_status
from domain.visit import Identity
from domain.work.outcomes import Completed, Poisoned
from ports.metrics import Counter
from ports.work_queue import QueueDepth
from tests.unit.application.night import INSTRUMENT, MemoryNight
from tests.unit.application.test_reconcile import NIGHT

pytestmark = pytest.mark.looptime

GROUP = "2026-03-14T02:15:07.310"
OURS, THEIRS = (Identity(INSTRUMENT, GROUP, detector) for detector in (3, 4))
NEWER = '{"v":2,"tries":[{"n":1}]}'


async def _played(night: MemoryNight, text: str) -> None:
    """Play a visit whose second detector has a record that is not ours."""
    night.histories.texts[THEIRS] = text
    visit = night.visit(GROUP)
    await night.announcements.announce(visit)
    for detector in (3, 4):
        night.expose(visit, detector)
    await asyncio.sleep(120)


async def _status(night: MemoryNight) -> InstrumentStatus:
    queue = MemoryQueueUpkeep(night.queue)
    return await night_status(INSTRUMENT, "memory", ledger=night.ledger, queue=queue, clock=night.clock)


async def test_work_whose_record_cannot_be_read_is_set_aside_and_never_done() -> None:
    changing = MemoryPipelines(changing=frozenset({"SingleFrame"}))
    night = MemoryNight(workers=1, detectors=frozenset({3, 4}), behaviour=changing)
    async with night.running():
        await _played(night, "[]")
        status = await _status(night)
        [finding] = (await night.reconciler().compare(NIGHT)).findings
        assert "unreadable" in await night.reconciler().requeue(finding)
    assert status.depth == QueueDepth(waiting=0, leased=0, dead=1)
    assert status.outcomes == {"completed": 1}
    [poisoned] = status.unreadable.values()
    assert isinstance(poisoned, Poisoned)
    assert "detector 4" in poisoned.reason
    assert finding.identity == THEIRS
    assert [attempt.identity for _, attempt in night.repository.changes] == [OURS]
    assert night.histories.texts[THEIRS] == "[]"
    assert night.metrics.total(Counter.LEDGER_RECORDS_NOT_READ, kind="unreadable") == 1
    assert night.metrics.total(Counter.OUTCOMES, outcome="poisoned") == 1


async def test_a_record_that_is_damaged_during_the_attempt_costs_no_worker() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({3, 4}))
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        await asyncio.sleep(20)
        leased = THEIRS if THEIRS in night.histories.texts else OURS
        night.histories.texts[leased] = "{"
        for detector in (3, 4):
            night.expose(visit, detector)
        await asyncio.sleep(120)
        status = await _status(night)
    assert status.depth == QueueDepth(waiting=0, leased=0, dead=1)
    assert status.outcomes == {"completed": 1}


async def test_work_of_a_newer_release_waits_for_its_workers(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    night = MemoryNight(workers=1, detectors=frozenset({3, 4}))
    async with night.running():
        await _played(night, NEWER)
        for _ in range(2):
            status = await _status(night)
            assert (await night.reconciler().compare(NIGHT)).findings == ()
        assert status.depth is not None
        assert status.depth.unfinished == 1
        assert status.depth.dead == 0
        assert status.outcomes == {"completed": 1}
        assert night.histories.texts[THEIRS] == NEWER
        lines = [record for record in caplog.records if "newer release" in record.getMessage()]
        assert len(lines) <= 1
        # The newer worker's turn.
        del night.histories.texts[THEIRS]
        await asyncio.sleep(60)
        [record] = await night.ledger.history(THEIRS)
    assert isinstance(record.outcome, Completed)
    assert night.metrics.total(Counter.LEDGER_RECORDS_NOT_READ, kind="newer release") == 1


async def test_images_of_work_that_a_newer_release_knows_are_not_its_to_find() -> None:
    night = MemoryNight(workers=0, detectors=frozenset({4}))
    night.histories.texts[THEIRS] = NEWER
    night.expose(night.visit(GROUP), 4)
    await asyncio.sleep(100)
    assert (await night.reconciler().compare(NIGHT)).findings == ()
