"""What every ledger and its claims must hold, in memory and for real."""

import abc
import asyncio

import pytest
from attrs import evolve

from adapters.memory.metrics import MemoryMetrics
from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.about import AboutVisit
from domain.work.attempts import Attempt
from domain.work.outcomes import (
    Cancelled,
    Completed,
    Expired,
    FailedAfterChange,
    FailedBeforeChange,
    NoImages,
    Outcome,
    Poisoned,
    SnapResult,
    SnapStatus,
    UnknownStatus,
    snaps_of,
)
from ports.ledger import (
    AttemptNotes,
    ClaimedElsewhereError,
    Claims,
    HeldElsewhereError,
    Ledger,
    LedgerRecordError,
    NewerRecordError,
    NotTheHolderError,
    OutdatedLeaseError,
    UnreadableRecordError,
)
from ports.metrics import Counter
from ports.work_queue import Lease
from tests.contract_suites.samples import some_work
from tests.ledger_records import final_records

__all__ = ["IDENTITY", "LedgerBench", "LedgerContract", "a_lease"]

IDENTITY = Identity("Lowell", "2026-03-14T02:15:07.310#2", 4)
_VISIT = (IDENTITY.instrument, IDENTITY.group)
_DONE = Completed(pipeline="ApPipe", snaps=(SnapResult(exposure=2026031400012, result=SnapStatus.COMPLETED),))
_NOT_OURS = [
    ("[]", UnreadableRecordError),
    ("\ufffd", UnreadableRecordError),
    ('{"attempts":[{"n":1,"worker":"w","begun":"noon"}]}', UnreadableRecordError),
    ('{"v":2,"tries":[]}', NewerRecordError),
    (
        '{"attempts":[{"n":1,"worker":"w","begun":1.0,"ended":2.0,"outcome":{"kind":"adjourned"}}]}',
        NewerRecordError,
    ),
]
_FAILED = FailedBeforeChange(reason="no calibrations \u00e9 /'\"")


class LedgerBench(abc.ABC):
    """An empty ledger, and the claims that go with it."""

    ledger: Ledger
    claims: Claims

    def __init__(self) -> None:
        self.metrics = MemoryMetrics()
        """What the ledger counts on."""

    @abc.abstractmethod
    def lasting_claims(self, seconds: float) -> Claims:
        """Give claims that last; those of `claims` end at once."""

    @abc.abstractmethod
    async def another(self) -> Ledger:
        """Open the same ledger as another process would."""

    @abc.abstractmethod
    async def plant(self, identity: Identity, text: str) -> None:
        """Put a text in place of a record that is there."""

    @abc.abstractmethod
    async def stored(self, identity: Identity) -> str | None:
        """Read a record as it is stored."""


def a_lease(entry: str = "1-0", times: int = 1, origin: str = "1-0", incarnation: int = 0) -> Lease:
    return Lease(
        entry=entry,
        queue="instrument:test",
        enqueued=UtcSeconds(1.8e9),
        work=some_work(),
        times_leased=times,
        origin=origin,
        incarnation=incarnation,
    )


