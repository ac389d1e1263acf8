"""Whatever becomes of the queue, every visit-detector has one outcome and is changed once."""

import asyncio
import copy
import itertools
from collections import deque
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from adapters.memory.workspace import MemoryPipelines
from domain.visit import Cancellation, Identity, Visit, VisitDetector
from domain.work.outcomes import Cancelled, Completed, FailedAfterChange, FailedBeforeChange
from ports.ledger import NotTheHolderError, OutdatedLeaseError
from ports.metrics import Counter
from ports.work_queue import Lease, QueueDepth
from tests.ledger_records import final_records
from tests.unit.application.night import INSTRUMENT, MemoryNight

pytestmark = pytest.mark.looptime

GROUP = "2026-03-14T02:15:07.310"
_STAGES = {
    "announced": 0.1,
    "leased": 0.5,
    "preparing": 1.5,
    "awaiting images": 10.0,
    "processing": 27.0,
    "ended": 60.0,
}
"""Seconds after the announcement; images are there after 25 s."""
_ELSEWHERE = "redis://elsewhere:6379/0"
_COPIED = ("announced", "awaiting images")


_FAULTS: dict[str, Callable[[MemoryNight], None]] = {
    "XGROUP DESTROY": lambda night: night.queue.make_anew(),
    "XTRIM": lambda night: night.queue.lose_waiting(),
    "FLUSHALL": lambda night: night.queue.wipe(),
}


async def _night_with(
    fault: Callable[[MemoryNight], None],
    stage: str,
    copying: tuple[Callable[[MemoryNight], None], str] = (lambda _: None, "announced"),
    ledger: str = "",
    **options: Any,
) -> MemoryNight:
    """Play two visits on two detectors, with a fault at a stage of them."""
    changing = MemoryPipelines(changing=frozenset({"SingleFrame"}))
    night = MemoryNight(workers=3, behaviour=changing, **options)
    night.ledger_address = ledger
    async with night.running():
        begin = asyncio.get_running_loop().time()
        visits = [night.visit(GROUP), night.visit("another")]
        for visit in visits:
            await night.announcements.announce(visit)

        async def break_it() -> None:
            copy, when = copying
            for then, what in sorted([(_STAGES[when], copy), (_STAGES[stage], fault)], key=lambda it: it[0]):
                await asyncio.sleep(begin + then - asyncio.get_running_loop().time())
                what(night)

        breaking = asyncio.ensure_future(break_it())
        await asyncio.sleep(begin + 25.0 - asyncio.get_running_loop().time())
        for visit in visits:
            for detector in (0, 1):
                night.expose(visit, detector)
        await breaking
        await asyncio.sleep(600.0)
    return night


def _cancellation_of(visit: Visit) -> Cancellation:
    return Cancellation(sal_index=visit.sal_index, script_sal_index=visit.script_sal_index, group=visit.group)


def _changed_once(night: MemoryNight) -> bool:
    return len(night.repository.changes) == len(set(night.repository.changes))


@pytest.mark.parametrize("stage", _STAGES)
@pytest.mark.parametrize("fault", _FAULTS)
async def test_what_befalls_the_queue_costs_no_visit_and_doubles_none(fault: str, stage: str) -> None:
    night = await _night_with(_FAULTS[fault], stage, ledger=_ELSEWHERE if fault == "FLUSHALL" else "")
    records = await final_records(night.ledger, INSTRUMENT)
    assert [type(record.outcome) for record in records] == [Completed] * 4
    assert len(night.repository.changes) == 4
    assert _changed_once(night)
    assert night.queue.depth() == QueueDepth(waiting=0, leased=0, dead=0)


@pytest.mark.parametrize("stage", _STAGES)
async def test_what_is_lost_with_the_ledger_is_done_again_only_if_nothing_can_have_been_changed(
    stage: str,
) -> None:
    def flush(night: MemoryNight) -> None:
        night.queue.wipe()
        night.histories.wipe()

    night = await _night_with(flush, stage)
    records = await final_records(night.ledger, INSTRUMENT)
    before = _STAGES[stage] < _STAGES["processing"]
    expected = Completed if before else FailedAfterChange
    assert [type(record.outcome) for record in records] == [expected] * 4
    assert _changed_once(night)
    assert night.metrics.total(Counter.QUEUES_LOST) == 1


def _image(store: object) -> dict[str, Any]:
    """Copy what a store keeps, as a replica would have it."""
    kind: Any = type(store)
    names = [each.name for each in attrs.fields(kind)] if attrs.has(kind) else list(vars(store))
    kept = {name: getattr(store, name) for name in names if name != "_sleepers"}
    return {
        name: copy.copy(each) for name, each in kept.items() if isinstance(each, dict | list | deque | int)
    }


