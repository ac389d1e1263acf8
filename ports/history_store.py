"""Where the ledger and the claims keep the history of each visit-detector.

A store replaces histories and reads them; the rules are `domain.work.attempts`,
and what makes a ledger of it is `application.ledger`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.attempts import Attempt
from domain.work.history import WorkHistory
from domain.work.outcomes import Outcome
from ports.ledger import LedgerRecordError

__all__ = ["Change", "ClaimStore", "HistoryStore"]

type Change[T] = Callable[[WorkHistory, UtcSeconds], tuple[WorkHistory, T]]
"""From the history as it is, and the time, to the history as it shall be, and an answer."""


class HistoryStore(Protocol):
    """Histories by identity, shared by all processes of a deployment.

    A change is made by compare-and-set: it may be tried several times, takes
    effect in one atomic and durable step, and not at all if it raises. What is
    stored and cannot be read is never replaced.

    All methods raise `ports.ledger.LedgerUnavailableError` if the store cannot be reached.
    """

    async def change[T](self, identity: Identity, change: Change[T]) -> T:
        """Replace one history; returns the answer of the change.

        Raises
        ------
        ports.ledger.LedgerRecordError
            Raised if what is stored cannot be read.
        """
        ...

    async def change_each(
        self,
        instrument: str,
        group: str,
        detectors: Collection[int],
        change: Callable[[WorkHistory, UtcSeconds], WorkHistory],
    ) -> Sequence[LedgerRecordError]:
        """Replace the histories of a visit's detectors.

        Returns what is wrong with those that cannot be read; they are left alone.
        """
        ...

    async def history(self, identity: Identity) -> WorkHistory:
        """Read one history; empty if none is stored.

        Raises
        ------
        ports.ledger.LedgerRecordError
            Raised if what is stored cannot be read.
        """
        ...

    async def histories(
        self, instrument: str, since: UtcSeconds | None = None
    ) -> Sequence[WorkHistory | LedgerRecordError]:
        """Read all histories of the visits on which something was recorded since then.

        In place of one that cannot be read stands what is wrong with it.
        """
        ...

    async def put_unreadable(self, queue: str, entry: str, outcome: Outcome) -> None:
        """Keep the outcome of a delivery that has no history."""
        ...

    async def unreadable(self, queue: str) -> Mapping[str, Outcome]:
        """List the outcomes of deliveries that have no history, by entry."""
        ...

    async def take_turn(self, what: str, holder: str, seconds: float) -> bool:
        """See `ports.ledger.Ledger.take_turn`; by the store's clock."""
        ...

    async def forget(self) -> int:
        """Delete what is so old that nothing asks for it any more, if the store does not do so by itself.

        Returns how many histories were deleted.
        """
        ...

    async def check_durable(self) -> Sequence[str]:
        """Say in sentences what keeps this store from outliving a crash; nothing if nothing does."""
        ...


class ClaimStore(Protocol):
    """The same histories, and who owns exposures, for the child; synchronous."""

    def claim(
        self,
        attempt: Attempt,
        exposures: Sequence[int],
        change: Callable[[WorkHistory, UtcSeconds], WorkHistory],
    ) -> None:
        """Replace the attempt's history and make it the owner of exposures, both or neither.

        Raises
        ------
        ports.ledger.ClaimedElsewhereError
            Raised if other work owns one of them; attempts on the same work are told apart by its history.
        ports.ledger.LedgerRecordError
            Raised if what is stored of the work cannot be read.
        ports.ledger.LedgerUnavailableError
            Raised if the store cannot be reached.
        """
        ...
