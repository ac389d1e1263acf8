"""The claims in the database of the ledger."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from adapters.sql.store import SqlStore
from domain.times import UtcSeconds
from domain.work.attempts import Attempt
from domain.work.history import WorkHistory

__all__ = ["SqlClaimStore"]


class SqlClaimStore:
    """`ports.history_store.ClaimStore`, synchronous.

    Parameters
    ----------
    address, timeout
        As for `adapters.sql.database.Database`; the address is the ledger's.
    """

    def __init__(self, address: str, *, timeout: float = 5.0) -> None:
        self._store = SqlStore(address, timeout=timeout)

    def open(self) -> None:
        """See that the database and its tables are there."""
        self._store.open()

    def close(self) -> None:
        """Let go of the database."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def claim(
        self,
        attempt: Attempt,
        exposures: Sequence[int],
        change: Callable[[WorkHistory, UtcSeconds], WorkHistory],
    ) -> None:
        """Replace the attempt's history and make it the owner of exposures, both or neither.

        The database is opened if it is not open yet.
        """
        if not self._store.is_open:
            self._store.open()
        self._store.change(
            attempt.identity,
            lambda history, now: (change(history, now), None),
            [(exposure, attempt) for exposure in exposures],
        )
