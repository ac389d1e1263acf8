"""The record of attempts and outcomes, and the claims that guard permanent changes."""

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen

from domain.errors import PromptProcessingError
from domain.outcomes import Outcome
from domain.times import UtcSeconds
from domain.visit import Identity
from ports.work_queue import Lease

__all__ = [
    "Attempt",
    "AttemptRecord",
    "ClaimedElsewhereError",
    "Claims",
    "Ledger",
    "LedgerUnavailableError",
    "NotTheHolderError",
]


class LedgerUnavailableError(PromptProcessingError):
    """The ledger or the store of claims cannot be reached now."""


class NotTheHolderError(PromptProcessingError):
    """A later attempt has begun: this one may write nothing any more."""


class ClaimedElsewhereError(PromptProcessingError):
    """An exposure of the visit-detector belongs to another attempt."""


@frozen(order=True)
class Attempt:
    """One lease of one visit-detector by one worker."""

    identity: Identity
    number: int
    """From 1, counted by the ledger."""

    def __str__(self) -> str:
        return f"{self.identity} attempt {self.number}"


@frozen(kw_only=True)
class AttemptRecord:
    """What the ledger knows of one attempt."""

    attempt: Attempt
    worker: str
    begun: UtcSeconds
    outcome: Outcome | None = None
    """None while it goes on, or if its worker died."""
    ended: UtcSeconds | None = None
    final: bool = False
    """True if no further attempt follows."""


class Ledger(Protocol):
    """Attempts and outcomes by identity, shared by all processes of a deployment.

    An identity has at most one attempt that holds it: the last one begun. Its
    final outcome is that of its last attempt. Everything acknowledged here is
    durable.

    All methods raise `LedgerUnavailableError` if the ledger is out of reach.
    """

    async def begin(self, identity: Identity, worker: str, lease: Lease) -> AttemptRecord:
        """Begin the next attempt, closing the one before if its worker died.

        A dead attempt is closed as failed after change if there is a claim,
        else as failed before change. If the identity has a final outcome, no
        attempt is begun and the final record is returned.
        """
        ...

    async def record(self, attempt: Attempt, outcome: Outcome, *, final: bool) -> None:
        """Record how the attempt ended.

        Raises
        ------
        NotTheHolderError
            Raised if a later attempt has begun; nothing is written.
        """
        ...

    async def record_unread(self, queue: str, entry: str, outcome: Outcome) -> None:
        """Record the outcome of a delivery that has no identity."""
        ...

    async def record_undelivered(self, identity: Identity, outcome: Outcome) -> None:
        """Record a final outcome for work that never reached a worker.

        Nothing is written if an attempt was begun before.
        """
        ...

    async def has_claim(self, identity: Identity) -> bool:
        """Say whether any attempt has claimed an exposure of this identity."""
        ...

    async def history(self, identity: Identity) -> Sequence[AttemptRecord]:
        """List the attempts on one identity, in their order."""
        ...

    async def finals(self, instrument: str) -> Sequence[AttemptRecord]:
        """List the final records of an instrument, one for each identity that has one."""
        ...


class Claims(Protocol):
    """Exclusive, durable claims on exposures; called from the child, hence synchronous.

    A lease is not exclusive, a claim is: it is made once, before the first
    permanent change, and outlives leases and workers.
    """

    def claim(self, attempt: Attempt, exposures: Sequence[int]) -> None:
        """Claim all of the exposures for the attempt, or none of them.

        Repeating a claim that the attempt holds is harmless.

        Raises
        ------
        ClaimedElsewhereError
            Raised if another attempt holds a claim on any of them.
        LedgerUnavailableError
            Raised if the claims are out of reach: nothing may be changed.
        """
        ...
