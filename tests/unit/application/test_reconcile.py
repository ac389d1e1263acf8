"""What nobody processed is found, and put back where that is allowed, on the memory night."""

import asyncio
import datetime
from collections.abc import Sequence
from typing import override

import pytest

from adapters.files.cameras import load_camera
from adapters.memory.history_store import MemoryClaimStore, MemoryHistoryStore
from adapters.memory.queue.control import MemoryControl
from adapters.memory.queue.queue_store import MemoryQueueStore
from adapters.memory.queue.work_publisher import MemoryWorkPublisher
from adapters.memory.queue.work_queue import MemoryQueueUpkeep, MemoryWorkQueue
from adapters.memory.raws.image_store import MemoryImageStore
from adapters.memory.workspace import MemoryPipelines
from application.ledger import StoredClaims, StoredLedger
from application.night_images import LandedImages
from application.reconcile import Finding, Reconciler, Reconciliation
from application.sidecars import Sidecars
from domain.fan_out import FanOutConfig
from domain.times import TaiSeconds, UtcSeconds
from domain.visit import Cancellation, Identity, VisitDetector
from domain.work.attempts import Attempt
from domain.work.outcomes import Cancelled, Completed, Expired, FailedAfterChange, NoImages
from domain.work.reconciliation import Why
from ports.ledger import AttemptRecord
from ports.work_queue import Lease
from ports.workspace import WorkspaceError
from tests.contract_suites.samples import a_visit
from tests.unit.application.night import INSTRUMENT, LoopClock, MemoryNight, outcome_of

pytestmark = pytest.mark.looptime

GROUP = "2026-03-14T02:15:07.310#2"
NIGHT = datetime.date(2026, 3, 13)
HOUR = 3600.0


def whys(reconciliation: Reconciliation) -> list[tuple[int, Why]]:
    """List detector and reason of each image that was found."""
    return [
        (finding.identity.detector, image.why)
        for finding in reconciliation.findings
        for image in finding.images
    ]


async def put_back(night: MemoryNight) -> list[Finding]:
    """Compare, put back what may be, and list it."""
    reconciler = night.reconciler()
    found = (await reconciler.compare(NIGHT)).findings
    allowed = [finding for finding in found if not finding.why_not_requeued]
    for finding in allowed:
        assert await reconciler.requeue(finding) == ""
    return allowed


async def ended(night: MemoryNight, detector: int) -> object:
    """Wait for an outcome, whatever it is."""
    outcome = await outcome_of(night, detector, wait=2 * HOUR)
    await asyncio.sleep(5.0)
    return outcome


async def test_an_outage_of_notifications_costs_minutes_and_no_image() -> None:
    detectors = frozenset(range(4))
    night = MemoryNight(workers=4, detectors=detectors, silent=True)
    async with night.running():
        for number in range(5):
            visit = night.visit(f"group {number}", nimages=2)
            await night.announcements.announce(visit)
            await asyncio.sleep(25)
            for snap in range(2):
                await asyncio.sleep(15)
                for detector in detectors:
                    night.expose(visit, detector, snap=snap)
            begun = asyncio.get_running_loop().time()
            for detector in detectors:
                outcome = await outcome_of(night, detector, visit.group)
                assert isinstance(outcome, Completed)
                assert [snap.result for snap in outcome.snaps] == ["completed", "completed"]
            assert asyncio.get_running_loop().time() - begun < 60
        found = await night.reconciler().compare(NIGHT)
    assert (found.images, found.findings, found.nameless) == (40, (), ())


async def test_images_of_an_expired_announcement_are_processed_once_put_back() -> None:
    night = MemoryNight(detectors=frozenset({3, 4}))
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(night.visit(GROUP, sent=TaiSeconds(visit.sent - 4000)))
        assert isinstance(await ended(night, 4), Expired)
        night.expose(visit, 4)
        assert whys(await night.reconciler().compare(NIGHT)) == [(4, Why.EXPIRED)]
        assert [finding.identity.detector for finding in await put_back(night)] == [4]
        await asyncio.sleep(60)
        assert isinstance(await ended(night, 4), Completed)
        # The other detector has no image, so there was nothing to put back.
        assert isinstance(await ended(night, 3), Expired)
        assert whys(await night.reconciler().compare(NIGHT)) == []


