"""The ledger in an SQLite file."""

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Self, override

from adapters.common.history_ledger import Change, HistoryLedger
from adapters.common.own_threads import OwnThreads
from adapters.sqlite.store import SqliteStore
from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.attempts import WorkHistory
from domain.work.outcomes import Outcome
from ports.ledger import LedgerUnavailableError

__all__ = ["SqliteLedger"]


class SqliteLedger(HistoryLedger):
    """`ports.ledger.Ledger` in a file, in a thread of its own.

    Nothing is ever forgotten: the file grows by some 80 MB a night of a large
    camera, and by as good as nothing on a laptop.

    Parameters
    ----------
    address
        As for `SqliteStore`.
    timeout
        Seconds to wait for another process's transaction.
    """

    def __init__(self, address: str, *, timeout: float = 5.0) -> None:
        self._store = SqliteStore(address, timeout=timeout)
        self._thread = OwnThreads("ledger", LedgerUnavailableError)

    async def open(self) -> None:
        """Open the file; its tables are made if they are missing."""
        self._thread.open()
        await self._thread.run(self._store.open)

    async def close(self) -> None:
        """Close the file and end the thread."""
        await self._thread.close(self._store.close)

    async def __aenter__(self) -> Self:
        try:
            await self.open()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def record_unread(self, queue: str, entry: str, outcome: Outcome) -> None:
        """Record the outcome of a delivery that has no identity."""
        await self._thread.run(self._store.put_unread, queue, entry, outcome)

    async def unread(self, queue: str) -> Mapping[str, Outcome]:
        """List the outcomes of deliveries that have no identity."""
        return await self._thread.run(self._store.unread, queue)

    async def check_durable(self) -> Sequence[str]:
        """Say nothing: a transaction is on disk when it ends."""
        return []

    @override
    async def _change[T](self, identity: Identity, change: Change[T]) -> T:
        return await self._thread.run(self._store.change, identity, change)

    @override
    async def _history(self, identity: Identity) -> WorkHistory:
        return await self._thread.run(self._store.history, identity)

    @override
    async def _histories(self, instrument: str, since: UtcSeconds | None) -> Iterable[WorkHistory]:
        return await self._thread.run(self._store.histories, instrument, since)
