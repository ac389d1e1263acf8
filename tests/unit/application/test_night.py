"""The path of the demo, and what can happen on it, on adapters in memory and a virtual clock."""

import asyncio
import datetime
from collections import Counter as Tally
from collections.abc import Mapping
from typing import Any, override

import pytest

from adapters.memory.workspace import MemoryPipelines
from application.ledger import StoredLedger
from domain.times import tai_from_utc
from domain.visit import Identity, RotationSystem
from domain.work.about import AboutVisit
from domain.work.attempts import Attempt
from domain.work.outcomes import (
    Completed,
    FailedAfterChange,
    FailedBeforeChange,
    Ignored,
    NoImages,
    PermanentFailure,
    SnapStatus,
    describe,
    snaps_of,
)
from domain.work.promptness import Promptness
from domain.work.quality import Quality
from entrypoints.logs import line_formatter
from ports.announcements import Unreadable
from ports.history_store import HistoryStore
from ports.metrics import Counter, Duration, Gauge
from ports.workspace import RawUnreadableError, WorkspaceError, WorkspaceLostError
from tests.ledger_records import final_records
from tests.unit.application.night import GROUP, INSTRUMENT, MemoryNight, announced, outcome_of

pytestmark = pytest.mark.looptime


async def test_a_night_of_three_visits_is_completed_and_written() -> None:
    night = MemoryNight(workers=4, detectors=frozenset(range(9)))
    async with night.running():
        visits = [night.visit(f"group {number}", nimages=2 if number == 1 else 1) for number in range(3)]
        for visit in visits:
            await night.announcements.announce(visit)
        await asyncio.sleep(25)
        for visit in visits:
            for snap in range(visit.nimages):
                for detector in range(9):
                    night.expose(visit, detector, snap=snap)
                await asyncio.sleep(15)
        outcomes = [
            await outcome_of(night, detector, visit.group) for visit in visits for detector in range(9)
        ]
        await asyncio.sleep(1)
    assert Tally(type(outcome) for outcome in outcomes) == {Completed: 27}
    snaps = Tally(len(outcome.snaps) for outcome in outcomes if isinstance(outcome, Completed))
    assert snaps == {1: 18, 2: 9}
    # Two datasets for each exposure.
    assert len(night.repository.datasets) == 2 * (9 + 18 + 9)
    assert night.repository.datasets == night.repository.files
    assert night.queue.depth().waiting == night.queue.depth().leased == night.queue.depth().dead == 0


async def test_a_failing_pipeline_is_retried_and_then_set_aside_with_its_reason() -> None:
    night = MemoryNight(
        detectors=frozenset({4}), behaviour=MemoryPipelines(failing={"SingleFrame": "no stars"})
    )
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        outcome = await outcome_of(night, 4)
        await asyncio.sleep(1)
    assert isinstance(outcome, FailedBeforeChange)
    assert outcome.reason == "no stars"
    assert [letter.reason for letter in night.queue.dead] == ["failed before change (no stars)"]
    assert len(await night.ledger.history(Identity(INSTRUMENT, GROUP, 4))) == 3


async def test_the_ledger_tells_who_looks_on_what_is_done_and_why() -> None:
    night = MemoryNight(detectors=frozenset({4}))
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        await asyncio.sleep(1.0)
        (preparing,) = await night.ledger.latest(INSTRUMENT)
        night.expose(visit, 4)
        await outcome_of(night, 4)
        (ended,) = await night.ledger.latest(INSTRUMENT)
    assert (preparing.stage, preparing.outcome) == ("prepare", None)
    assert preparing.about is not None
    assert preparing.about.survey == visit.survey
    assert (preparing.about.pipelines, preparing.about.rule) == (
        ("SingleFrame", "Isr"),
        "the only node: any visit",
    )
    assert (ended.stage, ended.about) == ("", preparing.about)
    assert {"prepare", "wait", "ingest", "process", "export", "clean"} <= set(ended.seconds)
    assert ended.seconds["process"] == 5.0
    assert ended.outcome is not None
    assert ended.since_shutter == night.metrics.samples(Duration.ALERT)[0]
    assert [(raw.exposure, raw.way) for raw in ended.raws] == [
        (snap.exposure, "raw microservice") for snap in snaps_of(ended.outcome)
    ]
    assert ended.begun < ended.raws[0].at


