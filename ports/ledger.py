"""The record of attempts and outcomes, and the claims that guard permanent changes."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from domain.errors import PromptProcessingError
from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.about import AboutVisit
from domain.work.attempts import Attempt, AttemptNotes, AttemptRecord, Claim
from domain.work.history import ClaimNotOverError, OutdatedLeaseError
from domain.work.outcomes import Outcome
from ports.neighbours import NeighbourUnavailableError
from ports.work_queue import Lease

__all__ = [
    "Attempt",
    "AttemptNotes",
    "AttemptRecord",
    "ClaimNotOverError",
    "ClaimedElsewhereError",
    "Claims",
    "HeldElsewhereError",
    "Ledger",
    "LedgerRecordError",
    "LedgerUnavailableError",
    "NewerRecordError",
    "NotTheHolderError",
    "OutdatedLeaseError",
    "UnreadableRecordError",
]


class LedgerUnavailableError(NeighbourUnavailableError):
    """The ledger or the store of claims cannot be reached now."""


class LedgerRecordError(PromptProcessingError):
    """What the ledger holds of a visit-detector is not for this release to read, or for none.

    Parameters
    ----------
    identity
        Of the work.
    reason
        What is wrong with the record.
    """

    kind = "not read"
    """The label by which such records are counted."""

    def __init__(self, identity: Identity, reason: str) -> None:
        super().__init__(f"the ledger's record of {identity}: {reason}")
        self.identity = identity


class UnreadableRecordError(LedgerRecordError):
    """It is no record at all.

    What was done is not known any more: a claim is assumed, and nothing more is done.
    """

    kind = "unreadable"


class NewerRecordError(LedgerRecordError):
    """It was written by a newer release, whose workers can go on with the work."""

    kind = "newer release"


class NotTheHolderError(PromptProcessingError):
    """The attempt was closed, or a later one has begun: it may write nothing any more."""


class HeldElsewhereError(PromptProcessingError):
    """Another delivery of the same work is being worked on; what comes of it is not known yet."""


class ClaimedElsewhereError(PromptProcessingError):
    """An exposure of the visit-detector belongs to another attempt, or the work itself does by now."""


class Ledger(Protocol):
    """Attempts and outcomes by identity, shared by all processes of a deployment.

    An identity has at most one attempt that holds it: the last one begun. Its
    final outcome is that of its last attempt. Everything acknowledged here is
    durable.

    All methods raise `LedgerUnavailableError` if the ledger cannot be reached.
    `begin`, `record`, `mark_requeued`, `claim_on` and `history` raise `UnreadableRecordError`
    or `NewerRecordError` if they cannot read what is recorded of the identity;
    nothing is changed then. Where many are listed or recorded such work is left
    out, and logged; no such record keeps others from being read.
    """

    async def begin(
        self, identity: Identity, worker: str, lease: Lease, longest: float = math.inf
    ) -> AttemptRecord:
        """Begin the next attempt, closing the one before if its worker died.

        A dead attempt is closed as failed after change if there is a claim
        (and is final then), else as failed before change; how it was closed
        stands in the `closed` of the returned record. Its worker counts as
        dead when its delivery has been leased again, or when the attempt began
        more than `longest` seconds ago, which is longer than any attempt takes:
        its delivery may have been deleted by hand, and then never comes again.
        One that was left open when the work was postponed is closed as postponed.
        If the identity has a final outcome, no attempt is begun and the final
        record is returned. Asked again with the same lease, it answers the
        same.

        Raises
        ------
        ClaimNotOverError
            Raised if the last attempt has a claim that has not ended: until
            then its holder needs no lease to change, export and record.
        HeldElsewhereError
            Raised if another delivery of the same work (an older revision, or
            one that was published twice) has an attempt under way: until that
            ends, it cannot be said whether this one is a duplicate. If its
            worker is dead, the queue will deliver that work again.
        OutdatedLeaseError
            Raised if an attempt was begun under a later lease of this delivery,
            or of another one of the same work in the same queue; nothing is
            changed. A delivery that is still held then may be put back, which
            makes its next lease the latest. If the attempt of the other
            delivery is final, its record is returned instead.
        """
        ...

    async def note_stage(
        self,
        attempt: Attempt,
        stage: str,
        about: AboutVisit | None = None,
        seconds: Mapping[str, float] | None = None,
    ) -> None:
        """Note what the attempt does now and how long its stages so far took; nothing is decided by it.

        Of an attempt that ended, or does not hold the work any more, nothing is noted.
        """
        ...

    async def record(
        self, attempt: Attempt, outcome: Outcome, *, final: bool, notes: AttemptNotes | None = None
    ) -> None:
        """Record how the attempt ended.

        Whatever `final` says, the end is not final if the work was put back
        by hand meanwhile: then another attempt follows. The same record again
        is harmless.

        Raises
        ------
        NotTheHolderError
            Raised if a later attempt has begun, or if this one was closed or
            ended otherwise; nothing is written.
        """
        ...

    async def record_unreadable(self, queue: str, entry: str, outcome: Outcome) -> None:
        """Record the outcome of a delivery that has no identity."""
        ...

    async def record_undelivered(
        self, instrument: str, group: str, detectors: Collection[int], outcome: Outcome
    ) -> None:
        """Record a final outcome for work on a visit that never reached a worker.

        It becomes the final record, as attempt 0, of each detector but those
        on which an attempt was begun before, or whose work was put back by
        hand.
        """
        ...

    async def give_up(
        self, instrument: str, group: str, detectors: Collection[int], outcome: Outcome
    ) -> Collection[int]:
        """End work on a visit for good that no delivery brings to a worker any more.

        An attempt under way is closed with the outcome, unless it has a claim:
        then with its own, once the claim has ended. Work with a final outcome is
        left as it is. Returns the detectors that were ended.
        """
        ...

    async def mark_requeued(self, identity: Identity) -> None:
        """Note that work is about to be put back by hand.

        What was final before does not count any more; claims do. Attempts that
        begin from now on carry the time of this mark.
        """
        ...

    async def has_claim(self, identity: Identity) -> bool:
        """Say whether any attempt has claimed an exposure of this identity, or may have.

        Of a record that cannot be read a claim is assumed.
        """
        ...

    async def claim_on(self, identity: Identity) -> Claim | None:
        """Find the claim on the work; None if there is none."""
        ...

    async def take_turn(self, what: str, holder: str, seconds: float) -> bool:
        """Take a turn at something that one process does at a time, or keep it; it ends by itself.

        Returns whether the holder has it now.
        """
        ...

    async def history(self, identity: Identity) -> Sequence[AttemptRecord]:
        """List the attempts on one identity, in their order."""
        ...

    async def latest(self, instrument: str, since: UtcSeconds | None = None) -> Sequence[AttemptRecord]:
        """List the last record of each identity of an instrument that has one.

        Visits on which nothing was recorded at or after `since` are left out.
        """
        ...

    async def unreadable(self, queue: str) -> Mapping[str, Outcome]:
        """List the outcomes of deliveries that have no identity, by entry."""
        ...

    async def check_durable(self) -> Sequence[str]:
        """Say in sentences what keeps this store from outliving a crash; nothing if nothing does."""
        ...


class Claims(Protocol):
    """Exclusive, durable claims on exposures; called from the child, hence synchronous.

    A lease is not exclusive, a claim is: it is made once, before the first
    permanent change, and outlives leases and workers. It has an end, at which
    whoever made it must have ended; from then on the attempt counts as dead. An
    attempt that is recorded as postponed has changed nothing: its claim, if it
    has one whose answer was lost, is withdrawn in that step.
    """

    def claim(self, attempt: Attempt, exposures: Sequence[int]) -> None:
        """Claim all of the exposures for the attempt, or none of them.

        Repeating a claim that the attempt holds is harmless, and moves its end not.

        Raises
        ------
        ClaimedElsewhereError
            Raised if another attempt holds a claim on any of them, or what is
            recorded of the work cannot be read.
        LedgerUnavailableError
            Raised if the claims cannot be reached: nothing may be changed.
        """
        ...
