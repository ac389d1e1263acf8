"""The ledger and the claims over a store of histories."""

import logging
import math
from collections.abc import Callable, Collection, Mapping, Sequence

from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.about import AboutVisit
from domain.work.attempts import Attempt, AttemptNotes, AttemptRecord, Claim, LeaseKey
from domain.work.history import WorkHistory
from domain.work.outcomes import Outcome
from ports.history_store import Change, ClaimStore, HistoryStore
from ports.ledger import (
    ClaimedElsewhereError,
    HeldElsewhereError,
    LedgerRecordError,
    NewerRecordError,
    NotTheHolderError,
)
from ports.metrics import Counter, Metrics
from ports.work_queue import Lease

__all__ = ["StoredClaims", "StoredLedger"]

_LOG = logging.getLogger(__name__)


class StoredLedger:
    """`ports.ledger.Ledger` over any store.

    Parameters
    ----------
    store
        Keeps the histories.
    metrics
        Counts records that cannot be read, each once; None if nobody asks this
        process for its metrics.
    """

    def __init__(self, store: HistoryStore, metrics: Metrics | None = None) -> None:
        self._store = store
        self._metrics = metrics
        self._noted: set[Identity] = set()

    async def begin(
        self, identity: Identity, worker: str, lease: Lease, longest: float = math.inf
    ) -> AttemptRecord:
        """Begin the next attempt, closing the one before if its worker died."""
        name, origin = f"{lease.queue} {lease.entry} {lease.times_leased}", f"{lease.queue} {lease.origin}"
        held = LeaseKey(name, origin, lease.incarnation)

        def change(history: WorkHistory, now: UtcSeconds) -> tuple[WorkHistory, AttemptRecord]:
            begun = history.begin(worker, held, now, longest, lease.open_attempt)
            if begun is None:
                other = "an unknown worker" if history.last is None else history.last.worker
                raise HeldElsewhereError(f"{identity}: another delivery is worked on by {other}")
            return begun

        return await self._change(identity, change)

    async def note_stage(
        self,
        attempt: Attempt,
        stage: str,
        about: AboutVisit | None = None,
        seconds: Mapping[str, float] | None = None,
    ) -> None:
        """Note what the attempt does now, for those who look on."""
        await self._change(
            attempt.identity,
            lambda history, now: (history.note_stage(attempt.number, stage, about, now, seconds), None),
        )

    async def record(
        self, attempt: Attempt, outcome: Outcome, *, final: bool, notes: AttemptNotes | None = None
    ) -> None:
        """Record how the attempt ended."""

        def change(history: WorkHistory, now: UtcSeconds) -> tuple[WorkHistory, None]:
            ended = history.end(attempt.number, outcome, final=final, now=now, notes=notes)
            if ended is None:
                raise NotTheHolderError(f"{attempt} does not hold the work any more")
            return ended, None

        await self._change(attempt.identity, change)

    async def record_unreadable(self, queue: str, entry: str, outcome: Outcome) -> None:
        """Record the outcome of a delivery that has no identity."""
        await self._store.put_unreadable(queue, entry, outcome)

    async def record_undelivered(
        self, instrument: str, group: str, detectors: Collection[int], outcome: Outcome
    ) -> None:
        """Record a final outcome for work on a visit that never reached a worker."""
        left_alone = await self._store.change_each(
            instrument, group, detectors, lambda history, now: history.end_undelivered(outcome, now)
        )
        for error in left_alone:
            self._leave_out(error)

    async def give_up(
        self, instrument: str, group: str, detectors: Collection[int], outcome: Outcome
    ) -> Collection[int]:
        """End work on a visit for good that no delivery brings to a worker any more."""
        ended: set[int] = set()

        def change(history: WorkHistory, now: UtcSeconds) -> WorkHistory:
            given_up = history.give_up(outcome, now)
            (ended.discard if given_up == history else ended.add)(history.identity.detector)
            return given_up

        for error in await self._store.change_each(instrument, group, detectors, change):
            self._leave_out(error)
        return ended

    async def mark_requeued(self, identity: Identity) -> None:
        """Note that work is about to be put back by hand."""
        await self._change(identity, lambda history, now: (history.requeue(now), None))

    async def has_claim(self, identity: Identity) -> bool:
        """Say whether any attempt has claimed an exposure of this identity, or may have."""
        try:
            return (await self._store.history(identity)).claim is not None
        except LedgerRecordError as error:
            self._count(error)
            return True

    async def claim_on(self, identity: Identity) -> Claim | None:
        """Find the claim on the work."""
        try:
            return (await self._store.history(identity)).claim
        except LedgerRecordError as error:
            self._count(error)
            raise

    async def take_turn(self, what: str, holder: str, seconds: float) -> bool:
        """Take a turn at something that one process does at a time, or keep it."""
        return await self._store.take_turn(what, holder, seconds)

    async def history(self, identity: Identity) -> Sequence[AttemptRecord]:
        """List the attempts on one identity, in their order."""
        try:
            return (await self._store.history(identity)).records
        except LedgerRecordError as error:
            self._count(error)
            raise

    async def latest(self, instrument: str, since: UtcSeconds | None = None) -> Sequence[AttemptRecord]:
        """List the last record of each identity of an instrument."""
        found = []
        for history in await self._store.histories(instrument, since):
            if isinstance(history, LedgerRecordError):
                self._leave_out(history)
            elif history.last is not None:
                found.append(history.last)
        return found

    async def unreadable(self, queue: str) -> Mapping[str, Outcome]:
        """List the outcomes of deliveries that have no identity."""
        return await self._store.unreadable(queue)

    async def check_durable(self) -> Sequence[str]:
        """Say in sentences what keeps the store from outliving a crash."""
        return await self._store.check_durable()

    async def _change[T](self, identity: Identity, change: Change[T]) -> T:
        try:
            return await self._store.change(identity, change)
        except LedgerRecordError as error:
            self._count(error)
            raise

    def _leave_out(self, error: LedgerRecordError) -> None:
        """Say, once for each identity, that its record is left out."""
        if self._count(error):
            level = logging.WARNING if isinstance(error, NewerRecordError) else logging.ERROR
            _LOG.log(level, "left out and left as it is: %s", error)

    def _count(self, error: LedgerRecordError) -> bool:
        """Count a record once; False if that was done before."""
        if error.identity in self._noted:
            return False
        self._noted.add(error.identity)
        if self._metrics is not None:
            self._metrics.count(
                Counter.LEDGER_RECORDS_NOT_READ, instrument=error.identity.instrument, kind=error.kind
            )
        return True


