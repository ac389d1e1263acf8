"""What passes by itself costs time and no attempt; what does not costs no more than its attempt."""

import asyncio

import pytest

from adapters.memory.workspace import MemoryPipelines
from domain.errors import PromptProcessingError
from domain.times import TaiSeconds
from domain.visit import Identity
from domain.work.outcomes import (
    Completed,
    FailedBeforeChange,
    NoImages,
    PermanentFailure,
)
from ports.ledger import AttemptRecord
from ports.metrics import Counter
from ports.neighbours import Neighbour
from ports.work_queue import QueueDepth
from ports.workspace import (
    DiskFullError,
    NeighbourAwayError,
    RawUnavailableError,
    WorkspaceError,
    WorkspaceLostError,
)
from tests.ledger_records import final_records
from tests.unit.application.night import INSTRUMENT, MemoryNight

pytestmark = pytest.mark.looptime

GROUP = "2026-03-14T02:15:07.310"
CHANGING = MemoryPipelines(changing=frozenset({"SingleFrame"}))


async def history(night: MemoryNight, group: str = GROUP) -> list[AttemptRecord]:
    return list(await night.ledger.history(Identity(INSTRUMENT, group, 4)))


async def one_visit(night: MemoryNight, wait: float) -> list[AttemptRecord]:
    visit = night.visit(GROUP)
    await night.announcements.announce(visit)
    night.expose(visit, 4)
    await asyncio.sleep(wait)
    return await history(night)


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ("prepare", WorkspaceError("the central repository is away")),
        ("prepare", WorkspaceLostError("killed")),
        ("ingest", RawUnavailableError("503 Slow Down")),
        ("export", WorkspaceError("the datastore is away")),
        ("export", WorkspaceLostError("killed")),
    ],
)
async def test_three_failures_are_outlasted_within_an_attempt(
    step: str, error: PromptProcessingError
) -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}), behaviour=CHANGING)
    async with night.running():
        for _ in range(3):
            night.workspaces[0].fail_next(step, error)
        [record] = await one_visit(night, 200.0)
    assert isinstance(record.outcome, Completed)
    assert night.repository.datasets == night.repository.files != {}
    assert len(night.repository.changes) == 1


async def test_an_image_that_cannot_be_fetched_is_waited_for_and_costs_no_attempt() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}))
    async with night.running():
        for _ in range(1000):
            night.workspaces[0].fail_next("ingest", RawUnavailableError("503"))
        await one_visit(night, 400.0)
        night.workspaces[0].mend("ingest")
        await asyncio.sleep(200.0)
        postponed, done = await history(night)
    assert isinstance(postponed.outcome, FailedBeforeChange)
    assert postponed.outcome.postponed
    assert "cannot be fetched" in postponed.outcome.reason
    assert (postponed.turn, postponed.final) == (1, False)
    # Consecutive attempts are one record.
    assert postponed.times == postponed.attempt.number >= 3
    assert isinstance(done.outcome, Completed)
    assert (done.turn, done.attempt.number) == (1, postponed.times + 1)


async def test_who_postponed_leases_nothing_until_the_neighbour_answers() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}), silent=True)
    async with night.running():
        night.images.outage = "cut off"
        records = await one_visit(night, 120.0)
        assert [record.times for record in records] == [1]
        other = night.visit("another")
        await night.announcements.announce(other)
        night.expose(other, 4)
        await asyncio.sleep(200.0)
        assert (await history(night), await history(night, "another")) == (records, [])
        depth = night.queue.depth()
        assert (depth.waiting, depth.leased) == (2, 0)
        night.images.outage = ""
        await asyncio.sleep(200.0)
        ends = [(await history(night, group))[-1].outcome for group in (GROUP, "another")]
    assert [type(outcome) for outcome in ends] == [Completed, Completed]


async def test_a_ledger_that_is_away_costs_no_attempt() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}), silent=True)
    async with night.running():
        night.images.outage = "cut off"
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        await asyncio.sleep(10.0)
        night.histories.outage = "it starts again"
        # The bucket is given up, and the ledger cannot be told; when work comes again it is away still.
        await asyncio.sleep(300.0)
        assert night.queue.depth().unfinished == 1
        night.images.outage = night.histories.outage = ""
        await asyncio.sleep(300.0)
        postponed, done = await history(night)
    assert isinstance(postponed.outcome, FailedBeforeChange)
    assert postponed.outcome.postponed
    assert "ledger" in postponed.outcome.reason
    assert isinstance(done.outcome, Completed)
    assert done.turn == 1


