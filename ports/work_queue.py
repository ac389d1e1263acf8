"""The queue of visit-detectors: leased, never popped."""

from collections.abc import Collection
from typing import Protocol

from attrs import Factory, field, frozen

from domain.errors import PromptProcessingError
from domain.times import UtcSeconds
from domain.visit import Identity, VisitDetector
from domain.work.standing import QueueStanding
from ports.neighbours import NeighbourUnavailableError

__all__ = [
    "CONSUMER_GONE_SECONDS",
    "LEASE_SECONDS",
    "Lease",
    "LeaseLostError",
    "QueueDepth",
    "QueueMissingError",
    "QueueUnavailableError",
    "QueueUpkeep",
    "RebuildableQueue",
    "WorkQueue",
]


LEASE_SECONDS = 60.0
"""Default of the setting LEASE_SECONDS: for how long a lease is good."""

CONSUMER_GONE_SECONDS = 3600.0
"""Default of the setting CONSUMER_GONE_SECONDS: after this, a silent consumer without leases is forgotten."""


class QueueUnavailableError(NeighbourUnavailableError):
    """The queue cannot be reached now; the same call may succeed later."""


class QueueMissingError(QueueUnavailableError):
    """The queue does not exist, and no setting allows to create it."""


class LeaseLostError(PromptProcessingError):
    """The lease expired, and the work is or may soon be held by another worker."""


@frozen(kw_only=True)
class Lease:
    """One delivery, held for a while."""

    entry: str
    """Names the delivery within its queue."""
    queue: str
    enqueued: UtcSeconds
    """When the work was first put into the queue, by the queue's clock."""
    work: VisitDetector | None
    """None if the delivery cannot be read."""
    fault: str = ""
    """Why the delivery cannot be read."""
    revision: int = 1
    """Of the visit; a changed announcement raises it."""
    latest_revision: int = 1
    """The newest of the visit when the lease began: if it is higher, this delivery is superseded."""
    origin: str = field(default=Factory(lambda self: self.entry, takes_self=True))
    """The entry under which the work first came; putting it back gives it a new entry, never a new origin."""
    open_attempt: int = 0
    """Attempt whose end could not be recorded when the work was postponed: whoever begins next closes it
    as postponed; 0 if there is none."""
    times_leased: int = 1
    """Of this entry, this lease included; tells two leases of one entry apart."""
    incarnation: int = 0
    """Of the queue when the lease began; raised when the queue is made anew, which ends all leases."""


@frozen(kw_only=True)
class QueueDepth:
    """How much there is to do."""

    waiting: int
    """Deliveries that nobody has leased; what workers are started for."""
    leased: int
    """Deliveries leased and not finished, expired leases included."""
    dead: int
    """Deliveries set aside."""
    delayed: int = 0
    """Deliveries postponed and not due yet, or due and not put back: nothing that workers are started for."""

    @property
    def unfinished(self) -> int:
        """Deliveries of which something is still to come."""
        return self.waiting + self.leased + self.delayed


class WorkQueue(Protocol):
    """Visit-detectors waiting to be worked on, in the order of their arrival.

    Every delivery is held by at most one consumer by the queue's own clock,
    but a holder that slept past its lease may still believe that it holds it:
    whatever must not happen twice needs a claim (`ports.ledger.Claims`).
    A delivery stays until it is acknowledged or set aside. The queue does not
    count attempts; the ledger does. A call with a lease that was lost changes
    nothing: whoever holds the delivery now decides over it. A queue has an
    incarnation, UTC in ms, which is raised when the queue was made anew,
    whoever did it: leases of earlier ones are lost. Every call may be
    repeated when its answer did not arrive. Of a delivery that somebody removed
    from the store by hand while it was leased, the lease cannot be renewed any
    more; its work is put back when it expires.

    All methods raise `QueueUnavailableError` if the queue cannot be reached.
    """

    async def lease(self, wait: float) -> Lease | None:
        """Lease the next delivery, one that is due again, or one whose holder let its lease run out.

        Waits up to `wait` seconds for one; returns None if none came.

        Raises
        ------
        QueueMissingError
            Raised if there is no such queue.
        """
        ...

    async def renew(self, lease: Lease) -> None:
        """Start the lease's time anew.

        Raises
        ------
        LeaseLostError
            Raised if another consumer holds it, or nobody does any longer.
        """
        ...

    async def acknowledge(self, lease: Lease) -> None:
        """Take the delivery out of the queue: its outcome is recorded.

        Harmless if it is gone already.
        """
        ...

    async def give_back(self, lease: Lease) -> None:
        """Put the work back so that any consumer may lease it at once."""
        ...

    async def postpone(self, lease: Lease, seconds: float, open_attempt: int = 0) -> None:
        """Take the work out of everybody's sight for a time, then put it back by itself.

        Until then it does not wait and nobody can lease it. It comes back with
        the same origin, behind all others, as soon as the upkeep or a consumer
        that looks for work finds it due.

        Parameters
        ----------
        lease
            Of the delivery.
        seconds
            By the queue's clock.
        open_attempt
            See `Lease.open_attempt`.
        """
        ...

    async def set_aside(self, lease: Lease, reason: str) -> None:
        """Move the delivery, with the reason, to the dead letters."""
        ...

    async def raise_incarnation(self, at_least: int) -> None:
        """Raise the incarnation to this, or to the time if that is later; nothing if it is that high already.

        For a queue that came back older than what the ledger has seen of it.
        All leases are lost then; their work comes again when they run out.
        """
        ...

    async def leave(self) -> None:
        """Stop being a consumer; leases still held run out by themselves."""
        ...


class QueueUpkeep(Protocol):
    """What one process does for a queue from time to time; any number may.

    All methods raise `QueueUnavailableError` if the queue cannot be reached.
    """

    async def put_back_expired(self) -> int:
        """Put work back whose lease expired, so that it counts as waiting again.

        Obeys the same limit as a takeover by `WorkQueue.lease`. Returns how
        many deliveries were put back.
        """
        ...

    async def put_back_due(self) -> int:
        """Put work back that was postponed and is due; returns how many deliveries."""
        ...

    async def trim(self) -> int:
        """Forget deliveries that are finished and have nothing unfinished before them.

        Consumers that ended without leaving are forgotten as well. Returns how
        many deliveries were forgotten.
        """
        ...

    async def depth(self) -> QueueDepth:
        """Tell how much there is to do."""
        ...

    async def unfinished(self) -> Collection[Identity]:
        """List the work that waits, is leased (expired leases included) or is postponed.

        Work that is finished meanwhile may be among it; work that is in the
        queue from the call to the answer is not left out, however often it
        goes round. Deliveries that cannot be read are.
        """
        ...


class RebuildableQueue(QueueUpkeep, Protocol):
    """The same of a queue whose store may be emptied, trimmed or replaced by others."""

    async def standing(self) -> QueueStanding:
        """Take a step, and tell how far the queue has come."""
        ...

    async def repair_lag(self) -> bool:
        """Tell the store how much waits, if it has lost count; returns whether it had."""
        ...

    async def raise_incarnation(self, at_least: int) -> None:
        """See `WorkQueue.raise_incarnation`; what the queue lacks is made before."""
        ...