@pytest.mark.parametrize("hours", [1.0, 12.0])
async def test_images_that_nobody_noticed_are_processed_once_put_back(hours: float) -> None:
    # Twelve hours later it is the next day_obs, and the images are in the folder of the one before.
    night = MemoryNight(detectors=frozenset({4}), silent=True)
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        assert isinstance(await ended(night, 4), NoImages)
        for number in range(20):
            night.expose(night.visit(f"other {number}"), 4)
        night.expose(visit, 4)
        for number in range(20, 500):
            night.expose(night.visit(f"other {number}"), 4)
        await asyncio.sleep(hours * HOUR)
        assert [finding.identity.group for finding in await put_back(night)] == [GROUP]
        await asyncio.sleep(180)
        assert isinstance(await ended(night, 4), Completed)
    history = await night.ledger.history(Identity(INSTRUMENT, GROUP, 4))
    assert [type(record.outcome) for record in history] == [NoImages, Completed]
    assert night.repository.datasets == night.repository.files


async def test_images_that_came_too_late_are_told_from_those_nobody_noticed() -> None:
    night = MemoryNight(detectors=frozenset({3, 4}), silent=True)
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        await asyncio.sleep(50)
        in_time = night.clock.utc()
        await ended(night, 3)
        await ended(night, 4)
        # As if it had been there, and every look had missed it.
        night.images.put(night.expose(visit, 3), modified=in_time)
        night.expose(visit, 4)
        assert whys(await night.reconciler().compare(NIGHT)) == [(3, Why.NO_IMAGES), (4, Why.LATE)]


async def test_a_late_snap_of_a_completed_visit_is_noted_and_not_put_back() -> None:
    night = MemoryNight(detectors=frozenset({4}))
    async with night.running():
        visit = night.visit(GROUP, nimages=2)
        await night.announcements.announce(visit)
        night.expose(visit, 4, snap=0)
        assert isinstance(await ended(night, 4), Completed)
        night.expose(visit, 4, snap=1)
        (finding,) = (await night.reconciler().compare(NIGHT)).findings
        assert [image.why for image in finding.images] == [Why.LATE]
        assert [image.image.raw.snap for image in finding.images] == [1]
        assert "permanent changes" in finding.why_not_requeued
        assert await night.reconciler().requeue(finding) == finding.why_not_requeued
    assert night.queue.depth().waiting == 0


async def test_what_failed_after_its_claim_is_named_and_never_put_back() -> None:
    behaviour = MemoryPipelines(failing={"ApPipe": "APDB gone"}, changing=frozenset({"ApPipe"}))
    night = MemoryNight(detectors=frozenset({4}), pipelines=("ApPipe.yaml",), behaviour=behaviour)
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        assert isinstance(await ended(night, 4), FailedAfterChange)
        assert await put_back(night) == []
        assert whys(await night.reconciler().compare(NIGHT)) == [(4, Why.FAILED)]


async def test_images_of_a_cancelled_visit_are_noted() -> None:
    night = MemoryNight(detectors=frozenset({4}))
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        await asyncio.sleep(10)
        await night.announcements.announce(Cancellation(sal_index=1, script_sal_index=200, group=GROUP))
        assert await ended(night, 4) == Cancelled()
        night.expose(visit, 4)
        (finding,) = (await night.reconciler().compare(NIGHT)).findings
        assert [image.why for image in finding.images] == [Why.CANCELLED]
        assert finding.why_not_requeued == "the observatory took the visit back"


async def test_images_that_nobody_announced_are_named() -> None:
    night = MemoryNight(detectors=frozenset({4}))
    async with night.running():
        night.expose(night.visit("unheard of"), 4)
        night.expose(night.visit("unheard of"), 5)  # No detector of this deployment.
        (finding,) = (await night.reconciler().compare(NIGHT)).findings
    assert [image.why for image in finding.images] == [Why.NEVER_ANNOUNCED]
    assert finding.why_not_requeued == "the announcement is not known"