@pytest.mark.parametrize("is_ledger_elsewhere", [False, True])
@pytest.mark.parametrize(
    ("copied", "failed"), [pair for pair in itertools.combinations(_STAGES, 2) if pair[0] in _COPIED]
)
async def test_a_failover_to_an_older_replica_doubles_nothing(
    copied: str, failed: str, *, is_ledger_elsewhere: bool
) -> None:
    images: dict[str, dict[str, Any]] = {}

    def copy_all(night: MemoryNight) -> None:
        images["queue"], images["ledger"] = _image(night.queue), _image(night.histories)

    def fail_over(night: MemoryNight) -> None:
        for store, image in ((night.queue, images["queue"]), (night.histories, images["ledger"])):
            if store is night.queue or not is_ledger_elsewhere:
                for name, kept in image.items():
                    setattr(store, name, kept)

    night = await _night_with(
        fail_over,
        failed,
        copying=(copy_all, copied),
        ledger=_ELSEWHERE if is_ledger_elsewhere else "",
        # No claim is made as soon as the queue is looked at again.
        durations={"prepare": 8.0, "ingest": 0.2, "process": 5.0, "export": 0.5},
    )
    records = await final_records(night.ledger, INSTRUMENT)
    assert len(records) == 4
    assert _changed_once(night)
    if is_ledger_elsewhere:
        assert {type(record.outcome) for record in records} == {Completed}


async def test_a_cancellation_survives_the_queue() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}))
    async with night.running():
        await night.announcements.announce(night.visit("begins"))
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        await night.announcements.announce(_cancellation_of(visit))
        await asyncio.sleep(1.0)
        night.queue.wipe()
        night.control.wipe()
        await asyncio.sleep(600.0)
        [*_, record] = await night.ledger.history(Identity(INSTRUMENT, GROUP, 4))
    assert isinstance(record.outcome, Cancelled)


async def test_what_nobody_announces_any_more_is_ended_by_name() -> None:
    night = MemoryNight(workers=0, detectors=frozenset({4}))
    async with night.running():
        visit = night.visit(GROUP)
        await night.announcements.announce(visit)
        await asyncio.sleep(1.0)
        lease = night.queue.take("dies")
        assert lease is not None
        await night.ledger.begin(Identity(INSTRUMENT, GROUP, 4), "dies", lease)
        night.announcements.forget()
        night.queue.wipe()
        await asyncio.sleep(10.0)
        [record] = await final_records(night.ledger, INSTRUMENT)
    assert isinstance(record.outcome, FailedBeforeChange)
    assert record.outcome.reason == "the queue lost it, and it is announced no more"


async def test_nothing_is_rebuilt_where_nothing_was_lost() -> None:
    night = await _night_with(lambda _: None, "announced")
    assert night.metrics.total(Counter.QUEUES_LOST) == 0
    assert len(await night.ledger.latest(INSTRUMENT)) == 4


async def test_of_two_who_lease_the_same_entry_of_a_group_made_anew_the_earlier_finishes_in_vain() -> None:
    night = MemoryNight(workers=0, detectors=frozenset({4}))
    async with night.running():
        await night.announcements.announce(night.visit(GROUP))
        await asyncio.sleep(1.0)
        early = night.queue.take("a")
        assert early is not None
        assert early.work is not None
        begun = await night.ledger.begin(early.work.identity, "a", early)
        night.queue.make_anew()
        late = night.queue.take("b")
        assert late is not None
        assert (late.entry, late.times_leased) == (early.entry, early.times_leased)
        again = await night.ledger.begin(early.work.identity, "b", late)
        assert (again.attempt.number, type(again.closed)) == (2, FailedBeforeChange)
        with pytest.raises(NotTheHolderError):
            await night.ledger.record(begun.attempt, Completed(pipeline="p", snaps=()), final=True)
        with pytest.raises(OutdatedLeaseError):
            await night.ledger.begin(early.work.identity, "a", early)
        assert not night.queue.holding(early, "a")
        assert night.queue.holding(late, "b")


async def test_a_queue_that_came_back_older_than_the_ledger_saw_it_is_raised_above_that() -> None:
    night = MemoryNight(workers=1, detectors=frozenset({4}))
    async with night.running():
        visit = night.visit(GROUP)
        incarnation = night.queue.incarnation + 86_400_000
        lease = Lease(
            entry="7",
            queue=night.queue.name,
            enqueued=night.clock.utc(),
            work=VisitDetector(visit, 4),
            incarnation=incarnation,
        )
        begun = await night.ledger.begin(Identity(INSTRUMENT, GROUP, 4), "before the failover", lease)
        await night.announcements.announce(visit)
        night.expose(visit, 4)
        await asyncio.sleep(300.0)
        records = await night.ledger.history(begun.attempt.identity)
    assert [type(record.outcome) for record in records] == [FailedBeforeChange, Completed]
    assert night.queue.incarnation > incarnation
    assert night.queue.depth() == QueueDepth(waiting=0, leased=0, dead=0)
