"""The ledger's methods over histories that are replaced whole, wherever they are stored."""

import abc
import math
from collections.abc import Callable, Collection, Iterable, Sequence

from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.attempts import Attempt, AttemptRecord, HeldLease, WorkHistory
from domain.work.outcomes import Outcome
from ports.ledger import ClaimedElsewhereError, HeldElsewhereError, NotTheHolderError
from ports.work_queue import Lease

__all__ = ["Change", "HistoryLedger", "claimed"]

type Change[T] = Callable[[WorkHistory, UtcSeconds], tuple[WorkHistory, T]]
"""From the history as it is, and the time, to the history as it shall be, and an answer."""


class HistoryLedger(abc.ABC):
    """What `ports.ledger.Ledger` asks for, but for the storage."""

    @abc.abstractmethod
    async def _change[T](self, identity: Identity, change: Change[T]) -> T:
        """Replace a history in one atomic and durable step; not at all if the change raises.

        The change may be tried several times.
        """

    @abc.abstractmethod
    async def _history(self, identity: Identity) -> WorkHistory:
        """Read one history."""

    @abc.abstractmethod
    async def _histories(self, instrument: str, since: UtcSeconds | None) -> Iterable[WorkHistory]:
        """Read all histories of the visits on which something was recorded since then."""

    async def begin(
        self, identity: Identity, worker: str, lease: Lease, longest: float = math.inf
    ) -> AttemptRecord:
        """Begin the next attempt, closing the one before if its worker died."""
        held = HeldLease(f"{lease.queue} {lease.entry} {lease.times_leased}", f"{lease.queue} {lease.origin}")

        def change(history: WorkHistory, now: UtcSeconds) -> tuple[WorkHistory, AttemptRecord]:
            begun = history.begin(worker, held, now, longest)
            if begun is None:
                other = "an unknown worker" if history.last is None else history.last.worker
                raise HeldElsewhereError(f"{identity}: another delivery is worked on by {other}")
            return begun

        return await self._change(identity, change)

    async def record(self, attempt: Attempt, outcome: Outcome, *, final: bool) -> None:
        """Record how the attempt ended."""

        def change(history: WorkHistory, now: UtcSeconds) -> tuple[WorkHistory, None]:
            ended = history.end(attempt.number, outcome, final=final, now=now)
            if ended is None:
                raise NotTheHolderError(f"{attempt} does not hold the work any more")
            return ended, None

        await self._change(attempt.identity, change)

    async def record_undelivered(
        self, instrument: str, group: str, detectors: Collection[int], outcome: Outcome
    ) -> None:
        """Record a final outcome for work on a visit that never reached a worker."""

        def change(history: WorkHistory, now: UtcSeconds) -> tuple[WorkHistory, None]:
            return history.end_undelivered(outcome, now), None

        for detector in sorted(detectors):
            await self._change(Identity(instrument, group, detector), change)

    async def mark_requeued(self, identity: Identity) -> None:
        """Note that work is about to be put back by hand."""
        await self._change(identity, lambda history, now: (history.requeue(now), None))

    async def has_claim(self, identity: Identity) -> bool:
        """Say whether any attempt has claimed an exposure of this identity."""
        return (await self._history(identity)).claim is not None

    async def history(self, identity: Identity) -> Sequence[AttemptRecord]:
        """List the attempts on one identity, in their order."""
        return (await self._history(identity)).records

    async def latest(self, instrument: str, since: UtcSeconds | None = None) -> Sequence[AttemptRecord]:
        """List the last record of each identity of an instrument."""
        histories = await self._histories(instrument, since)
        return [history.last for history in histories if history.last is not None]


def claimed(history: WorkHistory, attempt: Attempt, exposures: Sequence[int]) -> WorkHistory:
    """Claim exposures in a history.

    Raises
    ------
    ports.ledger.ClaimedElsewhereError
        Raised if another attempt has a claim, or if this one is no longer under way.
    """
    changed = history.take_claim(attempt.number, exposures)
    if changed is None:
        holder = history.claim.number if history.claim else (history.last and history.last.attempt.number)
        raise ClaimedElsewhereError(f"{attempt} may not change anything: attempt {holder} is before it")
    return changed
