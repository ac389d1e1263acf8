"""The claims in the file of the SQLite ledger."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from adapters.sqlite.store import SqliteStore
from domain.times import UtcSeconds
from domain.work.attempts import Attempt, WorkHistory

__all__ = ["SqliteClaimStore"]


class SqliteClaimStore:
    """`ports.history_store.ClaimStore`, synchronous.

    Parameters
    ----------
    address
        The same as the ledger's.
    timeout
        Seconds to wait for another process's transaction.
    """

    def __init__(self, address: str, *, timeout: float = 5.0) -> None:
        self._store = SqliteStore(address, timeout=timeout)

    def open(self) -> None:
        """Open the file."""
        self._store.open()

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def __enter__(self) -> Self:
        self.open()
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

        The file is opened if it is not open yet.
        """
        if not self._store.is_open:
            self._store.open()
        self._store.change(
            attempt.identity,
            lambda history, now: (change(history, now), None),
            [(exposure, attempt) for exposure in exposures],
        )
