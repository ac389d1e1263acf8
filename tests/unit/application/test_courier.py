"""What becomes of alerts in the outbox, on adapters in memory."""

import asyncio

import pytest

from adapters.memory.history_store import MemoryClaimStore, MemoryHistoryStore
from adapters.memory.metrics import MemoryMetrics
from adapters.memory.outputs.alerts import MemoryAlertBroker, MemoryAlertOutbox, MemoryStoredSources
from application.alerts.courier import AlertCourier, CourierPolicy, Looked
from application.ledger import StoredClaims, StoredLedger
from domain.visit import Identity
from domain.work.attempts import Attempt
from domain.work.outcomes import Completed, FailedAfterChange, FailedBeforeChange
from ports.alert_outbox import AlertBrokerUnavailableError, LaidAlert, LaidPacket
from ports.metrics import Counter
from tests.contract_suites.ledger import a_lease
from tests.contract_suites.samples import LoopClock

pytestmark = pytest.mark.looptime

IDENTITY = Identity("LATISS", "g", 4)
VISIT = 7
SETTLING = 100.0


class _Box:
    def __init__(self) -> None:
        self.clock = LoopClock()
        self.histories = MemoryHistoryStore(self.clock)
        self.ledger = StoredLedger(self.histories)
        self.claims = StoredClaims(MemoryClaimStore(self.histories))
        self.outbox, self.broker, self.sources = (
            MemoryAlertOutbox(),
            MemoryAlertBroker(),
            MemoryStoredSources(),
        )
        self.metrics = MemoryMetrics()
        self.courier = self.another("a")

    def another(self, name: str) -> AlertCourier:
        return AlertCourier(
            name=name,
            policy=CourierPolicy(settling=SETTLING),
            outbox=self.outbox,
            broker=self.broker,
            sources=self.sources,
            ledger=self.ledger,
            clock=self.clock,
            metrics=self.metrics,
        )

    async def begin(self, *, with_claim: bool = True) -> Attempt:
        attempt = (await self.ledger.begin(IDENTITY, "w", a_lease())).attempt
        if with_claim:
            self.claims.claim(attempt, [VISIT])
        return attempt

    def lay(self, owner: Attempt, *ids: int, held: str = "") -> None:
        alerts = tuple(LaidAlert(one, b"%d" % one) for one in ids)
        name = f"{owner.number}.avro"
        self.outbox.lay(LaidPacket(name=name, owner=owner, visit=VISIT, detector=4, alerts=alerts, held=held))

    def store(self, *ids: int) -> None:
        self.sources.stored[VISIT, 4] = set(ids)


async def _killed(box: _Box, *stored: int) -> Attempt:
    """Have an attempt die after its claim, with two alerts laid down."""
    attempt = await box.begin()
    box.lay(attempt, 1, 2)
    box.store(*stored)
    await box.ledger.record(attempt, FailedAfterChange(reason="killed"), final=True)
    return attempt


async def test_alerts_of_what_is_stored_are_sent_when_the_attempt_has_ended() -> None:
    box = _Box()
    attempt = await box.begin()
    box.lay(attempt, 1, 2)
    box.store(1, 2)
    await asyncio.sleep(10.0)
    assert await box.courier.look() == Looked(left=2)
    assert box.broker.taken == []
    await box.ledger.record(attempt, Completed(pipeline="ApPipe", snaps=()), final=True)
    assert await box.courier.look() == Looked(sent=2)
    assert (box.broker.taken, box.outbox.packets) == ([b"1", b"2"], {})
    assert await box.courier.look() == Looked()


async def test_alerts_of_what_is_not_stored_are_discarded_but_not_before_it_cannot_be(
    caplog: pytest.LogCaptureFixture,
) -> None:
    box = _Box()
    await _killed(box)
    assert await box.courier.look() == Looked(left=2)
    await asyncio.sleep(SETTLING + 1.0)
    assert await box.courier.look() == Looked(discarded=2)
    assert (box.broker.taken, box.outbox.packets) == ([], {})
    assert "APDB does not hold their sources: 1 2" in caplog.text
    assert box.metrics.total(Counter.ALERTS_DELIVERED) == 2


