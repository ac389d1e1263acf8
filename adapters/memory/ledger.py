"""The ledger and the claims, in memory."""

from collections.abc import Iterable, Mapping, Sequence
from typing import override

from adapters.common.history_ledger import Change, HistoryLedger, claimed
from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.attempts import Attempt, WorkHistory
from domain.work.outcomes import Outcome
from ports.clock import Clock
from ports.ledger import ClaimedElsewhereError, LedgerUnavailableError

__all__ = ["MemoryClaims", "MemoryLedger"]


class MemoryLedger(HistoryLedger):
    """`ports.ledger.Ledger` in one event loop.

    `outage` is for tests: while it is not blank, the ledger is out of reach for
    that reason.

    Parameters
    ----------
    clock
        Stamps what is recorded.
    """

    def __init__(self, clock: Clock) -> None:
        self.outage = ""
        self._clock = clock
        self._stored: dict[Identity, tuple[WorkHistory, UtcSeconds]] = {}
        self._owners: dict[tuple[str, int, int], Attempt] = {}
        self._unread: dict[str, dict[str, Outcome]] = {}

    async def record_unread(self, queue: str, entry: str, outcome: Outcome) -> None:
        """Record the outcome of a delivery that has no identity."""
        self._check()
        self._unread.setdefault(queue, {})[entry] = outcome

    async def unread(self, queue: str) -> Mapping[str, Outcome]:
        """List the outcomes of deliveries that have no identity."""
        self._check()
        return dict(self._unread.get(queue, {}))

    async def check_durable(self) -> Sequence[str]:
        """Say that memory is not durable."""
        return ["the ledger is kept in memory: it ends with the process"]

    def claim(self, attempt: Attempt, exposures: Sequence[int]) -> None:
        """Claim exposures for an attempt, as `ports.ledger.Claims` asks."""
        identity = attempt.identity
        history = claimed(self._now(identity), attempt, exposures)
        keys = [(identity.instrument, identity.detector, exposure) for exposure in exposures]
        for key in keys:
            if self._owners.get(key, attempt) != attempt:
                raise ClaimedElsewhereError(f"exposure {key[2]} belongs to {self._owners[key]}")
        self._owners.update(dict.fromkeys(keys, attempt))
        self._store(history)

    @override
    async def _change[T](self, identity: Identity, change: Change[T]) -> T:
        history, answer = change(self._now(identity), self._clock.utc())
        self._store(history)
        return answer

    @override
    async def _history(self, identity: Identity) -> WorkHistory:
        return self._now(identity)

    @override
    async def _histories(self, instrument: str, since: UtcSeconds | None) -> Iterable[WorkHistory]:
        self._check()
        recent = {
            (identity.instrument, identity.group)
            for identity, (_, stored) in self._stored.items()
            if identity.instrument == instrument and (since is None or stored >= since)
        }
        return [
            history
            for identity, (history, _) in self._stored.items()
            if (identity.instrument, identity.group) in recent
        ]

    def _check(self) -> None:
        if self.outage:
            raise LedgerUnavailableError(f"ledger: {self.outage}")

    def _now(self, identity: Identity) -> WorkHistory:
        self._check()
        stored = self._stored.get(identity)
        return WorkHistory(identity) if stored is None else stored[0]

    def _store(self, history: WorkHistory) -> None:
        self._stored[history.identity] = (history, self._clock.utc())


class MemoryClaims:
    """`ports.ledger.Claims` of a ledger in memory."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self._ledger = ledger

    def claim(self, attempt: Attempt, exposures: Sequence[int]) -> None:
        """Claim all of the exposures for the attempt, or none of them."""
        self._ledger.claim(attempt, exposures)
