"""Whatever the schedule: no work lost, no permanent change twice, one final outcome each.

Workers are paused and woken between any two of their steps, killed, and left
with leases that others took over; visits are announced again, changed, and
delivered twice; the upkeep comes at any moment.
"""

import asyncio
from collections.abc import Awaitable

import looptime
from attrs import define
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from adapters.memory.history_store import MemoryClaimStore, MemoryHistoryStore
from adapters.memory.queue.control import MemoryControl
from adapters.memory.queue.queue_store import MemoryQueueStore
from adapters.memory.queue.work_publisher import MemoryWorkPublisher
from adapters.memory.queue.work_queue import MemoryQueueUpkeep, MemoryWorkQueue
from application.ledger import StoredClaims, StoredLedger
from domain.visit import Identity
from domain.work.attempts import Attempt
from domain.work.outcomes import Cancelled, Completed, FailedAfterChange, FailedBeforeChange
from ports.ledger import ClaimedElsewhereError, HeldElsewhereError, NotTheHolderError, OutdatedLeaseError
from ports.work_queue import Lease, LeaseLostError
from tests.contract_suites.samples import INSTRUMENT, LoopClock, a_visit, some_work
from tests.ledger_records import final_records

_LEASE = 30.0
_GROUPS = st.sampled_from(["g1", "g2"])
_DETECTORS = (1, 2)


@define
class _Hand:
    """What one worker does with one lease, step by step."""

    queue: MemoryWorkQueue
    lease: Lease
    attempt: Attempt | None = None
    step: str = ""


