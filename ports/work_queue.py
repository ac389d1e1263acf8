"""The queue of visit-detectors: leased, never popped."""

from typing import Protocol

from attrs import frozen

from domain.errors import PromptProcessingError
from domain.times import UtcSeconds
from domain.visit import VisitDetector

__all__ = ["Lease", "LeaseLostError", "QueueUnavailableError", "WorkQueue"]


class QueueUnavailableError(PromptProcessingError):
    """The queue cannot be reached now; the same call may succeed later."""


class LeaseLostError(PromptProcessingError):
    """The lease ran out, and the work is or may soon be in other hands."""


@frozen(kw_only=True)
class Lease:
    """One delivery, held for a while."""

    entry: str
    """Names the delivery within its queue."""
    queue: str
    delivered: UtcSeconds
    """When the work was put into the queue, by the queue's clock."""
    work: VisitDetector | None
    """None if the delivery cannot be read."""
    fault: str = ""
    """Why the delivery cannot be read."""
    revision: int = 1
    """Of the visit; a changed announcement raises it."""


class WorkQueue(Protocol):
    """Visit-detectors waiting to be worked on, in the order of their arrival.

    Every delivery is held by at most one consumer by the queue's own clock,
    but a holder that slept past its lease may still believe that it holds it:
    whatever must not happen twice needs a claim (`ports.ledger.Claims`).
    A delivery stays until it is acknowledged or set aside. The queue does not
    count attempts; the ledger does.

    All methods raise `QueueUnavailableError` if the queue is out of reach.
    """

    async def lease(self, wait: float) -> Lease | None:
        """Lease the next delivery, or one whose holder let its lease run out.

        Waits up to `wait` seconds for one; returns None if none came.
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

    async def set_aside(self, lease: Lease, reason: str) -> None:
        """Move the delivery, with the reason, to the dead letters."""
        ...

    async def leave(self) -> None:
        """Stop being a consumer; leases still held run out by themselves."""
        ...