async def test_what_goes_on_is_no_finding() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({3, 4}))
    async with night.running():
        visit = night.visit(GROUP, nimages=2)
        await night.announcements.announce(visit)
        await asyncio.sleep(10)
        for detector in (3, 4):
            night.expose(visit, detector)
        # One is leased, the other waits.
        assert night.queue.depth().waiting == 1
        found = await night.reconciler().compare(NIGHT)
    assert (found.images, found.findings) == (2, ())


async def test_a_queue_that_was_lost_is_made_good() -> None:
    night = MemoryNight(workers=0, detectors=frozenset({4}))
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        await asyncio.sleep(100)
        thief = MemoryWorkQueue(night.queue, "thief")
        lease = await thief.lease(0.0)
        assert lease is not None
        await thief.acknowledge(lease)
        night.expose(visit, 4)
        worker = asyncio.create_task(night.worker("honest").run(asyncio.Event()))
        assert whys(await night.reconciler().compare(NIGHT)) == [(4, Why.LOST)]
        await put_back(night)
        assert isinstance(await ended(night, 4), Completed)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


async def test_failures_that_exported_nothing_may_be_put_back() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}))
    async with night.running():
        for _ in range(3 * 4):
            night.workspaces[0].fail_next("prepare", WorkspaceError("the disk is full"))
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        await ended(night, 4)
        assert whys(await night.reconciler().compare(NIGHT)) == [(4, Why.FAILED)]
        await put_back(night)
        await asyncio.sleep(60)
        assert isinstance(await ended(night, 4), Completed)


async def test_what_is_put_back_twice_is_processed_once() -> None:
    night = MemoryNight(detectors=frozenset({4}))
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(night.visit(GROUP, sent=TaiSeconds(visit.sent - 4000)))
        await ended(night, 4)
        night.expose(visit, 4)
        reconcilers = [night.reconciler(), night.reconciler()]
        findings = [(await each.compare(NIGHT)).findings[0] for each in reconcilers]
        for reconciler, finding in zip(reconcilers, findings, strict=True):
            await reconciler.requeue(finding)
        await asyncio.sleep(120)
        assert isinstance(await ended(night, 4), Completed)
        # A comparison made before changes nothing any more.
        assert await night.reconciler().requeue(findings[0]) == "it is being worked on by now"
    history = await night.ledger.history(Identity(INSTRUMENT, GROUP, 4))
    assert [type(record.outcome) for record in history] == [Expired, Completed]


async def test_images_whose_sidecars_are_missing_are_named() -> None:
    night = MemoryNight(detectors=frozenset({3, 4}))
    async with night.running():
        visit = night.visit(GROUP)
        key = night.expose(visit, 4)
        for name in [stored.key for stored in await night.images.objects("") if stored.key.endswith(".json")]:
            night.images.remove(name)
        found = await night.reconciler().compare(NIGHT)
    assert found.nameless == (night.images.uri(key),)
    assert found.findings == ()


async def test_an_image_without_a_sidecar_is_named_by_its_own_header() -> None:
    night = MemoryNight(detectors=frozenset({3, 4}))
    async with night.running():
        visit = night.visit(GROUP)
        key = night.expose(visit, 4)
        for name in [stored.key for stored in await night.images.objects("") if stored.key.endswith(".json")]:
            night.images.remove(name)
        night.images.put(key, cards=night.headers[key, 4])
        found = await night.reconciler().compare(NIGHT)
    assert found.nameless == ()
    assert [finding.identity for finding in found.findings] == [Identity(INSTRUMENT, GROUP, 4)]


class _Ledger(StoredLedger):
    """Lets an attempt begin after all records were read, and before one is looked at again."""

    beginning: Lease | None = None

    @override
    async def history(self, identity: Identity) -> Sequence[AttemptRecord]:
        lease, self.beginning = self.beginning, None
        if lease is not None:
            await self.begin(identity, "another", lease)
        return await super().history(identity)


