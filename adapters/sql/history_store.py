"""The store of histories in an SQL database."""

from collections.abc import Callable, Collection, Mapping, Sequence

from adapters.common.opened import Opened
from adapters.common.own_threads import OwnThreads
from adapters.sql.store import SqlStore
from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.history import WorkHistory
from domain.work.outcomes import Outcome
from ports.history_store import Change
from ports.ledger import LedgerRecordError, LedgerUnavailableError

__all__ = ["SqlHistoryStore"]


class SqlHistoryStore(Opened):
    """`ports.history_store.HistoryStore`, in a thread of its own.

    Parameters
    ----------
    address, timeout
        As for `adapters.sql.database.Database`.
    """

    def __init__(self, address: str, *, timeout: float = 5.0) -> None:
        self._store = SqlStore(address, timeout=timeout)
        self._thread = OwnThreads("ledger", LedgerUnavailableError)

    async def open(self) -> None:
        """See that the database and its tables are there."""
        self._thread.open()
        await self._thread.run(self._store.open)

    async def close(self) -> None:
        """Let go of the database and end the thread."""
        await self._thread.close(self._store.close)

    async def change[T](self, identity: Identity, change: Change[T]) -> T:
        """Replace one history."""
        return await self._thread.run(self._store.change, identity, change)

    async def change_each(
        self,
        instrument: str,
        group: str,
        detectors: Collection[int],
        change: Callable[[WorkHistory, UtcSeconds], WorkHistory],
    ) -> Sequence[LedgerRecordError]:
        """Replace the histories of a visit's detectors in one step."""
        return await self._thread.run(self._store.change_each, instrument, group, detectors, change)

    async def check(self) -> None:
        """See `ports.neighbours.Probe`: read something."""
        await self.unreadable("")

    async def history(self, identity: Identity) -> WorkHistory:
        """Read one history."""
        return await self._thread.run(self._store.history, identity)

    async def histories(
        self, instrument: str, since: UtcSeconds | None = None
    ) -> Sequence[WorkHistory | LedgerRecordError]:
        """Read all histories of the visits on which something was recorded since then."""
        return await self._thread.run(self._store.histories, instrument, since)

    async def put_unreadable(self, queue: str, entry: str, outcome: Outcome) -> None:
        """Keep the outcome of a delivery that has no history."""
        await self._thread.run(self._store.put_unreadable, queue, entry, outcome)

    async def unreadable(self, queue: str) -> Mapping[str, Outcome]:
        """List the outcomes of deliveries that have no history."""
        return await self._thread.run(self._store.unreadable, queue)

    async def take_turn(self, what: str, holder: str, seconds: float) -> bool:
        """Take a turn at something that one process does at a time, or keep it."""
        return await self._thread.run(self._store.take_turn, what, holder, seconds)

    async def forget(self) -> int:
        """Delete what is old."""
        return await self._thread.run(self._store.forget)

    async def check_durable(self) -> Sequence[str]:
        """Say which settings keep the database from outliving a crash."""
        return await self._thread.run(self._store.check_durable)