class _LedgerWithoutNotes(StoredLedger):
    """Takes no notes of stages: it fails, or never answers."""

    def __init__(self, store: HistoryStore, *, answers: bool) -> None:
        super().__init__(store)
        self._answers = answers

    @override
    async def note_stage(
        self,
        attempt: Attempt,
        stage: str,
        about: AboutVisit | None = None,
        seconds: Mapping[str, float] | None = None,
    ) -> None:
        if self._answers:
            raise RuntimeError("a fault of the ledger's own")
        await asyncio.Event().wait()


@pytest.mark.parametrize("answers", [True, False])
async def test_a_note_that_fails_or_hangs_neither_fails_an_attempt_nor_delays_it(*, answers: bool) -> None:
    ended = []
    for takes_notes in (True, False):
        night = MemoryNight(detectors=frozenset({4}))
        if not takes_notes:
            night.ledger = _LedgerWithoutNotes(night.histories, answers=answers)
        begun = asyncio.get_running_loop().time()
        async with night.running():
            visit = night.visit(GROUP)
            await night.announcements.announce(visit)
            night.expose(visit, 4)
            outcome = await outcome_of(night, 4)
            ended.append((outcome, asyncio.get_running_loop().time() - begun))
        (record,) = await night.ledger.latest(INSTRUMENT)
        assert record.about is not None
    assert isinstance(ended[0][0], Completed)
    assert ended[0] == ended[1]


async def test_a_pipeline_that_fails_after_its_claim_is_never_tried_again() -> None:
    behaviour = MemoryPipelines(failing={"ApPipe": "APDB gone"}, changing=frozenset({"ApPipe"}))
    night = MemoryNight(detectors=frozenset({4}), pipelines=("ApPipe.yaml",), behaviour=behaviour)
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        outcome = await outcome_of(night, 4)
        await asyncio.sleep(60)
    assert isinstance(outcome, FailedAfterChange)
    assert len(await night.ledger.history(Identity(INSTRUMENT, GROUP, 4))) == 1
    # Its metadata is exported, what it was to change is not.
    assert [name.rpartition(" ")[2] for name in night.repository.datasets.values()] == ["ApPipe_metadata"]


async def test_alerts_that_no_broker_took_are_named_and_counted_and_their_minute_is_not_over() -> None:
    behaviour = MemoryPipelines(changing=frozenset({"ApPipe"}), unsent={"ApPipe": 7})
    night = MemoryNight(detectors=frozenset({4}), pipelines=("ApPipe.yaml",), behaviour=behaviour)
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        outcome = await outcome_of(night, 4)
        await asyncio.sleep(1)
    assert isinstance(outcome, Completed)
    assert outcome.detail.startswith("alerts waiting: 7 in memory:alerts/")
    assert describe(outcome) == f"completed (ApPipe; {outcome.detail})"
    assert night.metrics.total(Counter.ALERTS_WAITING, instrument=INSTRUMENT) == 7
    assert night.metrics.total(Counter.VISIT_DETECTORS, promptness="late") == 1
    assert night.metrics.samples(Duration.ALERT) == []
    assert night.repository.datasets == night.repository.files


async def test_what_is_held_is_completed_in_time_with_its_reason_counted_and_kept() -> None:
    quality = Quality.of({"seeing_arcsec": 5.0, "dia_sources": {"positive": 900}, "held": ["bad seeing"]})
    behaviour = MemoryPipelines(
        changing=frozenset({"ApPipe"}), unsent={"ApPipe": 900}, quality={"ApPipe": quality}
    )
    night = MemoryNight(detectors=frozenset({4}), pipelines=("ApPipe.yaml",), behaviour=behaviour)
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        outcome = await outcome_of(night, 4)
        await asyncio.sleep(1)
    assert isinstance(outcome, Completed)
    assert outcome.detail.startswith("held: bad seeing; alerts waiting: 900 in memory:alerts/")
    [record] = await night.ledger.history(Identity(INSTRUMENT, GROUP, 4))
    assert (record.quality, record.held) == (quality, "bad seeing")
    assert night.metrics.total(Counter.VISIT_DETECTORS_HELD, instrument=INSTRUMENT) == 1
    assert night.metrics.total(Counter.VISIT_DETECTORS, promptness="in time") == 1
    assert night.metrics.total(Counter.ALERTS_WAITING) == 0
    assert night.metrics.value(Gauge.QUALITY, instrument=INSTRUMENT, measure="seeing_arcsec") == 5.0
    [measurement] = night.measurements.kept
    assert measurement.quality == quality