class LedgerContract:
    """Tests of `ports.ledger.Ledger`."""

    async def test_a_turn_is_one_holder_s_until_it_ends(self, bench: LedgerBench) -> None:
        other = await bench.another()
        assert await bench.ledger.take_turn("courier", "a", 0.2)
        assert await bench.ledger.take_turn("courier", "a", 0.2)
        assert not await other.take_turn("courier", "b", 0.2)
        assert await other.take_turn("something else", "b", 0.2)
        await asyncio.sleep(0.3)
        assert await other.take_turn("courier", "b", 0.2)

    async def test_the_holder_of_the_claim_is_known(self, bench: LedgerBench) -> None:
        assert await bench.ledger.claim_on(IDENTITY) is None
        record = await bench.ledger.begin(IDENTITY, "w", a_lease())
        bench.claims.claim(record.attempt, [7])
        claim = await bench.ledger.claim_on(IDENTITY)
        assert claim is not None
        assert (claim.number, claim.exposures) == (record.attempt.number, frozenset({7}))

    async def test_attempts_are_counted_by_identity(self, bench: LedgerBench) -> None:
        numbers = []
        for times in (1, 2, 3):
            record = await bench.ledger.begin(IDENTITY, "w", a_lease(times=times))
            numbers.append((record.attempt.number, record.turn, record.final))
            await bench.ledger.record(record.attempt, _FAILED, final=False)
        assert numbers == [(1, 1, False), (2, 2, False), (3, 3, False)]
        other = await bench.ledger.begin(Identity("Lowell", IDENTITY.group, 5), "w", a_lease())
        assert other.attempt.number == 1

    async def test_consecutive_postponed_attempts_are_one_record_and_no_turn(
        self, bench: LedgerBench
    ) -> None:
        begun = []
        for times in (1, 2, 3):
            record = await bench.ledger.begin(IDENTITY, "w", a_lease(times=times))
            begun.append(record)
            outcome = FailedBeforeChange(reason=f"away {times}", postponed=True)
            await bench.ledger.record(record.attempt, outcome, final=False)
            await bench.ledger.record(record.attempt, outcome, final=False)
        assert [(each.attempt.number, each.turn) for each in begun] == [(1, 1), (2, 1), (3, 1)]
        last = await bench.ledger.begin(IDENTITY, "w", a_lease(times=4))
        assert last.postponed is not None
        assert (last.postponed.times, last.first_begun) == (3, begun[0].begun)
        [postponed, _] = await bench.ledger.history(IDENTITY)
        assert (postponed.attempt.number, postponed.times, postponed.begun) == (3, 3, begun[0].begun)
        assert postponed.outcome == FailedBeforeChange(reason="away 3", postponed=True)
        await bench.ledger.record(last.attempt, _FAILED, final=False)
        again = await bench.ledger.begin(IDENTITY, "w", a_lease(times=5))
        assert (again.turn, again.postponed, again.first_begun) == (2, None, begun[0].begun)

    async def test_an_attempt_that_was_left_open_is_closed_as_postponed(self, bench: LedgerBench) -> None:
        first = await bench.ledger.begin(IDENTITY, "w", a_lease())
        lease = evolve(a_lease("2-0"), open_attempt=first.attempt.number)
        second = await bench.ledger.begin(IDENTITY, "w", lease)
        assert isinstance(second.closed, FailedBeforeChange)
        assert second.closed.postponed
        assert second.turn == 1
        # The mark goes with the delivery, and says nothing of what came after it.
        third = await bench.ledger.begin(IDENTITY, "w", evolve(a_lease("3-0"), open_attempt=1))
        assert isinstance(third.closed, FailedBeforeChange)
        assert not third.closed.postponed
        # Nor of the attempts of a ledger that was emptied meanwhile, which counts from one.
        fourth = await bench.ledger.begin(IDENTITY, "w", evolve(a_lease("4-0"), open_attempt=9))
        assert isinstance(fourth.closed, FailedBeforeChange)
        assert not fourth.closed.postponed

    async def test_what_is_recorded_comes_back(self, bench: LedgerBench) -> None:
        assert list(await bench.ledger.history(IDENTITY)) == []
        begun = await bench.ledger.begin(IDENTITY, "worker-a", a_lease())
        await bench.ledger.record(begun.attempt, _DONE, final=True)
        (record,) = await (await bench.another()).history(IDENTITY)
        assert (record.attempt, record.worker, record.outcome) == (Attempt(IDENTITY, 1), "worker-a", _DONE)
        assert record.final
        assert record.ended is not None
        assert record.ended >= record.begun == begun.begun

    async def test_what_is_noted_of_an_attempt_comes_back(self, bench: LedgerBench) -> None:
        begun = await bench.ledger.begin(IDENTITY, "worker-a", a_lease())
        about = evolve(AboutVisit.of(some_work().visit), pipelines=("ApPipe", "Isr"), rule="node 1 of 1")
        await bench.ledger.note_stage(begun.attempt, "prepare", about)
        await bench.ledger.note_stage(begun.attempt, "process", seconds={"prepare": 1.25})
        (record,) = await (await bench.another()).latest("Lowell")
        assert (record.stage, record.about, record.outcome) == ("process", about, None)
        assert record.seconds == {"prepare": 1.25}
        assert record.stage_begun is not None
        assert record.stage_begun >= record.begun
        notes = AttemptNotes(seconds={"prepare": 1.25, "process": 20.5}, since_shutter=31.5)
        await bench.ledger.record(begun.attempt, _DONE, final=True, notes=notes)
        (record,) = await (await bench.another()).history(IDENTITY)
        assert (record.seconds, record.since_shutter) == (notes.seconds, 31.5)
        assert (record.stage, record.stage_begun, record.about) == ("", None, about)

    async def test_of_who_does_not_hold_the_work_nothing_is_noted(self, bench: LedgerBench) -> None:
        await bench.ledger.note_stage(Attempt(IDENTITY, 1), "prepare")
        assert list(await bench.ledger.history(IDENTITY)) == []
        old = await bench.ledger.begin(IDENTITY, "paused", a_lease())
        await bench.ledger.note_stage(old.attempt, "process")
        new = await bench.ledger.begin(IDENTITY, "b", a_lease(times=2))
        await bench.ledger.note_stage(old.attempt, "export")
        await bench.ledger.record(new.attempt, _DONE, final=True)
        await bench.ledger.note_stage(new.attempt, "clean")
        stages = [record.stage for record in await bench.ledger.history(IDENTITY)]
        assert stages == ["process", ""], "that of a dead worker tells where it died"

    async def test_nothing_follows_a_final_outcome(self, bench: LedgerBench) -> None:
        begun = await bench.ledger.begin(IDENTITY, "a", a_lease())
        await bench.ledger.record(begun.attempt, _DONE, final=True)
        again = await bench.ledger.begin(IDENTITY, "b", a_lease("9-0", origin="9-0"))
        assert (again.attempt, again.outcome, again.final, again.closed) == (begun.attempt, _DONE, True, None)
        assert len(await bench.ledger.history(IDENTITY)) == 1

    async def test_to_begin_again_with_the_same_lease_is_harmless(self, bench: LedgerBench) -> None:
        first = await bench.ledger.begin(IDENTITY, "a", a_lease())
        assert await bench.ledger.begin(IDENTITY, "a", a_lease()) == first
        assert len(await bench.ledger.history(IDENTITY)) == 1

    @pytest.mark.parametrize("lease", [a_lease(times=2), a_lease("7-0", origin="1-0")])
    async def test_a_dead_attempt_is_closed_before_change(self, bench: LedgerBench, lease: Lease) -> None:
        await bench.ledger.begin(IDENTITY, "dead", a_lease())
        new = await bench.ledger.begin(IDENTITY, "b", lease)
        assert (new.attempt.number, new.worker, new.final) == (2, "b", False)
        assert isinstance(new.closed, FailedBeforeChange)
        assert "dead" in new.closed.reason
        old, _ = await bench.ledger.history(IDENTITY)
        assert (old.outcome, old.final) == (new.closed, False)

    async def test_even_its_own_earlier_lease_is_a_dead_attempt(self, bench: LedgerBench) -> None:
        await bench.ledger.begin(IDENTITY, "a", a_lease())
        assert (await bench.ledger.begin(IDENTITY, "a", a_lease(times=2))).attempt.number == 2

    async def test_a_dead_attempt_with_a_claim_is_the_end(self, bench: LedgerBench) -> None:
        begun = await bench.ledger.begin(IDENTITY, "dead", a_lease())
        bench.claims.claim(begun.attempt, [2026031400012])
        found = await bench.ledger.begin(IDENTITY, "b", a_lease(times=2))
        assert (found.attempt, found.final) == (begun.attempt, True)
        assert isinstance(found.outcome, FailedAfterChange)
        assert found.closed == found.outcome
        later = await bench.ledger.begin(IDENTITY, "c", a_lease(times=3))
        assert (later.outcome, later.closed) == (found.outcome, None)

    async def test_a_lost_attempt_writes_nothing(self, bench: LedgerBench) -> None:
        old = await bench.ledger.begin(IDENTITY, "paused", a_lease())
        new = await bench.ledger.begin(IDENTITY, "b", a_lease(times=2))
        with pytest.raises(NotTheHolderError):
            await bench.ledger.record(old.attempt, _DONE, final=True)
        await bench.ledger.record(new.attempt, NoImages(waited=3.5), final=True)
        with pytest.raises(NotTheHolderError):
            await bench.ledger.record(old.attempt, _DONE, final=True)
        assert [record.outcome for record in await final_records(bench.ledger, "Lowell")] == [
            NoImages(waited=3.5)
        ]

    async def test_an_attempt_that_was_closed_after_change_writes_nothing(self, bench: LedgerBench) -> None:
        old = await bench.ledger.begin(IDENTITY, "paused", a_lease())
        bench.claims.claim(old.attempt, [1])
        await bench.ledger.begin(IDENTITY, "b", a_lease(times=2))
        with pytest.raises(NotTheHolderError):
            await bench.ledger.record(old.attempt, _DONE, final=True)

    async def test_a_record_may_be_repeated_but_not_replaced(self, bench: LedgerBench) -> None:
        begun = await bench.ledger.begin(IDENTITY, "a", a_lease())
        await bench.ledger.record(begun.attempt, _DONE, final=True)
        before = await bench.ledger.history(IDENTITY)
        await bench.ledger.record(begun.attempt, _DONE, final=True)
        with pytest.raises(NotTheHolderError):
            await bench.ledger.record(begun.attempt, _FAILED, final=True)
        assert await bench.ledger.history(IDENTITY) == before

    async def test_what_never_began_cannot_be_recorded(self, bench: LedgerBench) -> None:
        with pytest.raises(NotTheHolderError):
            await bench.ledger.record(Attempt(IDENTITY, 1), _DONE, final=True)

    async def test_another_delivery_waits_until_the_first_has_ended(self, bench: LedgerBench) -> None:
        first = await bench.ledger.begin(IDENTITY, "a", a_lease())
        second = a_lease("2-0", origin="2-0")
        with pytest.raises(HeldElsewhereError):
            await bench.ledger.begin(IDENTITY, "b", second)
        await bench.ledger.record(first.attempt, Cancelled(superseded=True), final=False)
        assert (await bench.ledger.begin(IDENTITY, "b", second)).attempt.number == 2

    @pytest.mark.parametrize("ended", [False, True])
    async def test_a_lease_that_comes_late_changes_nothing(self, bench: LedgerBench, *, ended: bool) -> None:
        late = a_lease()
        await bench.ledger.begin(IDENTITY, "a", a_lease(times=2))
        record = await bench.ledger.begin(IDENTITY, "b", a_lease("10-0", origin="1-0"))
        if ended:
            await bench.ledger.record(record.attempt, _FAILED, final=False)
        before = await bench.ledger.history(IDENTITY)
        for worker, lease in (("a", late), ("a", a_lease(times=2)), ("c", a_lease("9-0", origin="1-0"))):
            with pytest.raises(OutdatedLeaseError):
                await bench.ledger.begin(IDENTITY, worker, lease)
        with pytest.raises(OutdatedLeaseError):
            await bench.ledger.begin(IDENTITY, "not b", a_lease("10-0", origin="1-0"))
        assert await (await bench.another()).history(IDENTITY) == before

    async def test_a_lease_older_than_that_of_another_delivery_changes_nothing(
        self, bench: LedgerBench
    ) -> None:
        first = await bench.ledger.begin(IDENTITY, "a", a_lease("2-0", origin="1-0"))
        await bench.ledger.record(first.attempt, Cancelled(superseded=True), final=False)
        second = await bench.ledger.begin(IDENTITY, "b", a_lease("3-0", origin="3-0"))
        for _ in range(2):
            before = await bench.ledger.history(IDENTITY)
            with pytest.raises(OutdatedLeaseError):
                await bench.ledger.begin(IDENTITY, "waking", a_lease("1-0", origin="1-0"), 0.0)
            assert await (await bench.another()).history(IDENTITY) == before
            await bench.ledger.record(second.attempt, _FAILED, final=False)
        put_back = await bench.ledger.begin(IDENTITY, "waking", a_lease("4-0", origin="1-0"))
        assert put_back.attempt.number == 3

    async def test_an_older_lease_of_another_delivery_is_told_of_a_final_outcome(
        self, bench: LedgerBench
    ) -> None:
        begun = await bench.ledger.begin(IDENTITY, "b", a_lease("3-0", origin="3-0"))
        await bench.ledger.record(begun.attempt, _DONE, final=True)
        found = await bench.ledger.begin(IDENTITY, "waking", a_lease("1-0", origin="1-0"))
        assert (found.attempt, found.outcome, found.final) == (begun.attempt, _DONE, True)

    async def test_a_lease_of_an_earlier_incarnation_changes_nothing(self, bench: LedgerBench) -> None:
        # The entries of a queue that was made anew may begin again.
        early, late = a_lease("9-0", times=3, incarnation=7), a_lease("2-0", origin="2-0", incarnation=8)
        first = await bench.ledger.begin(IDENTITY, "a", early)
        second = await bench.ledger.begin(IDENTITY, "b", late)
        assert (second.attempt.number, type(second.closed)) == (2, FailedBeforeChange)
        with pytest.raises(OutdatedLeaseError) as caught:
            await bench.ledger.begin(IDENTITY, "a", early)
        assert caught.value.incarnation == 8
        with pytest.raises(NotTheHolderError):
            await bench.ledger.record(first.attempt, _DONE, final=True)
        again = a_lease("2-0", origin="2-0", incarnation=9)
        assert (await (await bench.another()).begin(IDENTITY, "c", again)).attempt.number == 3
        assert [each.lease and each.lease.incarnation for each in await bench.ledger.history(IDENTITY)] == [
            7,
            8,
            9,
        ]

    async def test_an_attempt_that_lasts_too_long_holds_up_no_other_delivery(
        self, bench: LedgerBench
    ) -> None:
        await bench.ledger.begin(IDENTITY, "a", a_lease())
        await asyncio.sleep(0.05)
        second = a_lease("2-0", origin="2-0")
        with pytest.raises(HeldElsewhereError):
            await bench.ledger.begin(IDENTITY, "b", second, 60.0)
        record = await bench.ledger.begin(IDENTITY, "b", second, 0.02)
        assert (record.attempt.number, type(record.closed)) == (2, FailedBeforeChange)

    async def test_of_many_that_begin_at_once_one_holds(self, bench: LedgerBench) -> None:
        leases = [a_lease(f"{number}-0", origin=f"{number}-0") for number in range(1, 9)]
        found = await asyncio.gather(
            *[bench.ledger.begin(IDENTITY, lease.entry, lease) for lease in leases], return_exceptions=True
        )
        refused = [each for each in found if isinstance(each, HeldElsewhereError | OutdatedLeaseError)]
        assert len(refused) == len(leases) - 1
        assert len(await bench.ledger.history(IDENTITY)) == 1

    async def test_work_that_never_reached_a_worker_is_final(self, bench: LedgerBench) -> None:
        await bench.ledger.record_undelivered(*_VISIT, [4], Expired(age=4000.0))
        await bench.ledger.record_undelivered(*_VISIT, [4], Expired(age=5000.0))
        found = await bench.ledger.begin(IDENTITY, "a", a_lease())
        assert (found.attempt.number, found.outcome, found.final) == (0, Expired(age=4000.0), True)
        assert len(await final_records(bench.ledger, "Lowell")) == 1

    async def test_a_visit_that_no_worker_gets_is_final_for_all_but_those_that_had_it(
        self, bench: LedgerBench
    ) -> None:
        begun = await bench.ledger.begin(IDENTITY, "a", a_lease())
        requeued = Identity(*_VISIT, 7)
        await bench.ledger.mark_requeued(requeued)
        await bench.ledger.record_undelivered(*_VISIT, range(200), Expired(age=4000.0))
        finals = await final_records(bench.ledger, "Lowell")
        assert {record.attempt.identity.detector for record in finals} == set(range(200)) - {4, 7}
        assert {(record.outcome, record.attempt.number) for record in finals} == {(Expired(age=4000.0), 0)}
        assert [record for record in await bench.ledger.latest("Lowell") if not record.final] == [begun]
        assert len(await bench.ledger.latest("Lowell")) == 199
        await bench.ledger.record_undelivered(*_VISIT, (), Expired(age=4000.0))

    async def test_of_a_visit_that_expires_while_it_is_begun_nothing_is_lost(
        self, bench: LedgerBench
    ) -> None:
        other = await bench.another()
        async with asyncio.TaskGroup() as group:
            group.create_task(bench.ledger.record_undelivered(*_VISIT, range(30), Expired(age=4000.0)))
            beginning = [
                group.create_task(other.begin(Identity(*_VISIT, each), "a", a_lease())) for each in range(30)
            ]
        for record in (begun.result() for begun in beginning):
            history = await bench.ledger.history(record.attempt.identity)
            assert list(history) == [record]
            assert record.final == (record.attempt.number == 0)

    async def test_undelivered_work_does_not_hide_an_attempt(self, bench: LedgerBench) -> None:
        begun = await bench.ledger.begin(IDENTITY, "a", a_lease())
        await bench.ledger.record_undelivered(*_VISIT, [4], Expired(age=4000.0))
        assert list(await bench.ledger.history(IDENTITY)) == [begun]

    async def test_work_that_nothing_brings_back_is_ended_once(self, bench: LedgerBench) -> None:
        lost = FailedBeforeChange(reason="lost")
        under_way = await bench.ledger.begin(IDENTITY, "a", a_lease())
        failed = await bench.ledger.begin(evolve(IDENTITY, detector=5), "a", a_lease())
        await bench.ledger.record(failed.attempt, _FAILED, final=False)
        done = await bench.ledger.begin(evolve(IDENTITY, detector=6), "a", a_lease())
        await bench.ledger.record(done.attempt, _DONE, final=True)
        assert set(await bench.ledger.give_up(*_VISIT, [4, 5, 6, 7], lost)) == {4, 5, 7}
        assert set(await bench.ledger.give_up(*_VISIT, [4, 5, 6, 7], lost)) == set()
        found = {each.attempt.identity.detector: each for each in await bench.ledger.latest("Lowell")}
        assert {number: each.outcome for number, each in found.items()} == {
            4: lost,
            5: lost,
            6: _DONE,
            7: lost,
        }
        assert all(each.final for each in found.values())
        assert [found[number].attempt.number for number in (4, 5, 7)] == [1, 2, 0]
        with pytest.raises(NotTheHolderError):
            await bench.ledger.record(under_way.attempt, _DONE, final=True)

    async def test_work_with_a_claim_is_given_up_only_once_that_has_ended(self, bench: LedgerBench) -> None:
        begun = await bench.ledger.begin(IDENTITY, "a", a_lease())
        bench.lasting_claims(0.3).claim(begun.attempt, [2026031400012])
        assert not await bench.ledger.give_up(*_VISIT, [4], _FAILED)
        await asyncio.sleep(0.4)
        assert set(await bench.ledger.give_up(*_VISIT, [4], _FAILED)) == {4}
        [record] = await bench.ledger.history(IDENTITY)
        assert (type(record.outcome), record.final) == (FailedAfterChange, True)

    async def test_a_requeue_lets_another_attempt_follow(self, bench: LedgerBench) -> None:
        for times in (1, 2):
            record = await bench.ledger.begin(IDENTITY, "a", a_lease(times=times))
            await bench.ledger.record(record.attempt, _FAILED, final=times == 2)
        await bench.ledger.mark_requeued(IDENTITY)
        assert list(await final_records(bench.ledger, "Lowell")) == []
        await bench.ledger.record_undelivered(*_VISIT, [4], Expired(age=1e4))
        new = await bench.ledger.begin(IDENTITY, "b", a_lease("5-0", origin="5-0"))
        assert (new.attempt.number, new.turn, new.final) == (3, 1, False)
        assert new.requeued is not None
        assert record.requeued is None
        await bench.ledger.record(new.attempt, _DONE, final=True)
        assert [record.outcome for record in await final_records(bench.ledger, "Lowell")] == [_DONE]

    async def test_a_requeue_closes_an_attempt_whose_delivery_is_gone(self, bench: LedgerBench) -> None:
        old = await bench.ledger.begin(IDENTITY, "a", a_lease())
        await bench.ledger.mark_requeued(IDENTITY)
        new = await bench.ledger.begin(IDENTITY, "b", a_lease("5-0", origin="5-0"))
        assert new.attempt.number == 2
        assert isinstance(new.closed, FailedBeforeChange)
        with pytest.raises(NotTheHolderError):
            await bench.ledger.record(old.attempt, _DONE, final=True)

    async def test_what_ends_after_a_requeue_is_not_final(self, bench: LedgerBench) -> None:
        old = await bench.ledger.begin(IDENTITY, "a", a_lease())
        await bench.ledger.mark_requeued(IDENTITY)
        await bench.ledger.record(old.attempt, _FAILED, final=True)
        new = await bench.ledger.begin(IDENTITY, "b", a_lease("5-0", origin="5-0"))
        assert (new.attempt.number, new.closed) == (2, None)

    async def test_a_claim_outlives_a_requeue(self, bench: LedgerBench) -> None:
        old = await bench.ledger.begin(IDENTITY, "a", a_lease())
        bench.claims.claim(old.attempt, [1])
        await bench.ledger.record(old.attempt, FailedAfterChange(reason="no disk"), final=True)
        await bench.ledger.mark_requeued(IDENTITY)
        new = await bench.ledger.begin(IDENTITY, "b", a_lease("5-0", origin="5-0"))
        assert await bench.ledger.has_claim(IDENTITY)
        with pytest.raises(ClaimedElsewhereError):
            bench.claims.claim(new.attempt, [1])

    async def test_the_latest_record_of_each_identity_is_listed(self, bench: LedgerBench) -> None:
        done, failed, going = (Identity("Lowell", "g", detector) for detector in (1, 2, 3))
        elsewhere = Identity("Other", "g", 1)
        outcomes: dict[Identity, tuple[Outcome, bool]] = {
            done: (_DONE, True),
            failed: (_FAILED, False),
            elsewhere: (_DONE, True),
        }
        for identity in (done, failed, going, elsewhere):
            begun = await bench.ledger.begin(identity, "a", a_lease())
            if identity in outcomes:
                outcome, final = outcomes[identity]
                await bench.ledger.record(begun.attempt, outcome, final=final)
        found = {record.attempt.identity: record.final for record in await bench.ledger.latest("Lowell")}
        assert found == {done: True, failed: False, going: False}

    async def test_old_visits_can_be_left_out(self, bench: LedgerBench) -> None:
        begun = await bench.ledger.begin(IDENTITY, "a", a_lease())
        await bench.ledger.record(begun.attempt, _DONE, final=True)
        assert len(await final_records(bench.ledger, "Lowell", UtcSeconds(begun.begun - 2.0))) == 1
        assert len(await final_records(bench.ledger, "Lowell", UtcSeconds(begun.begun + 3600.0))) == 0

    async def test_unread_deliveries_are_kept_by_queue_and_entry(self, bench: LedgerBench) -> None:
        outcome = Poisoned(reason="detector: 'four' is not a number")
        await bench.ledger.record_unreadable("q", "1-0", outcome)
        await bench.ledger.record_unreadable("q", "1-0", outcome)
        assert await bench.ledger.unreadable("q") == {"1-0": outcome}
        assert await bench.ledger.unreadable("r") == {}

    async def test_it_is_known_whether_there_is_a_claim(self, bench: LedgerBench) -> None:
        assert not await bench.ledger.has_claim(IDENTITY)
        begun = await bench.ledger.begin(IDENTITY, "a", a_lease())
        assert not await bench.ledger.has_claim(IDENTITY)
        bench.claims.claim(begun.attempt, [7])
        assert await bench.ledger.has_claim(IDENTITY)
        assert not await bench.ledger.has_claim(Identity("Lowell", IDENTITY.group, 5))

    @pytest.mark.parametrize(("text", "error"), _NOT_OURS)
    async def test_a_record_that_is_not_ours_is_left_alone(
        self, bench: LedgerBench, text: str, error: type[LedgerRecordError]
    ) -> None:
        begun = await bench.ledger.begin(IDENTITY, "a", a_lease())
        await bench.plant(IDENTITY, text)
        with pytest.raises(error, match="detector 4"):
            await bench.ledger.begin(IDENTITY, "b", a_lease(times=2))
        with pytest.raises(error):
            await bench.ledger.record(begun.attempt, _DONE, final=True)
        with pytest.raises(error):
            await bench.ledger.mark_requeued(IDENTITY)
        with pytest.raises(error):
            await bench.ledger.history(IDENTITY)
        with pytest.raises(ClaimedElsewhereError):
            bench.claims.claim(begun.attempt, [1])
        assert await bench.ledger.has_claim(IDENTITY)
        assert await bench.stored(IDENTITY) == text

    @pytest.mark.parametrize(("text", "error"), _NOT_OURS)
    async def test_a_record_that_is_not_ours_hides_no_other(
        self,
        bench: LedgerBench,
        caplog: pytest.LogCaptureFixture,
        text: str,
        error: type[LedgerRecordError],
    ) -> None:
        others = [
            await bench.ledger.begin(identity, "a", a_lease())
            for identity in (IDENTITY, Identity(*_VISIT, 5), Identity("Lowell", "another", 4))
        ][1:]
        await bench.plant(IDENTITY, text)
        for _ in range(2):
            found = await bench.ledger.latest("Lowell")
            assert sorted(found, key=lambda record: record.attempt) == sorted(
                others, key=lambda record: record.attempt
            )
        await bench.ledger.record_undelivered(*_VISIT, [4, 6], Expired(age=4000.0))
        (final,) = await final_records(bench.ledger, "Lowell")
        assert final.attempt.identity.detector == 6
        assert await bench.stored(IDENTITY) == text
        [line] = [record for record in caplog.records if record.name == "application.ledger"]
        assert "detector 4" in line.getMessage()
        assert bench.metrics.total(Counter.LEDGER_RECORDS_NOT_READ, instrument="Lowell", kind=error.kind) == 1

    async def test_a_word_for_a_snap_that_only_a_newer_release_knows_is_kept(
        self, bench: LedgerBench
    ) -> None:
        begun = await bench.ledger.begin(IDENTITY, "a", a_lease())
        await bench.ledger.record(
            begun.attempt,
            FailedBeforeChange(
                reason="r", snaps=(SnapResult(exposure=1, result=UnknownStatus("overexposed")),)
            ),
            final=False,
        )
        record = await bench.ledger.begin(IDENTITY, "b", a_lease(times=2))
        await bench.ledger.record(record.attempt, _DONE, final=True)
        assert '"result":"overexposed"' in (await bench.stored(IDENTITY) or "")
        first, _ = await (await bench.another()).history(IDENTITY)
        assert first.outcome is not None
        assert [snap.result for snap in snaps_of(first.outcome)] == ["overexposed"]
