"""The verdict on ledgers that are made up: what it excuses, by which fault, and what it does not."""

import math
import socket
from collections.abc import Sequence

import pytest
from attrs import evolve

from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.attempts import Attempt, AttemptRecord
from domain.work.outcomes import FailedAfterChange
from tests.chaos.consumers import Consumer, ConsumersSeen, Place, faults_of
from tests.chaos.excuses import Evidence, Occurrence, WorkerNames
from tests.chaos.plan import make_outage
from tests.chaos.seed import Played
from tests.chaos.verdict import judge_outcomes

WORKER = 4711
WHO = f"{socket.gethostname()}-{WORKER}-abcd"
DIED = f"worker {WHO} ended without recording an outcome"
CHILD_DIED = "the child ended during process (signal 9)"
REFUSED = "change failed: the APDB did not take the sources: unable to open database file"
FULL = "change failed: OSError: [Errno 28] No space left on device"
# The attempt begins at 0, claims at 10, cleans up at 20 if it comes so far, and is closed at 30.
CLAIMED, CLEANED, CLOSED = 10.0, 20.0, 30.0

KILL = Occurrence(kind="kill worker", detail="worker 0 at stored of g 0", begin=12.0, worker=WORKER)
CHILD_KILL = evolve(KILL, kind="kill child")
AWAY = Occurrence(kind="apdb away", detail="for 75.0 s", begin=12.0, end=87.0)
FULL_DISK = Occurrence(kind="full disk", detail="for 8.0 s", begin=8.0, end=16.0)


def _played(
    reason: str,
    *occurrences: Occurrence,
    handed_over: float | None = None,
    claimed: float | None = CLAIMED,
) -> Played:
    identity = Identity("SIM", "g", 0)
    record = AttemptRecord(
        attempt=Attempt(identity, 1),
        worker=WHO,
        begun=UtcSeconds(0.0),
        ended=UtcSeconds(CLOSED),
        outcome=FailedAfterChange(reason=reason),
        final=True,
    )
    return Played(
        plan=make_outage(("apdb away",), 1),
        identities={(0, 0): identity},
        histories={identity: [record]},
        told=(),
        done={},
        skewed=WorkerNames(frozenset()),
        evidence={identity: Evidence(claimed=claimed, handed_over=handed_over)},
        occurrences=occurrences,
        consumers=ConsumersSeen(at_stop=(), at_end=(), gone_after=10.0),
        forced=(),
        places={},
        seconds=1.0,
    )


@pytest.mark.parametrize(
    ("played", "fault"),
    [
        (_played(DIED, FULL_DISK, KILL), "kill worker worker 0 at stored of g 0"),
        (_played(CHILD_DIED, CHILD_KILL), "kill child worker 0 at stored of g 0"),
        # The parent lives on and hands over what the change does not concern.
        (_played(CHILD_DIED, CHILD_KILL, handed_over=CLEANED), "kill child worker 0 at stored of g 0"),
        (_played(REFUSED, AWAY, handed_over=CLEANED), "apdb away for 75.0 s"),
    ],
    ids=["worker", "child", "child, and its parent goes on", "APDB"],
)
def test_a_failure_after_change_is_told_with_the_fault_that_explains_it(played: Played, fault: str) -> None:
    told = judge_outcomes(played)
    (line,) = told.after_change
    assert line.startswith("g 0: failed after change (")
    assert line.endswith(f", by {fault}")
    assert told.lost == []


@pytest.mark.parametrize(
    "played",
    [
        _played(DIED),
        _played(FULL, FULL_DISK, handed_over=CLEANED),
        _played(FULL, FULL_DISK, KILL, handed_over=CLEANED),
        _played(DIED, FULL_DISK),
        _played(DIED, evolve(KILL, worker=WORKER + 1)),
        _played(DIED, evolve(KILL, begin=CLAIMED - 1.0)),
        _played(DIED, KILL, claimed=None),
        _played(DIED, KILL, handed_over=CLEANED),
        _played(DIED, CHILD_KILL),
        _played(DIED, evolve(KILL, begin=CLOSED + 1.0)),
        _played(DIED, evolve(KILL, kind="kill fan-out", worker=0)),
        _played(CHILD_DIED, evolve(CHILD_KILL, begin=CLEANED + 1.0), handed_over=CLEANED),
        _played("the child ended during process (its claim ended)", CHILD_KILL),
        _played("export: the child ended during export (signal 9)", CHILD_KILL),
        _played("took longer than 60 s", KILL, CHILD_KILL, AWAY),
        _played(REFUSED, evolve(AWAY, begin=CLAIMED - 1.0)),
        _played(REFUSED, evolve(AWAY, end=AWAY.begin + 2.0)),
        _played(REFUSED, evolve(AWAY, kind="s3 away")),
    ],
    ids=[
        "nothing was broken",
        "a full disk",
        "a full disk, and a kill that it outlived",
        "a worker that died of itself beside a full disk",
        "another worker was killed",
        "killed before the claim",
        "no claim",
        "killed after the message",
        "only its child was killed",
        "killed after it was closed",
        "another process was killed",
        "child killed after the message",
        "the claim ended",
        "export, which is tried again",
        "too slow",
        "the APDB was away before the claim",
        "the APDB was back while the task asked",
        "another neighbour was away",
    ],
)
def test_a_failure_after_change_that_no_fault_explains_is_a_loss(played: Played) -> None:
    told = judge_outcomes(played)
    (line,) = told.lost
    assert line.endswith(", which no fault of the plan explains")
    assert told.after_change == []


def _consumer(pid: int, idle: float = 1.0, pending: int = 0) -> Consumer:
    return Consumer(name=f"{socket.gethostname()}-{pid}-abcd", pending=pending, idle=idle)


def _consumer_faults(at_stop: Sequence[Consumer], at_end: Sequence[Consumer] = ()) -> list[str]:
    # The first process was killed, the second ended by itself, the third when it was told to.
    places = {"worker 0": Place(pids=(1, 2, 3), codes=(-9, 0, 0))}
    return list(faults_of(ConsumersSeen(at_stop=at_stop, at_end=at_end, gone_after=10.0), places))


def test_the_consumer_of_a_killed_worker_may_be_there_until_the_fan_out_must_have_forgotten_it() -> None:
    assert _consumer_faults([_consumer(1), _consumer(2)]) == []
    (fault,) = _consumer_faults([_consumer(1)], [_consumer(1, idle=26.0)])
    assert "of worker 0, which ended with exit code -9, is there after 26 s with 0 leases" in fault


def test_a_worker_that_ended_in_order_has_left_the_queue_whatever_the_fan_out_does_later() -> None:
    (fault,) = _consumer_faults([_consumer(3)])
    assert fault.endswith("worker 0 ended in order and did not leave the queue")


def test_a_consumer_of_nobody_is_a_fault() -> None:
    (fault,) = _consumer_faults([_consumer(99)])
    assert fault.endswith("is of no worker of this seed")


def test_a_worker_that_still_runs_is_named_with_its_consumer() -> None:
    seen = [_consumer(7, pending=1)]
    places = {"worker 1": Place(pids=(7,), codes=())}
    (fault,) = faults_of(ConsumersSeen(at_stop=seen, at_end=seen, gone_after=math.inf), places)
    assert "of worker 1, which still runs, is there after 1 s with 1 leases" in fault