async def test_a_transaction_that_is_committed_late_is_told_of() -> None:
    box = _Box()
    await _killed(box)
    await box.courier.look()
    box.store(1, 2)
    await asyncio.sleep(SETTLING + 1.0)
    assert await box.courier.look() == Looked(sent=2)


async def test_packets_of_an_attempt_without_the_claim_are_discarded_when_it_is_closed() -> None:
    box = _Box()
    first = await box.begin(with_claim=False)
    box.lay(first, 1, 2)
    assert await box.courier.look() == Looked(left=2)
    await box.ledger.record(first, FailedBeforeChange(reason="no APDB"), final=False)
    second = (await box.ledger.begin(IDENTITY, "w", a_lease(times=2))).attempt
    box.claims.claim(second, [VISIT])
    box.lay(second, 1, 2)
    box.store(1, 2)
    assert await box.courier.look() == Looked(discarded=2)
    await box.ledger.record(second, Completed(pipeline="ApPipe", snaps=()), final=True)
    assert await box.courier.look() == Looked(sent=2)
    assert box.broker.taken == [b"1", b"2"]


async def test_what_the_ledger_does_not_know_is_left_for_a_person_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    box = _Box()
    box.lay(Attempt(IDENTITY, 3), 1)
    box.store(1)
    box.outbox.packets["odd.avro"] = None
    for _ in range(3):
        assert await box.courier.look() == Looked(left=1)
    assert caplog.text.count("left for a person") == 2


async def test_the_end_of_a_claim_is_an_end_though_nobody_records_it() -> None:
    box = _Box()
    box.claims = StoredClaims(MemoryClaimStore(box.histories), seconds=50.0)
    attempt = await box.begin()
    box.lay(attempt, 1, 2)
    box.store(1, 2)
    assert await box.courier.look() == Looked(left=2)
    await asyncio.sleep(50.0 + SETTLING + 1.0)
    assert await box.courier.look() == Looked(sent=2)


async def test_what_has_just_been_laid_down_is_not_read() -> None:
    box = _Box()
    await box.courier.look()
    await _killed(box, 1, 2)
    box.outbox.packets["odd.avro"] = None
    assert await box.courier.look() == Looked()
    assert await box.courier.look() == Looked(sent=2)


async def test_held_alerts_wait_until_they_are_released() -> None:
    box = _Box()
    attempt = await _killed(box, 1, 2)
    box.lay(attempt, 1, 2, held="too many sources")
    await asyncio.sleep(SETTLING + 1.0)
    assert await box.courier.look() == Looked(left=2)
    box.lay(attempt, 1, 2)
    assert await box.courier.look() == Looked(sent=2)


async def test_held_alerts_of_an_attempt_without_the_claim_are_discarded() -> None:
    box = _Box()
    first = await box.begin(with_claim=False)
    box.lay(first, 1, 2, held="too many sources")
    assert await box.courier.look() == Looked(left=2)
    await box.ledger.record(first, FailedBeforeChange(reason="no APDB"), final=False)
    assert await box.courier.look() == Looked(discarded=2)


async def test_a_broker_that_is_away_costs_nothing_and_one_refused_alert_holds_up_no_other() -> None:
    box = _Box()
    await _killed(box, 1, 2)
    box.broker.outage = "cut off"
    with pytest.raises(AlertBrokerUnavailableError):
        await box.courier.look()
    box.broker.outage = ""
    box.broker.refused = {b"1"}
    assert await box.courier.look() == Looked(sent=1, left=1)
    assert await box.courier.look() == Looked(left=1)
    box.broker.refused = set()
    assert await box.courier.look() == Looked(sent=1)


async def test_one_courier_goes_at_a_time_and_another_follows_one_that_died() -> None:
    box = _Box()
    await _killed(box, 1, 2)
    other = box.another("b")
    await box.courier.look()
    await _killed_again(box)
    assert await other.look() == Looked()
    await asyncio.sleep(200.0)
    assert await other.look() == Looked(sent=1)


async def _killed_again(box: _Box) -> None:
    box.lay(Attempt(IDENTITY, 1), 2)