async def test_alerts_that_a_failure_left_behind_are_named_too() -> None:
    behaviour = MemoryPipelines(
        failing={"ApPipe": "killed"}, changing=frozenset({"ApPipe"}), unsent={"ApPipe": 7}
    )
    night = MemoryNight(detectors=frozenset({4}), pipelines=("ApPipe.yaml",), behaviour=behaviour)
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        outcome = await outcome_of(night, 4)
    assert isinstance(outcome, FailedAfterChange)
    assert outcome.reason.startswith("killed; alerts waiting: 7 in memory:alerts/")
    assert night.metrics.total(Counter.ALERTS_WAITING) == 7


async def test_the_pipeline_is_told_when_it_will_be_ended() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}))
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        leased = asyncio.get_running_loop().time()
        night.expose(visit, 4)
        await outcome_of(night, 4)
    assert night.workspaces[0].told_until == pytest.approx(leased + 600, abs=5)


async def test_the_second_pipeline_runs_where_the_first_lacks_its_inputs() -> None:
    behaviour = MemoryPipelines(lacking={"SingleFrame": "a template"})
    night = MemoryNight(detectors=frozenset({4}), behaviour=behaviour)
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        outcome = await outcome_of(night, 4)
    assert isinstance(outcome, Completed)
    assert outcome.pipeline == "Isr"


async def test_workers_are_counted_while_they_run_and_while_they_process() -> None:
    night = MemoryNight(workers=2, detectors=frozenset({4}))

    def standing(state: str) -> float | None:
        return night.metrics.value(Gauge.WORKERS, instrument=INSTRUMENT, state=state)

    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        await asyncio.sleep(1)
        assert (standing("running"), standing("processing")) == (2, 1)
        night.expose(visit, 4)
        await outcome_of(night, 4)
        await asyncio.sleep(1)
        assert (standing("running"), standing("processing")) == (2, 0)
    assert standing("running") == 0
    assert len(night.metrics.samples(Duration.ATTEMPT, instrument=INSTRUMENT)) == 1


async def test_no_pipeline_configured_means_ignored() -> None:
    night = MemoryNight(detectors=frozenset({4}), pipelines=())
    async with night.running():
        await announced(night)
        assert isinstance(await outcome_of(night, 4), Ignored)


async def test_a_rotation_by_which_no_image_can_be_checked_fails_the_visit_before_change() -> None:
    night = MemoryNight(detectors=frozenset({4}))
    async with night.running():
        visit = night.visit(GROUP, rotation_system=RotationSystem.HORIZON)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        outcome = await outcome_of(night, 4)
    assert isinstance(outcome, FailedBeforeChange)
    assert outcome.never is PermanentFailure.UNPLACEABLE_VISIT
    assert "rotation in system HORIZON" in outcome.reason


async def test_a_lost_workspace_costs_an_attempt_and_not_the_visit() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}))
    async with night.running():
        night.workspaces[0].fail_next("process", WorkspaceLostError("the child ended (signal 9)"))
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        outcome = await outcome_of(night, 4)
    assert isinstance(outcome, Completed)
    history = await night.ledger.history(Identity(INSTRUMENT, GROUP, 4))
    lost = history[0].outcome
    assert isinstance(lost, FailedBeforeChange)
    assert lost.reason == "the child ended (signal 9)"
    assert [snap.result for snap in lost.snaps] == [SnapStatus.FAILED]


async def test_outputs_that_cannot_be_exported_are_no_success() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}))
    async with night.running():
        for _ in range(3 * 4):
            night.workspaces[0].fail_next("export", WorkspaceError("the datastore is full"))
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        outcome = await outcome_of(night, 4)
    assert isinstance(outcome, FailedBeforeChange)
    assert outcome.reason == "export: the datastore is full"


async def test_the_writer_s_broker_away_costs_nothing() -> None:
    night = MemoryNight(detectors=frozenset({4}))
    async with night.running():
        night.topic.outage = "no broker"
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        assert isinstance(await outcome_of(night, 4), Completed)
        assert len(night.topic.outbox) == 1
        night.topic.outage = ""
        await asyncio.sleep(15)
    assert len(night.repository.datasets) == 2
    assert not night.topic.outbox


