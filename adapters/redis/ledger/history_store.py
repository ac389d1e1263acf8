"""The store of histories on Redis."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from adapters.common.history import (
    history_from_json,
    outcome_from_json,
    outcome_to_json,
    read_or_fault,
)
from adapters.redis.connection import RedisAdapter, RedisConnection, lua
from adapters.redis.durability import faults_of
from adapters.redis.ledger.history_changes import VisitHistories, run_steps
from adapters.redis.names import LedgerKeys
from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.history import WorkHistory
from domain.work.outcomes import Outcome
from ports.history_store import Change
from ports.ledger import LedgerRecordError, LedgerUnavailableError, UnreadableRecordError

__all__ = ["RedisHistoryStore"]

_TAKE_TURN: Final = lua("take_turn")


class RedisHistoryStore(RedisAdapter):
    """`ports.history_store.HistoryStore`, with times by the server's clock.

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

    async def change[T](self, identity: Identity, change: Change[T]) -> T:
        """Replace one history."""
        steps = self._visit(identity.instrument, identity.group).change([identity.detector], change)
        answer = (await run_steps(self._redis, steps))[identity.detector]
        if isinstance(answer, LedgerRecordError):
            raise answer
        return answer

    async def change_each(
        self,
        instrument: str,
        group: str,
        detectors: Collection[int],
        change: Callable[[WorkHistory, UtcSeconds], WorkHistory],
    ) -> Sequence[LedgerRecordError]:
        """Replace the histories of a visit's detectors in one step, however many there are."""
        steps = self._visit(instrument, group).change(
            detectors, lambda history, now: (change(history, now), None)
        )
        answers = await run_steps(self._redis, steps)
        return [fault for fault in answers.values() if fault is not None]

    async def check(self) -> None:
        """See `ports.neighbours.Probe`."""
        await self._redis.call("PING")

    async def history(self, identity: Identity) -> WorkHistory:
        """Read one history."""
        steps = self._visit(identity.instrument, identity.group).read([identity.detector])
        (text,), _ = await run_steps(self._redis, steps)
        return history_from_json(identity, text)

    async def histories(
        self, instrument: str, since: UtcSeconds | None = None
    ) -> Sequence[WorkHistory | LedgerRecordError]:
        """Read all histories of the visits on which something was recorded since then."""
        begin = "-inf" if since is None else int(since)
        groups = await self._redis.call("ZRANGEBYSCORE", self._keys.visits(instrument), begin, "+inf")
        found: list[WorkHistory | LedgerRecordError] = []
        for group in groups:
            stored = await self._redis.call("HGETALL", self._keys.visit(instrument, group))
            for field, text in stored.items():
                if field.isdecimal():
                    found.append(read_or_fault(Identity(instrument, group, int(field)), text))
                else:
                    nobody = Identity(instrument, group, -1)
                    found.append(UnreadableRecordError(nobody, f"{field!r:.80} is no detector"))
        return found

    async def put_unreadable(self, queue: str, entry: str, outcome: Outcome) -> None:
        """Keep the outcome of a delivery that has no history."""
        key = self._keys.unreadable(queue)
        await self._redis.call("HSET", key, entry, outcome_to_json(outcome))
        await self._redis.call("EXPIRE", key, self._keep_seconds)

    async def unreadable(self, queue: str) -> Mapping[str, Outcome]:
        """List the outcomes of deliveries that have no history."""
        found = await self._redis.call("HGETALL", self._keys.unreadable(queue))
        return {entry: outcome_from_json(outcome) for entry, outcome in found.items()}

    async def take_turn(self, what: str, holder: str, seconds: float) -> bool:
        """Take a turn at something that one process does at a time, or keep it."""
        arguments: list[str | int] = [holder, round(seconds * 1000)]
        return bool(await self._redis.run(_TAKE_TURN, [self._keys.turn(what)], arguments))

    async def forget(self) -> int:
        """Delete nothing: keys expire by themselves."""
        return 0

    async def check_durable(self) -> Sequence[str]:
        """Compare the server's configuration with what a ledger needs."""
        return await faults_of(self._redis)

    def _visit(self, instrument: str, group: str) -> VisitHistories:
        return VisitHistories(self._keys, self._keep_seconds, instrument, group)
