"""The claims in the file of the SQLite ledger."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from adapters.common.history_ledger import claimed
from adapters.sqlite.store import SqliteStore
from domain.work.attempts import Attempt

__all__ = ["SqliteClaims"]


class SqliteClaims:
    """`ports.ledger.Claims`, synchronous.

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

    def claim(self, attempt: Attempt, exposures: Sequence[int]) -> None:
        """Claim all of the exposures for the attempt, or none of them."""
        self._store.change(
            attempt.identity,
            lambda history, _: (claimed(history, attempt, exposures), None),
            [(exposure, attempt) for exposure in exposures],
        )