async def test_missing_init_outputs_are_looked_for_again_until_the_image_deadline() -> None:
    night = MemoryNight(detectors=frozenset({4}))
    async with night.running():
        runs, night.repository.runs = night.repository.runs, set()
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        await asyncio.sleep(50)  # IMAGE_TIMEOUT alone is 60 s.
        night.repository.runs = runs
        assert isinstance(await outcome_of(night, 4), Completed)
        assert [record.turn for record in await final_records(night.ledger, INSTRUMENT)] == [1], (
            "it was tried again"
        )


async def test_init_outputs_that_never_come_are_named_in_the_failure() -> None:
    night = MemoryNight(detectors=frozenset({4}))
    async with night.running():
        night.repository.runs = set()
        await announced(night)
        outcome = await outcome_of(night, 4)
    assert isinstance(outcome, FailedBeforeChange)
    assert "deployment is not initialized for day 2026-03-13" in outcome.reason


async def test_promptness_is_reckoned_from_the_shutter_and_counted_once() -> None:
    night = MemoryNight(workers=3, detectors=frozenset({0, 1, 2}))
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        await asyncio.sleep(30)
        # The first two shutters closed 3 and 300 s ago; the third one's image never comes.
        for detector, ago in ((0, 3.0), (1, 300.0)):
            closed = datetime.datetime.fromtimestamp(tai_from_utc(night.clock.utc()) - ago, datetime.UTC)
            opened = closed - datetime.timedelta(seconds=15)
            times = {"DATE-BEG": opened, "DATE-END": closed}
            cards: dict[str, Any] = {
                name: time.replace(tzinfo=None).isoformat() for name, time in times.items()
            }
            night.expose(visit, detector, **cards)
        outcomes = [await outcome_of(night, detector) for detector in range(3)]
        await asyncio.sleep(1)
    assert [type(outcome) for outcome in outcomes] == [Completed, Completed, NoImages]
    fared = {
        one.value: night.metrics.total(Counter.VISIT_DETECTORS, instrument=INSTRUMENT, promptness=one.value)
        for one in Promptness
    }
    assert fared == {"in time": 1, "late": 1, "failed": 0}
    # The pipeline takes 5 s and the ingest 0.2 s, and both come after the transfer.
    assert sorted(night.metrics.samples(Duration.ALERT)) == pytest.approx([8.2, 305.2], abs=0.5)
    assert sorted(night.metrics.samples(Duration.STAGE, stage="transfer")) == pytest.approx(
        [3.0, 30.0], abs=0.5
    )
    # The second one's shutter had closed before a worker began.
    assert night.metrics.samples(Duration.STAGE, stage="queue") == pytest.approx([270.0], abs=0.5)
    assert night.metrics.total(Counter.WRITER_MESSAGES) == night.metrics.total(Counter.WRITER_EVENTS)


async def test_attempts_that_are_tried_again_are_one_failure() -> None:
    night = MemoryNight(
        detectors=frozenset({4}), behaviour=MemoryPipelines(failing={"SingleFrame": "no stars"})
    )
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        await outcome_of(night, 4)
        await asyncio.sleep(1)
    assert night.metrics.total(Counter.OUTCOMES, outcome="failed before change") == 3
    assert night.metrics.total(Counter.VISIT_DETECTORS) == 1
    assert night.metrics.total(Counter.VISIT_DETECTORS, promptness="failed") == 1
    assert night.metrics.samples(Duration.ALERT) == []


async def test_a_failing_night_shows_no_password(caplog: pytest.LogCaptureFixture) -> None:
    address = "postgresql://user:planted-secret@host/db"
    night = MemoryNight(
        workers=1,
        detectors=frozenset({4, 5}),
        behaviour=MemoryPipelines(failing={"SingleFrame": f"no connection to {address}"}),
    )
    caplog.handler.setFormatter(line_formatter("night"))
    async with night.running():
        visit = night.visit(GROUP)
        for step, error in (("prepare", WorkspaceError), ("ingest", RawUnreadableError)):
            night.workspaces[0].fail_next(step, error(f"{step}: {address} is away"))
        await night.announcements.announce(visit)
        await night.announcements.announce(Unreadable(f"no schema from {address}"))
        night.expose(visit, 4)
        night.expose(visit, 5)
        outcomes = [await outcome_of(night, detector) for detector in (4, 5)]
        await asyncio.sleep(1)
    assert night.queue.dead
    assert "postgresql://host/db" in caplog.text
    said = [
        caplog.text,
        outcomes,
        night.queue.dead,
        vars(night.dead),
        vars(night.metrics),
        night.histories.texts,
    ]
    assert "planted-secret" not in repr(said)
