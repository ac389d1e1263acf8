"""The claims on Redis, beside the histories of the ledger."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from adapters.redis.connection import SyncRedisConnection
from adapters.redis.ledger.history_changes import VisitHistories, run_steps_now
from adapters.redis.names import LedgerKeys
from domain.times import UtcSeconds
from domain.work.attempts import Attempt, Claim
from domain.work.history import WorkHistory
from ports.ledger import LedgerUnavailableError

__all__ = ["RedisClaimStore"]


class RedisClaimStore:
    """`ports.history_store.ClaimStore`, synchronous.

    Parameters
    ----------
    url
        As for `RedisConnection`.
    prefix, keep_seconds
        The same as those of the ledger.
    timeout
        Seconds for one command.
    """

    def __init__(
        self, url: str, *, prefix: str = "ledger", keep_seconds: int = 7 * 86_400, timeout: float = 5.0
    ) -> None:
        self._keys = LedgerKeys(prefix)
        self._keep_seconds = keep_seconds
        self._redis = SyncRedisConnection(url, unavailable=LedgerUnavailableError, timeout=timeout)

    def open(self) -> None:
        """Connect, and see that the server answers."""
        self._redis.open()

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()

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
        """Replace the attempt's history and make it the owner of exposures, both or neither."""
        work = attempt.identity
        histories = VisitHistories(self._keys, self._keep_seconds, work.instrument, work.group)
        steps = histories.change(
            [work.detector],
            lambda history, now: (change(history, now), None),
            Claim(attempt.number, frozenset(exposures)),
        )
        fault = run_steps_now(self._redis, steps)[work.detector]
        if fault is not None:
            raise fault