async def test_images_are_awaited_from_the_first_attempt_on() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}), silent=True)
    async with night.running():
        night.images.outage = "cut off"
        await night.announcements.announce(night.visit(GROUP))
        await asyncio.sleep(300.0)
        night.images.outage = ""
        await asyncio.sleep(100.0)
        *_, last = await history(night)
    assert isinstance(last.outcome, NoImages)
    assert last.outcome.waited < 10.0


@pytest.mark.parametrize("seconds", [110.0, 400.0])
async def test_a_bucket_that_nobody_can_look_into_is_no_proof_of_absence(seconds: float) -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}), silent=True)
    async with night.running():
        night.images.outage = "cut off"
        await one_visit(night, seconds)
        night.images.outage = ""
        await asyncio.sleep(300.0)
        records = await history(night)
    assert len(records) == 2
    assert "nobody could look" in str(records[0].outcome)
    assert isinstance(records[-1].outcome, Completed)


async def test_a_sidecar_that_cannot_be_read_is_no_proof_of_absence() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}), silent=True)
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        sidecar = night.expose(visit, 4).rpartition(".")[0] + ".json"
        night.images.put(sidecar)
        await asyncio.sleep(400.0)
        night.images.put(sidecar, cards=next(iter(night.headers.values())))
        await asyncio.sleep(300.0)
        *before, last = await history(night)
    assert before
    assert all("cannot be read" in str(record.outcome) for record in before)
    assert isinstance(last.outcome, Completed)


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("unreadable", [False, True])
async def test_an_image_without_a_sidecar_is_processed_by_its_own_header(
    silent: bool, unreadable: bool
) -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}), silent=silent)
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        key = night.expose(visit, 4, notify=False)
        sidecar = key.rpartition(".")[0] + ".json"
        if unreadable:
            night.images.put(sidecar)
        else:
            night.images.remove(sidecar)
        stored = night.images.put(key, cards=night.headers[key, 4], modified=night.clock.utc())
        for worker in () if silent else night.notifications:
            worker.notify(stored)
        await asyncio.sleep(400.0)
        [record] = await history(night)
    assert isinstance(record.outcome, Completed)


async def test_of_a_visit_without_a_snap_it_is_said_that_nobody_could_look(
    caplog: pytest.LogCaptureFixture,
) -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}))
    async with night.running():
        visit = night.visit(GROUP, nimages=2)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        await asyncio.sleep(20.0)
        night.images.outage = "cut off"
        await asyncio.sleep(400.0)
        [record] = await history(night)
    assert isinstance(record.outcome, Completed)
    assert [snap.result for snap in record.outcome.snaps] == ["completed", "unproven"]
    assert "snap 1: bucket images: cut off" in record.outcome.snaps[1].reason
    assert "not processed, though their images may exist" in caplog.text


async def test_a_visit_whose_images_stay_out_of_reach_is_given_up_by_name() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}), silent=True)
    async with night.running():
        night.images.outage = "cut off"
        records = await one_visit(night, 4500.0)
    last = records[-1]
    assert isinstance(last.outcome, FailedBeforeChange)
    assert (last.outcome.given_up, last.final) == (True, True)
    assert "nobody could look" in last.outcome.reason
    assert "given up after" in last.outcome.reason
    assert night.queue.depth() == QueueDepth(waiting=0, leased=0, dead=1)


async def test_a_deleted_delivery_of_a_dead_worker_holds_up_no_other_for_ever() -> None:
    night = MemoryNight(workers=0, detectors=frozenset({4}))
    async with night.running():
        await night.announcements.announce(night.visit(GROUP))
        await asyncio.sleep(1.0)
        lost = night.queue.take("dead")
        assert lost is not None
        await night.ledger.begin(Identity(INSTRUMENT, GROUP, 4), "dead", lost)
        night.queue.drop(lost.entry)
        assert lost.work is not None
        night.queue.add(lost.work)
        night.expose(lost.work.visit, 4)
        worker = asyncio.ensure_future(night.worker("living").run(asyncio.Event()))
        await asyncio.sleep(2 * 600.0 + 120.0 + 60.0)
        worker.cancel()
        first, second = await history(night)
    assert isinstance(first.outcome, FailedBeforeChange)
    assert isinstance(second.outcome, Completed)


