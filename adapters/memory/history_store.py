"""The store of histories, in memory."""

from collections.abc import Callable, Collection, Mapping, Sequence

from adapters.common.history import history_from_json, history_to_json, read_or_fault
from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.attempts import Attempt
from domain.work.history import WorkHistory
from domain.work.outcomes import Outcome
from ports.clock import Clock
from ports.history_store import Change
from ports.ledger import ClaimedElsewhereError, LedgerRecordError, LedgerUnavailableError

__all__ = ["MemoryClaimStore", "MemoryHistoryStore"]


class MemoryHistoryStore:
    """`ports.history_store.HistoryStore` in one event loop, of texts as other stores have them.

    `outage` and `texts` are for tests: while the former is not blank, the store
    cannot be reached for that reason.

    Parameters
    ----------
    clock
        Stamps what is recorded.
    as_text
        False: histories are kept as they are, which takes a tenth of the time.
    """

    def __init__(self, clock: Clock, *, as_text: bool = True) -> None:
        self.outage = ""
        self.texts: dict[Identity, str] = {}
        self._values: dict[Identity, WorkHistory] = {}
        self._as_text = as_text
        self._clock = clock
        self._stored: dict[Identity, UtcSeconds] = {}
        self._owners: dict[tuple[str, int, int], Attempt] = {}
        self._turns: dict[str, tuple[str, UtcSeconds]] = {}
        self._unreadable: dict[str, dict[str, Outcome]] = {}

    async def change[T](self, identity: Identity, change: Change[T]) -> T:
        """Replace one history."""
        return self._change(identity, change)

    async def change_each(
        self,
        instrument: str,
        group: str,
        detectors: Collection[int],
        change: Callable[[WorkHistory, UtcSeconds], WorkHistory],
    ) -> Sequence[LedgerRecordError]:
        """Replace the histories of a visit's detectors."""
        faults = []
        for detector in sorted(detectors):
            try:
                self._change(
                    Identity(instrument, group, detector), lambda history, now: (change(history, now), None)
                )
            except LedgerRecordError as error:
                faults.append(error)
        return faults

    def wipe(self) -> None:
        """Lose everything, for tests."""
        for kept in (self.texts, self._stored, self._owners, self._turns, self._unreadable):
            kept.clear()

    async def check(self) -> None:
        """See `ports.neighbours.Probe`."""
        self._check()

    async def history(self, identity: Identity) -> WorkHistory:
        """Read one history."""
        return self._now(identity)

    async def histories(
        self, instrument: str, since: UtcSeconds | None = None
    ) -> Sequence[WorkHistory | LedgerRecordError]:
        """Read all histories of the visits on which something was recorded since then."""
        self._check()
        recent = {
            identity.group
            for identity, stored in self._stored.items()
            if identity.instrument == instrument and (since is None or stored >= since)
        }
        mine = [
            identity
            for identity in (self.texts if self._as_text else self._values)
            if identity.instrument == instrument and identity.group in recent
        ]
        if not self._as_text:
            return [self._values[identity] for identity in mine]
        return [read_or_fault(identity, self.texts[identity]) for identity in mine]

    async def put_unreadable(self, queue: str, entry: str, outcome: Outcome) -> None:
        """Keep the outcome of a delivery that has no history."""
        self._check()
        self._unreadable.setdefault(queue, {})[entry] = outcome

    async def unreadable(self, queue: str) -> Mapping[str, Outcome]:
        """List the outcomes of deliveries that have no history."""
        self._check()
        return dict(self._unreadable.get(queue, {}))

    async def take_turn(self, what: str, holder: str, seconds: float) -> bool:
        """Take a turn at something that one process does at a time, or keep it."""
        self._check()
        now = self._clock.utc()
        other, until = self._turns.get(what, (holder, now))
        if other != holder and until > now:
            return False
        self._turns[what] = (holder, UtcSeconds(now + seconds))
        return True

    async def forget(self) -> int:
        """Delete nothing: it ends with the process."""
        return 0

    async def check_durable(self) -> Sequence[str]:
        """Say that memory is not durable."""
        return ["the ledger is kept in memory: it ends with the process"]

    def claim(
        self,
        attempt: Attempt,
        exposures: Sequence[int],
        change: Callable[[WorkHistory, UtcSeconds], WorkHistory],
    ) -> None:
        """Do what `MemoryClaimStore.claim` is asked."""
        identity = attempt.identity
        keys = [(identity.instrument, identity.detector, exposure) for exposure in exposures]

        def claiming(history: WorkHistory, now: UtcSeconds) -> tuple[WorkHistory, None]:
            claimed = change(history, now)
            for key in keys:
                if self._owners.get(key, attempt).identity != identity:
                    raise ClaimedElsewhereError(f"exposure {key[2]} belongs to {self._owners[key]}")
            return claimed, None

        self._change(identity, claiming)
        self._owners.update(dict.fromkeys(keys, attempt))

    def _change[T](self, identity: Identity, change: Change[T]) -> T:
        now = self._clock.utc()
        history, answer = change(self._now(identity), now)
        if self._as_text:
            self.texts[identity] = history_to_json(history)
        else:
            self._values[identity] = history
        self._stored[identity] = now
        return answer

    def _check(self) -> None:
        if self.outage:
            raise LedgerUnavailableError(f"ledger: {self.outage}")

    def _now(self, identity: Identity) -> WorkHistory:
        self._check()
        if not self._as_text:
            return self._values.get(identity) or WorkHistory(identity)
        return history_from_json(identity, self.texts.get(identity))


class MemoryClaimStore:
    """`ports.history_store.ClaimStore` of a store in memory."""

    def __init__(self, histories: MemoryHistoryStore) -> None:
        self._histories = histories

    def claim(
        self,
        attempt: Attempt,
        exposures: Sequence[int],
        change: Callable[[WorkHistory, UtcSeconds], WorkHistory],
    ) -> None:
        """Replace the attempt's history and make it the owner of exposures, both or neither."""
        self._histories.claim(attempt, exposures, change)
