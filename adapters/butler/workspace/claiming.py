"""The claim before the first permanent change (semantics 3)."""

from collections.abc import Sequence

from attrs import evolve

from adapters.butler.workspace.attempt import OpenAttempt
from ports.ledger import ClaimedElsewhereError, Claims
from ports.workspace import ClaimRefusedError

__all__ = ["make_claim"]


def make_claim(claims: Claims, attempt: OpenAttempt, exposures: Sequence[int]) -> None:
    """Claim exposures for an attempt, if it has not done so yet.

    Raises
    ------
    ClaimRefusedError
        Raised if they belong to another attempt: nothing may be changed.
    LedgerUnavailableError
        Raised if the store of claims cannot be reached: nothing may be changed.
    DiskFullError
        Raised if the disk may not take what follows: nothing may be changed.
    """
    if attempt.journal.claimed or not exposures:
        return
    attempt.reserve.take()
    try:
        claims.claim(attempt.assignment.attempt, exposures)
    except ClaimedElsewhereError as error:
        raise ClaimRefusedError(f"no claim, so nothing is changed: {error}") from error
    attempt.reserve.write(lambda: attempt.note(evolve(attempt.journal, claimed=True)))