async def test_an_outdated_delivery_that_is_still_held_is_given_back_and_ends() -> None:
    night = MemoryNight(workers=0, detectors=frozenset({4}))
    async with night.running():
        await night.announcements.announce(night.visit(GROUP))
        await asyncio.sleep(1.0)
        other = night.queue.take("paused")
        assert other is not None
        assert other.work is not None
        night.queue.put_back(other.entry)
        night.queue.add(other.work)
        [again, newer] = [night.queue.take("b"), night.queue.take("b")]
        assert again is not None
        assert newer is not None
        begun = await night.ledger.begin(other.work.identity, "b", newer)
        await night.ledger.record(begun.attempt, FailedBeforeChange(reason="no calibrations"), final=False)
        night.queue.drop(newer.entry)
        night.expose(other.work.visit, 4)
        # The lease on `again` expires, and whoever takes it over has an older entry than `newer`.
        worker = asyncio.ensure_future(night.worker("living").run(asyncio.Event()))
        await asyncio.sleep(300.0)
        worker.cancel()
        records = await history(night)
    assert [type(record.outcome) for record in records] == [FailedBeforeChange, Completed]
    assert night.metrics.total(Counter.LEASES_LOST) == 0
    assert night.queue.depth() == QueueDepth(waiting=0, leased=0, dead=0)


@pytest.mark.parametrize("step", ["prepare", "ingest", "process", "export"])
async def test_what_the_disk_does_not_take_is_left_to_another_attempt(step: str) -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}))
    async with night.running():
        for _ in range(1000):
            night.workspaces[0].fail_next(step, DiskFullError("no space left"))
        await one_visit(night, 200.0)
        night.workspaces[0].mend(step)
        await asyncio.sleep(200.0)
        records = await history(night)
    assert isinstance(records[0].outcome, FailedBeforeChange)
    assert isinstance(records[-1].outcome, Completed)
    assert records[-1].turn == 1


@pytest.mark.parametrize(
    ("step", "neighbour"),
    [
        ("prepare", Neighbour.REPOSITORY),
        ("prepare", Neighbour.APDB),
        ("process", Neighbour.APDB),
        ("process", Neighbour.DATASTORE),
        ("export", Neighbour.DATASTORE),
    ],
)
async def test_a_neighbour_that_is_away_costs_no_attempt_before_the_claim(
    step: str, neighbour: Neighbour
) -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}))
    async with night.running():
        workspace = night.workspaces[0]
        workspace.away[neighbour] = "connection refused"
        for _ in range(1000):
            workspace.fail_next(step, NeighbourAwayError("connection refused", neighbour))
        await one_visit(night, 1500.0)
        workspace.away.clear()
        workspace.mend(step)
        await asyncio.sleep(300.0)
        postponed, done = await history(night)
    assert isinstance(postponed.outcome, FailedBeforeChange)
    assert (postponed.outcome.postponed, postponed.outcome.away) == (True, neighbour)
    assert isinstance(done.outcome, Completed)
    assert done.turn == 1


async def test_who_keeps_a_step_waiting_is_asked_once_its_time_is_over() -> None:
    durations = {"prepare": 100_000.0}
    night = MemoryNight(workers=1, detectors=frozenset({4}), durations=durations)
    async with night.running():
        night.workspaces[0].away[Neighbour.REPOSITORY] = "no answer within 30 s"
        await one_visit(night, 650.0)
        durations["prepare"] = 1.0
        night.workspaces[0].away.clear()
        await asyncio.sleep(300.0)
        postponed, done = await history(night)
    assert isinstance(postponed.outcome, FailedBeforeChange)
    assert (postponed.outcome.postponed, postponed.outcome.away) == (True, "central repository")
    assert "took longer than 600 s" in postponed.outcome.reason
    assert isinstance(done.outcome, Completed)
    assert done.turn == 1