class Schedules(RuleBasedStateMachine):
    @initialize()
    def build(self) -> None:
        self.loop = looptime.new_event_loop()
        clock = LoopClock()
        self.store = MemoryQueueStore(clock, lease_seconds=_LEASE)
        self.upkeep = MemoryQueueUpkeep(self.store)
        self.publisher = MemoryWorkPublisher({INSTRUMENT: self.store}, MemoryControl(clock))
        self.histories = MemoryHistoryStore(clock)
        self.ledger = StoredLedger(self.histories)
        self.claims = StoredClaims(MemoryClaimStore(self.histories))
        self.hands: list[_Hand] = []
        self.consumers = 0
        self.announced: set[Identity] = set()
        self.changes: list[tuple[Identity, int]] = []

    def run_now[T](self, work: Awaitable[T]) -> T:
        async def whole() -> T:
            return await work

        return self.loop.run_until_complete(whole())

    @rule(group=_GROUPS, filters=st.sampled_from(["r", "i"]))
    def announce(self, group: str, filters: str) -> None:
        self.run_now(self.publisher.publish(a_visit(group, filters=filters), _DETECTORS))
        self.announced |= {Identity(INSTRUMENT, group, detector) for detector in _DETECTORS}

    @rule(group=_GROUPS, detector=st.sampled_from(_DETECTORS))
    def deliver_once_more(self, group: str, detector: int) -> None:
        self.run_now(self.publisher.put_again(some_work(detector, group)))
        self.announced.add(Identity(INSTRUMENT, group, detector))

    @rule()
    def start_a_worker(self) -> None:
        self.consumers += 1
        queue = MemoryWorkQueue(self.store, f"c{self.consumers}")
        lease = self.run_now(queue.lease(0.0))
        if lease is not None:
            self.hands.append(_Hand(queue, lease))

    @precondition(lambda self: self.hands)
    @rule(data=st.data(), fail=st.booleans())
    def wake_one(self, data: st.DataObject, fail: bool) -> None:
        hand = data.draw(st.sampled_from(self.hands))
        self.run_now(self.advance(hand, fail))
        if hand.step == "end":
            self.hands.remove(hand)

    @precondition(lambda self: self.hands)
    @rule(data=st.data())
    def kill_one(self, data: st.DataObject) -> None:
        self.hands.remove(data.draw(st.sampled_from(self.hands)))

    @precondition(lambda self: self.hands)
    @rule(data=st.data())
    def renew_one(self, data: st.DataObject) -> None:
        hand = data.draw(st.sampled_from(self.hands))
        try:
            self.run_now(hand.queue.renew(hand.lease))
        except LeaseLostError:
            self.hands.remove(hand)

    @rule(seconds=st.sampled_from([1.0, _LEASE / 2, _LEASE, 3 * _LEASE]))
    def let_time_pass(self, seconds: float) -> None:
        self.run_now(asyncio.sleep(seconds))

    @rule()
    def put_back_expired(self) -> None:
        self.run_now(self.upkeep.put_back_expired())

    @rule(group=_GROUPS, detector=st.sampled_from(_DETECTORS))
    def requeue_by_hand(self, group: str, detector: int) -> None:
        identity = Identity(INSTRUMENT, group, detector)
        if identity in self.announced:
            self.run_now(self.ledger.mark_requeued(identity))
            self.run_now(self.publisher.put_again(some_work(detector, group)))

    @invariant()
    def nothing_is_changed_twice(self) -> None:
        assert len(self.changes) == len(set(self.changes))

    async def advance(self, hand: _Hand, fail: bool) -> None:
        """Let a worker do its next step."""
        try:
            if hand.attempt is None:
                await self.begin(hand)
            elif hand.step in {"acknowledge", "give back"}:
                verb = hand.queue.acknowledge if hand.step == "acknowledge" else hand.queue.give_back
                await verb(hand.lease)
                hand.step = "end"
            else:
                await self.work(hand, hand.attempt, fail)
        except ClaimedElsewhereError:
            await self.fail_at_claim(hand)
        except (HeldElsewhereError, OutdatedLeaseError):  # Giving back does nothing where the lease is lost.
            await hand.queue.give_back(hand.lease)
            hand.step = "end"
        except NotTheHolderError:
            hand.step = "end"

    async def begin(self, hand: _Hand) -> None:
        assert hand.lease.work is not None
        record = await self.ledger.begin(hand.lease.work.identity, "w", hand.lease)
        hand.attempt = record.attempt
        hand.step = "acknowledge" if record.final else "claim"
        if not record.final and hand.lease.latest_revision > hand.lease.revision:
            await self.ledger.record(record.attempt, Cancelled(superseded=True), final=False)
            hand.step = "acknowledge"

    async def work(self, hand: _Hand, attempt: Attempt, fail: bool) -> None:
        exposure = 1000 + int(attempt.identity.group[1:])
        if hand.step == "claim" and fail:
            await self.ledger.record(attempt, FailedBeforeChange(reason="f"), final=False)
            hand.step = "give back"
        elif hand.step == "claim":
            self.claims.claim(attempt, [exposure])
            hand.step = "change"
        elif hand.step == "change":
            self.changes.append((attempt.identity, exposure))
            hand.step = "record"
        else:
            await self.ledger.record(attempt, Completed(pipeline="p"), final=True)
            hand.step = "acknowledge"

    async def fail_at_claim(self, hand: _Hand) -> None:
        assert hand.attempt is not None
        if await self.ledger.has_claim(hand.attempt.identity):
            await self.ledger.record(hand.attempt, FailedAfterChange(reason="claimed"), final=True)
            hand.step = "acknowledge"
        else:
            hand.step = "end"

    async def drain(self) -> None:
        """Let everything that is under way end, with a worker that nothing befalls."""
        queue = MemoryWorkQueue(self.store, "last")
        while (lease := await queue.lease(2 * _LEASE)) is not None:
            hand = _Hand(queue, lease)
            while hand.step != "end":
                await self.advance(hand, fail=False)
            # Of two deliveries of the same work one waits for the other.
            await asyncio.sleep(1.0)

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        try:
            self.run_now(self.drain())
            self.nothing_is_changed_twice()
            finals = self.run_now(final_records(self.ledger, INSTRUMENT))
            assert {record.attempt.identity for record in finals} == self.announced
            assert len(finals) == len(self.announced)
            changed = {identity for identity, _ in self.changes}
            for record in finals:
                if isinstance(record.outcome, Completed):
                    assert record.attempt.identity in changed
            assert self.run_now(self.upkeep.depth()).leased == 0
        finally:
            self.loop.close()


TestSchedules = Schedules.TestCase
TestSchedules.settings = settings(stateful_step_count=40)
