"""What is known of a visit-detector is joined, and what is not within reach is said."""

import pytest

from adapters.memory.console.image_archive import MemoryImageArchive
from adapters.memory.console.night_board import MemoryLogArchive
from adapters.memory.history_store import MemoryHistoryStore
from application.console.explain import Explanation, explain, verdict, what_to_do
from application.ledger import StoredLedger
from domain.times import UtcSeconds
from domain.work.about import AboutVisit
from domain.work.attempts import AttemptNotes, AttemptRecord
from domain.work.outcomes import (
    Completed,
    FailedAfterChange,
    FailedBeforeChange,
    Ignored,
    NoImages,
    PermanentFailure,
)
from tests.contract_suites.ledger import IDENTITY, a_lease
from tests.contract_suites.log_archive import a_line
from tests.contract_suites.night_board import NIGHT_BEGAN, a_record, an_attempt_under_way
from tests.contract_suites.samples import LoopClock, some_work

pytestmark = pytest.mark.looptime


class _Box:
    def __init__(self) -> None:
        self.clock = LoopClock()
        self.histories = MemoryHistoryStore(self.clock)
        self.ledger = StoredLedger(self.histories)
        self.logs = MemoryLogArchive()
        self.images = MemoryImageArchive()

    async def explain(self) -> Explanation:
        return await explain(
            IDENTITY, ledger=self.ledger, clock=self.clock, logs=self.logs, images=self.images
        )


async def test_attempts_budget_and_lines_are_joined() -> None:
    box = _Box()
    about = AboutVisit.of(some_work().visit)
    for times, outcome, seconds in (
        (1, FailedBeforeChange(reason="no disk"), {"prepare": 2.0}),
        (2, Completed(pipeline="ApPipe"), {"transfer": 3.0, "process.task isr": 90.0}),
    ):
        begun = await box.ledger.begin(IDENTITY, "worker", a_lease(times=times))
        notes = AttemptNotes(seconds=seconds, since_shutter=95.0, about=about)
        await box.ledger.record(begun.attempt, outcome, final=times == 2, notes=notes)
    box.logs.logged[IDENTITY] = [a_line(1)]
    found = await box.explain()
    assert [record.attempt.number for record in found.records] == [1, 2]
    assert found.about == about
    assert found.lines == (a_line(1),)
    assert [row.spent for row in found.budget if row.part == "transfer"] == [3.0]
    assert found.verdict == (
        "completed (ApPipe); late, 95.0 s after the shutter closed instead of 60"
        " (ISR to DiaSources: 90.0 s of 35 s)"
    )
    assert found.faults == ()


async def test_what_cannot_be_reached_is_named_and_the_rest_is_told() -> None:
    box = _Box()
    box.histories.outage = "connection refused"
    box.logs.logged[IDENTITY] = [a_line(1)]
    found = await box.explain()
    assert found.faults == ("attempts: ledger: connection refused",)
    assert found.lines == (a_line(1),)
    assert "nothing is recorded" in found.verdict


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (None, "nothing is recorded of it: no worker has begun it, or the ledger has forgotten it"),
        (a_record(), "completed (ApPipe); in time, 32.5 s after the shutter closed"),
        (
            a_record(since_shutter=2.4e8),
            "completed (ApPipe); time not known: its shutter closed more than a day before",
        ),
        (a_record(outcome=Ignored(reason="no pipeline")), "ignored (no pipeline)"),
        (a_record(outcome=NoImages(waited=90.0)), "no images (waited 90 s)"),
        (
            a_record(outcome=FailedBeforeChange(reason="no disk"), final=False),
            "attempt 1 failed before change (no disk); another attempt follows",
        ),
        (
            an_attempt_under_way(stage="process", stage_begun=UtcSeconds(NIGHT_BEGAN + 25)),
            "attempt 1 under way for 20 s by worker-1: process for 5 s",
        ),
    ],
)
def test_one_line_says_how_it_stands(record: AttemptRecord | None, told: str) -> None:
    assert verdict(record, UtcSeconds(NIGHT_BEGAN + 30)) == told


@pytest.mark.parametrize(
    ("record", "hint"),
    [
        (None, ""),
        (a_record(), ""),
        (a_record(outcome=FailedBeforeChange(reason="no disk")), "reconcile --requeue"),
        (a_record(outcome=FailedBeforeChange(reason="no disk"), final=False), ""),
        (
            a_record(outcome=FailedBeforeChange(reason="none fits", never=PermanentFailure.NO_MATCHING_NODE)),
            "configuration",
        ),
        (a_record(outcome=FailedAfterChange(reason="APDB gone")), "daytime"),
        (a_record(outcome=Completed(pipeline="ApPipe", detail="alerts waiting: 3 in x")), "alerts"),
    ],
)
def test_what_is_left_for_a_person_is_said(record: AttemptRecord | None, hint: str) -> None:
    told = what_to_do(record)
    assert hint in told
    assert bool(told) == bool(hint)