class _Grouped:
    """A camera without sidecars, whose keys do not tell the night."""

    def __init__(self) -> None:
        self.camera = load_camera("hsc")
        self.clock = LoopClock()
        self.store = MemoryImageStore()
        self.histories = MemoryHistoryStore(self.clock)
        self.ledger = _Ledger(self.histories)
        self.queue = MemoryQueueStore(self.clock)
        self.publisher = MemoryWorkPublisher({"HSC": self.queue}, MemoryControl(self.clock))
        self.reconciler = Reconciler(
            camera=self.camera,
            config=FanOutConfig(streams={"HSC": "memory"}, detectors={"HSC": frozenset({50, 58})}),
            images=LandedImages(self.camera, self.store, Sidecars(self.camera, self.store, patience=0.0)),
            ledger=self.ledger,
            queue=MemoryQueueUpkeep(self.queue),
            publisher=self.publisher,
            clock=self.clock,
        )

    def expose(self, group: str, detector: int, exposure: int, *, ago: float = 0.0) -> None:
        key = f"HSC/{detector}/{group}/0/{exposure}/HSC-R/raw.fits"
        self.store.put(key, modified=UtcSeconds(self.clock.utc() - ago))


async def test_keys_that_hold_the_group_are_reconciled_by_when_they_were_written() -> None:
    box = _Grouped()
    group = "2026-03-14T02:15:07.310#2/a"
    await box.publisher.publish(a_visit(group, instrument="HSC"), [50, 58])
    box.expose(group, 50, 59134)
    box.expose(group, 58, 59134)
    box.expose(group, 58, 59000, ago=24 * HOUR)
    box.expose(group, 94, 59134)  # Not active.
    await asyncio.sleep(100.0)
    found = await box.reconciler.compare(NIGHT)
    assert (found.images, found.findings) == (2, ())
    # The queue is emptied by a worker that dies without a word.
    thief = MemoryWorkQueue(box.queue, "thief")
    leases: list[Lease] = []
    while (lease := await thief.lease(0.0)) is not None:
        leases.append(lease)
        await thief.acknowledge(lease)
    assert len(leases) == 2
    StoredClaims(MemoryClaimStore(box.histories)).claim(Attempt(Identity("HSC", group, 58), 1), [59134])
    first, second = (await box.reconciler.compare(NIGHT)).findings
    assert (first.identity.detector, first.why_not_requeued) == (50, "")
    assert "permanent changes" in second.why_not_requeued
    assert await box.reconciler.requeue(first) == ""
    again = await thief.lease(0.0)
    assert again is not None
    assert again.work == VisitDetector(a_visit(group, instrument="HSC"), 50)


async def test_what_is_begun_while_all_is_compared_is_no_finding() -> None:
    box = _Grouped()
    await box.publisher.publish(a_visit(GROUP, instrument="HSC"), [50])
    box.expose(GROUP, 50, 59134)
    await asyncio.sleep(100.0)
    thief = MemoryWorkQueue(box.queue, "thief")
    lease = await thief.lease(0.0)
    assert lease is not None
    await thief.acknowledge(lease)
    assert whys(await box.reconciler.compare(NIGHT)) == [(50, Why.LOST)]
    box.ledger.beginning = lease
    assert whys(await box.reconciler.compare(NIGHT)) == []


async def test_of_an_image_that_is_stored_twice_the_newest_counts() -> None:
    box = _Grouped()
    box.expose("a", 50, 59134, ago=10.0)
    box.expose("b", 50, 59134)
    box.expose("a", 58, 59134)
    box.expose("b", 58, 59134, ago=10.0)
    images = LandedImages(box.camera, box.store, Sidecars(box.camera, box.store, patience=0.0))
    found = await images.find(NIGHT, [50, 58])
    assert {(one.raw.key.detector, one.raw.group) for one in found.named} == {(50, "b"), (58, "a")}
