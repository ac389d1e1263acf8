"""What every store of claims must hold, in memory and for real."""

import asyncio

import pytest
from attrs import evolve

from domain.visit import Identity
from domain.work.attempts import Attempt
from domain.work.outcomes import Completed, FailedAfterChange, FailedBeforeChange
from ports.ledger import ClaimedElsewhereError, ClaimNotOverError
from tests.contract_suites.ledger import IDENTITY, LedgerBench, a_lease

__all__ = ["ClaimsContract"]

_E1, _E2, _E3 = 2026031400012, 2026031400013, 7024052800001


async def _begun(bench: LedgerBench, identity: Identity = IDENTITY, times: int = 1) -> Attempt:
    return (await bench.ledger.begin(identity, "w", a_lease(times=times))).attempt


class ClaimsContract:
    """Tests of `ports.ledger.Claims`."""

    async def test_an_attempt_may_repeat_and_extend_its_claim(self, bench: LedgerBench) -> None:
        attempt = await _begun(bench)
        for exposures in ([_E1, _E2], [_E1, _E2], [_E2, _E3], [_E1]):
            bench.claims.claim(attempt, exposures)
        claim = await bench.ledger.claim_on(IDENTITY)
        assert claim is not None
        assert claim.exposures == {_E1, _E2, _E3}

    async def test_another_attempt_gets_nothing(self, bench: LedgerBench) -> None:
        first = await _begun(bench)
        bench.claims.claim(first, [_E1])
        await bench.ledger.record(first, FailedBeforeChange(reason="wrongly said"), final=False)
        second = await _begun(bench, times=2)
        for exposures in ([_E1], [_E2]):
            with pytest.raises(ClaimedElsewhereError, match="attempt 2"):
                bench.claims.claim(second, exposures)

    async def test_all_or_none(self, bench: LedgerBench) -> None:
        other = evolve(IDENTITY, group="another")
        mine, theirs = await _begun(bench), await _begun(bench, other)
        bench.claims.claim(theirs, [_E2])
        with pytest.raises(ClaimedElsewhereError, match=str(_E2)):
            bench.claims.claim(mine, [_E1, _E2, _E3])
        assert not await bench.ledger.has_claim(IDENTITY)
        bench.claims.claim(theirs, [_E1, _E3])

    async def test_detectors_and_instruments_are_told_apart(self, bench: LedgerBench) -> None:
        for identity in (
            IDENTITY,
            evolve(IDENTITY, detector=5),
            evolve(IDENTITY, instrument="Other"),
        ):
            bench.claims.claim(await _begun(bench, identity), [_E1])

    async def test_a_paused_attempt_that_was_closed_gets_nothing(self, bench: LedgerBench) -> None:
        paused = await _begun(bench)
        new = await _begun(bench, times=2)
        with pytest.raises(ClaimedElsewhereError):
            bench.claims.claim(paused, [_E1])
        bench.claims.claim(new, [_E1])

    async def test_an_attempt_that_has_ended_gets_nothing(self, bench: LedgerBench) -> None:
        attempt = await _begun(bench)
        await bench.ledger.record(attempt, FailedBeforeChange(reason="full disk"), final=False)
        with pytest.raises(ClaimedElsewhereError):
            bench.claims.claim(attempt, [_E1])

    async def test_claim_and_takeover_at_once_leave_one_way_on(self, bench: LedgerBench) -> None:
        """Either the claim comes first, and the work is over; or the takeover, and the claim is refused."""
        for number in range(20):
            identity = evolve(IDENTITY, group=f"g{number}")
            paused = await _begun(bench, identity)
            claim, taken = await asyncio.gather(
                asyncio.to_thread(bench.claims.claim, paused, [_E1 + number]),
                bench.ledger.begin(identity, "b", a_lease(times=2)),
                return_exceptions=True,
            )
            assert not isinstance(taken, BaseException)
            assert taken.final is not isinstance(claim, ClaimedElsewhereError)

    async def test_until_a_claim_ends_its_holder_alone_goes_on(self, bench: LedgerBench) -> None:
        first = await bench.ledger.begin(IDENTITY, "w", a_lease())
        bench.lasting_claims(1.0).claim(first.attempt, [_E1])
        for lease in (a_lease(times=2), a_lease("2-0"), a_lease("3-0", origin="3-0")):
            with pytest.raises(ClaimNotOverError) as caught:
                await bench.ledger.begin(IDENTITY, "other", lease)
            assert 0.0 < caught.value.seconds <= 1.0
        again = await bench.ledger.begin(IDENTITY, "w", a_lease())
        assert again.attempt == first.attempt
        await asyncio.sleep(1.1)
        closed = await bench.ledger.begin(IDENTITY, "other", a_lease(times=2))
        assert isinstance(closed.outcome, FailedAfterChange)
        assert closed.final

    async def test_who_holds_a_claim_records_without_a_lease(self, bench: LedgerBench) -> None:
        first = await bench.ledger.begin(IDENTITY, "w", a_lease())
        bench.lasting_claims(60.0).claim(first.attempt, [_E1])
        with pytest.raises(ClaimNotOverError):
            await bench.ledger.begin(IDENTITY, "other", a_lease(times=2))
        await bench.ledger.record(first.attempt, Completed(pipeline="p"), final=True)
        last = await bench.ledger.begin(IDENTITY, "other", a_lease(times=2))
        assert last.outcome == Completed(pipeline="p")

    async def test_a_claim_that_is_repeated_ends_when_it_did(self, bench: LedgerBench) -> None:
        first = await bench.ledger.begin(IDENTITY, "w", a_lease())
        bench.lasting_claims(0.5).claim(first.attempt, [_E1])
        bench.lasting_claims(60.0).claim(first.attempt, [_E1, _E2])
        await asyncio.sleep(0.6)
        closed = await bench.ledger.begin(IDENTITY, "other", a_lease(times=2))
        assert closed.final

    @pytest.mark.parametrize("is_open", [False, True])
    async def test_what_was_postponed_withdraws_a_claim_whose_answer_was_lost(
        self, bench: LedgerBench, is_open: bool
    ) -> None:
        first = await _begun(bench)
        claims = bench.lasting_claims(60.0)
        claims.claim(first, [_E1])
        if not is_open:
            away = FailedBeforeChange(reason="ledger away", postponed=True)
            await bench.ledger.record(first, away, final=False)
        lease = evolve(a_lease("2-0"), open_attempt=first.number if is_open else 0)
        second = await bench.ledger.begin(IDENTITY, "other", lease)
        assert (second.attempt.number, second.turn) == (2, 1)
        assert not await bench.ledger.has_claim(IDENTITY)
        with pytest.raises(ClaimedElsewhereError):
            claims.claim(first, [_E1])
        claims.claim(second.attempt, [_E1])

    async def test_of_work_that_the_ledger_does_not_know_claims_decide(self, bench: LedgerBench) -> None:
        bench.claims.claim(Attempt(IDENTITY, 1), [_E1])
        with pytest.raises(ClaimedElsewhereError):
            bench.claims.claim(Attempt(IDENTITY, 2), [_E1])
        # The number of a claim is never given to another attempt.
        assert (await _begun(bench)).number == 2