async def test_an_outage_that_no_probe_confirms_is_the_attempts_own_failure() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}))
    async with night.running():
        for _ in range(1000):
            night.workspaces[0].fail_next("prepare", NeighbourAwayError("too long", Neighbour.REPOSITORY))
        records = await one_visit(night, 600.0)
    assert [type(record.outcome) for record in records] == 3 * [FailedBeforeChange]
    assert not any(getattr(record.outcome, "postponed", True) for record in records)
    assert night.queue.depth().dead == 1


async def test_a_visit_that_nothing_can_run_on_ends_at_once() -> None:
    nothing = MemoryPipelines(lacking={"SingleFrame": "flat", "Isr": "bias"})
    night = MemoryNight(workers=1, detectors=frozenset({4}), behaviour=nothing)
    async with night.running():
        [record] = await one_visit(night, 5.0)
    assert isinstance(record.outcome, FailedBeforeChange)
    assert record.outcome.never is PermanentFailure.NOTHING_RUNNABLE


async def test_what_was_never_prepared_is_not_exported() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}))
    async with night.running():
        for _ in range(50):
            night.workspaces[0].fail_next("prepare", WorkspaceError("the central repository is away"))
        records = await one_visit(night, 600.0)
    assert [type(record.outcome) for record in records] == 3 * [FailedBeforeChange]
    # Three pauses of 30 s, each a quarter longer at most, and none for an export.
    assert all(record.ended and record.ended - record.begun < 115.0 for record in records)


async def test_a_visit_changed_after_its_first_snap_is_a_duplicate() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}))
    async with night.running():
        visit = night.visit(GROUP, nimages=2)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        await asyncio.sleep(20)
        changed = night.visit(GROUP, nimages=2, camera_angle=12.5)
        await night.announcements.announce(changed)
        await asyncio.sleep(10)
        night.expose(visit, 4, snap=1)
        await asyncio.sleep(300)
        [record] = await history(night)
    assert isinstance(record.outcome, Completed)
    assert [snap.result for snap in record.outcome.snaps] == ["completed", "completed"]
    assert night.metrics.total(Counter.OUTCOMES, outcome="duplicate") == 1


async def test_a_visit_may_be_announced_anew_more_often_than_it_may_fail() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}))
    async with night.running():
        for number in range(6):
            await night.announcements.announce(night.visit(GROUP, total_checkpoints=number))
            await asyncio.sleep(5)
        night.expose(night.visit(GROUP), 4)
        await asyncio.sleep(100)
        assert isinstance((await history(night))[-1].outcome, Completed)


async def test_a_clock_that_is_off_is_said_and_counted() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}))
    async with night.running():
        visit = night.visit(GROUP)
        ahead = night.visit(GROUP, sent=TaiSeconds(visit.sent + 1.5))
        await night.announcements.announce(ahead)
        night.expose(ahead, 4)
        await asyncio.sleep(100)
        assert isinstance((await history(night))[-1].outcome, Completed)
    # Once by the fan-out, once by the worker.
    assert night.metrics.total(Counter.CLOCK_SKEW) == 2


@pytest.mark.parametrize("down", ["writer", "broker"])
async def test_a_writer_down_for_an_hour_slows_nobody_and_loses_nothing(down: str) -> None:
    ends = []
    for is_down in (False, True):
        has_writer = not (is_down and down == "writer")
        night = MemoryNight(workers=2, detectors=frozenset({3, 4}), writer=has_writer)
        async with night.running():
            if is_down and down == "broker":
                night.topic.outage = "no route"
            for number in range(20):
                visit = night.visit(f"{GROUP} {number}")
                await night.announcements.announce(visit)
                for detector in (3, 4):
                    night.expose(visit, detector)
                await asyncio.sleep(33)
            finals = await final_records(night.ledger, INSTRUMENT)
            assert [type(record.outcome) for record in finals] == [Completed] * 40
            ends.append(sorted((record.ended or 0) - finals[0].begun for record in finals))
            await asyncio.sleep(3600)
            writer = asyncio.create_task(night.writer().run()) if not has_writer else None
            if is_down:
                # The outbox is written to the repository's own files, which the writer still reads.
                assert has_writer or not night.repository.datasets
            night.topic.outage = ""
            await asyncio.sleep(60)
            assert night.repository.datasets == night.repository.files
            assert len(night.repository.datasets) == 2 * 40
            if writer is not None:
                writer.cancel()
    assert ends[0] == pytest.approx(ends[1])
