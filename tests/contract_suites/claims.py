"""What every store of claims must hold, in memory and for real."""

import asyncio

import pytest
from attrs import evolve

from domain.visit import Identity
from domain.work.attempts import Attempt
from domain.work.outcomes import FailedBeforeChange
from ports.ledger import ClaimedElsewhereError
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

    async def test_of_work_that_the_ledger_does_not_know_claims_decide(self, bench: LedgerBench) -> None:
        bench.claims.claim(Attempt(IDENTITY, 1), [_E1])
        with pytest.raises(ClaimedElsewhereError):
            bench.claims.claim(Attempt(IDENTITY, 2), [_E1])
        # The number of a claim is never given to another attempt.
        assert (await _begun(bench)).number == 2