class StoredClaims:
    """`ports.ledger.Claims` over any store.

    Parameters
    ----------
    store
        Keeps the histories.
    seconds
        CLAIM_SECONDS: how long a claim lasts, by the store's clock; 0: as long as the lease.
    """

    def __init__(self, store: ClaimStore, seconds: float = 0.0) -> None:
        self._store = store
        self._seconds = seconds

    def claim(self, attempt: Attempt, exposures: Sequence[int]) -> None:
        """Claim all of the exposures for the attempt, or none of them."""
        try:
            self._store.claim(attempt, exposures, _claiming(attempt, exposures, self._seconds))
        except LedgerRecordError as error:
            raise ClaimedElsewhereError(f"{attempt} may not change anything: {error}") from error


def _claiming(
    attempt: Attempt, exposures: Sequence[int], seconds: float
) -> Callable[[WorkHistory, UtcSeconds], WorkHistory]:
    """Make the change of a history that claims exposures; it raises if another attempt is before this one."""

    def change(history: WorkHistory, now: UtcSeconds) -> WorkHistory:
        changed = history.take_claim(attempt.number, exposures, UtcSeconds(now + seconds))
        if changed is None:
            holder = history.claim.number if history.claim else (history.last and history.last.attempt.number)
            raise ClaimedElsewhereError(f"{attempt} may not change anything: attempt {holder} is before it")
        return changed

    return change
