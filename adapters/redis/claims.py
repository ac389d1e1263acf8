"""The claims on Redis, beside the histories of the ledger."""

from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from adapters.common.history import history_from_json, history_to_json
from adapters.common.history_ledger import claimed
from adapters.redis.connection import SyncRedisConnection, lua
from adapters.redis.names import LedgerKeys
from domain.work.attempts import Attempt
from ports.ledger import ClaimedElsewhereError, LedgerUnavailableError

__all__ = ["RedisClaims"]

_READ: Final = lua("read_history")
_REPLACE: Final = lua("replace_history")

_TRIES = 100
"""Against others that change the same history at the same time."""


class RedisClaims:
    """`ports.ledger.Claims`, synchronous.

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

    def claim(self, attempt: Attempt, exposures: Sequence[int]) -> None:
        """Claim all of the exposures for the attempt, or none of them."""
        identity = attempt.identity
        key = self._keys.visit(identity.instrument, identity.group)
        visits = self._keys.visits(identity.instrument)
        owners = [self._keys.claims(identity.instrument, exposure) for exposure in exposures]
        for _ in range(_TRIES):
            stored, *_ = self._redis.run(_READ, [key], [identity.detector])
            after = claimed(history_from_json(identity, stored), attempt, exposures)
            arguments: list[str | int] = [identity.detector, stored or "", history_to_json(after)]
            arguments += [self._keep_seconds, identity.group, f"{identity.group} {attempt.number}"]
            answer, *found = self._redis.run(_REPLACE, [key, visits, *owners], arguments)
            if answer == "claimed":
                number, holder = found
                raise ClaimedElsewhereError(
                    f"exposure {exposures[number - 1]} is claimed by attempt {holder}"
                )
            if answer == "done":
                return
        raise LedgerUnavailableError(f"{attempt}: changed by others {_TRIES} times over")
