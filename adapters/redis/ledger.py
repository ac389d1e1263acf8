"""The ledger on Redis."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, override

from adapters.common.history import history_from_json, history_to_json, outcome_from_json, outcome_to_json
from adapters.common.history_ledger import Change, HistoryLedger
from adapters.redis.connection import Connected, RedisConnection, lua
from adapters.redis.durability import faults_of
from adapters.redis.names import LedgerKeys
from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.attempts import WorkHistory
from domain.work.outcomes import Outcome
from ports.ledger import LedgerUnavailableError

__all__ = ["RedisLedger"]

_READ: Final = lua("read_history")
_REPLACE: Final = lua("replace_history")
_REPLACE_MANY: Final = lua("replace_histories")

_TRIES = 100
"""Against others that change the same history at the same time."""


class RedisLedger(Connected, HistoryLedger):
    """`ports.ledger.Ledger`, with times by the server's clock.

    Parameters
    ----------
    url
        As for `RedisConnection`.
    prefix
        Of all keys; tells ledgers in one Redis apart.
    keep_seconds
        How long a visit is kept after its last record, claims included.
    timeout
        Seconds for one command.
    """

    def __init__(
        self, url: str, *, prefix: str = "ledger", keep_seconds: int = 7 * 86_400, timeout: float = 5.0
    ) -> None:
        self._keys = LedgerKeys(prefix)
        self._keep_seconds = keep_seconds
        self._redis = RedisConnection(url, unavailable=LedgerUnavailableError, timeout=timeout)
        super().__init__(self._redis)

    @override
    async def record_undelivered(
        self, instrument: str, group: str, detectors: Collection[int], outcome: Outcome
    ) -> None:
        """Record a visit's outcome for all of its detectors in one step, however many there are."""
        key = self._keys.visit(instrument, group)
        left = sorted(detectors)
        for _ in range(_TRIES):
            if not left:
                return
            stored = await self._redis.call("HMGET", key, *left)
            seconds, microseconds = await self._redis.call("TIME")
            now = UtcSeconds(int(seconds) + int(microseconds) / 1e6)
            arguments: list[str | int] = [self._keep_seconds, group]
            for detector, text in zip(left, stored, strict=True):
                before = history_from_json(Identity(instrument, group, detector), text)
                after = before.end_undelivered(outcome, now)
                if after != before:
                    arguments += [detector, text or "", history_to_json(after)]
            changed = await self._redis.run(_REPLACE_MANY, [key, self._keys.visits(instrument)], arguments)
            left = [int(detector) for detector in changed]
        raise LedgerUnavailableError(f"{instrument} {group}: changed by others {_TRIES} times over")

    async def record_unread(self, queue: str, entry: str, outcome: Outcome) -> None:
        """Record the outcome of a delivery that has no identity."""
        key = self._keys.unread(queue)
        await self._redis.call("HSET", key, entry, outcome_to_json(outcome))
        await self._redis.call("EXPIRE", key, self._keep_seconds)

    async def unread(self, queue: str) -> Mapping[str, Outcome]:
        """List the outcomes of deliveries that have no identity."""
        found = await self._redis.call("HGETALL", self._keys.unread(queue))
        return {entry: outcome_from_json(outcome) for entry, outcome in found.items()}

    async def check_durable(self) -> Sequence[str]:
        """Compare the server's configuration with what a ledger needs."""
        return await faults_of(self._redis)

    @override
    async def _change[T](self, identity: Identity, change: Change[T]) -> T:
        for _ in range(_TRIES):
            stored, now = await self._read(identity)
            before = history_from_json(identity, stored)
            after, answer = change(before, now)
            if after == before or await self._replace(identity, stored, after):
                return answer
        raise LedgerUnavailableError(f"{identity}: changed by others {_TRIES} times over")

    @override
    async def _history(self, identity: Identity) -> WorkHistory:
        stored, _ = await self._read(identity)
        return history_from_json(identity, stored)

    @override
    async def _histories(self, instrument: str, since: UtcSeconds | None) -> Iterable[WorkHistory]:
        begin = "-inf" if since is None else int(since)
        groups = await self._redis.call("ZRANGEBYSCORE", self._keys.visits(instrument), begin, "+inf")
        found = []
        for group in groups:
            stored = await self._redis.call("HGETALL", self._keys.visit(instrument, group))
            for detector, history in stored.items():
                found.append(history_from_json(Identity(instrument, group, int(detector)), history))
        return found

    async def _read(self, identity: Identity) -> tuple[str | None, UtcSeconds]:
        key = self._keys.visit(identity.instrument, identity.group)
        stored, seconds, microseconds = await self._redis.run(_READ, [key], [identity.detector])
        return stored, UtcSeconds(int(seconds) + int(microseconds) / 1e6)

    async def _replace(self, identity: Identity, stored: str | None, after: WorkHistory) -> bool:
        keys = [
            self._keys.visit(identity.instrument, identity.group),
            self._keys.visits(identity.instrument),
        ]
        arguments: list[str | int] = [identity.detector, stored or "", history_to_json(after)]
        arguments += [self._keep_seconds, identity.group, ""]
        answer = await self._redis.run(_REPLACE, keys, arguments)
        return bool(answer[0] == "done")
