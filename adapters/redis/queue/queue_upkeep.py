"""What one process does for a queue on Redis from time to time."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from adapters.redis.connection import RedisAdapter, RedisConnection, lua
from adapters.redis.names import StreamKeys
from adapters.redis.queue.fanned_out_visit import from_fields
from domain.errors import PromptProcessingError
from domain.visit import Identity
from domain.work.standing import QueueStanding
from ports.work_queue import CONSUMER_GONE_SECONDS, LEASE_SECONDS, QueueDepth, QueueUnavailableError

__all__ = ["RedisQueueUpkeep"]

_LOG = logging.getLogger(__name__)

_PUT_BACK_EXPIRED: Final = lua("queue/upkeep/put_back_expired", "queue/common", "queue/groups")
_TRIM: Final = lua("queue/upkeep/trim", "queue/groups")
_DEPTH: Final = lua("queue/upkeep/depth", "queue/groups")
_PUT_BACK_DUE: Final = lua("queue/upkeep/put_back_due", "queue/common")
_UNFINISHED: Final = lua("queue/upkeep/unfinished", "queue/common", "queue/groups")
_UNFINISHED_PAGE: Final = lua("queue/upkeep/unfinished_page", "queue/common")

_STANDING: Final = lua("queue/upkeep/standing", "queue/common", "queue/groups")
_REPAIR_LAG: Final = lua("queue/upkeep/repair_lag", "queue/common", "queue/groups")
_MAKE: Final = lua("queue/upkeep/make", "queue/common", "queue/groups")
_RAISE: Final = lua("queue/lease/raise_incarnation", "queue/common")

_AT_ONCE = 100
"""Entries put back in one script, which nothing else can interrupt."""

_PAGE = 1000
"""Entries read at once."""


class RedisQueueUpkeep(RedisAdapter):
    """`ports.work_queue.QueueUpkeep` of one stream and group.

    Parameters
    ----------
    url
        As for `RedisConnection`.
    stream, group
        Stream and consumer group, as configured.
    lease_seconds
        The same as that of the consumers.
    gone_seconds
        A consumer that holds nothing and was not seen for so long is removed.
    timeout
        Seconds for one command.
    """

    def __init__(
        self,
        url: str,
        *,
        stream: str,
        group: str,
        lease_seconds: float = LEASE_SECONDS,
        gone_seconds: float = CONSUMER_GONE_SECONDS,
        timeout: float = 5.0,
    ) -> None:
        self._keys = StreamKeys(stream)
        self._group = group
        self._lease_seconds = lease_seconds
        self._gone_seconds = gone_seconds
        self._is_group_missed = False
        self._is_lag_lost = False
        self._redis = RedisConnection(url, unavailable=QueueUnavailableError, timeout=timeout)
        super().__init__(self._redis)

    async def put_back_expired(self) -> int:
        """Put back what expired, some at a time."""
        milliseconds = round(self._lease_seconds * 1000)
        total = 0
        while True:
            arguments: list[str | int] = [self._group, milliseconds, _AT_ONCE]
            moved, restored, seen = await self._redis.run(_PUT_BACK_EXPIRED, self._keys.queue, arguments)
            total += int(moved)
            if moved < seen:
                what = "expired leases are on entries that were removed, or are too large to be put back"
                _LOG.error("%s: %d %s", self._keys.stream, seen - moved, what)
            if restored:
                what = "entries were removed from the stream while they were leased, and are put back"
                _LOG.error("%s: %d %s", self._keys.stream, restored, what)
            if moved:
                _LOG.warning("%d expired leases of %s requeued", moved, self._keys.stream)
            if not moved or seen < _AT_ONCE:
                return total

    async def put_back_due(self) -> int:
        """Put back what is due, some at a time."""
        total = moved = int(await self._redis.run(_PUT_BACK_DUE, self._keys.queue, [_AT_ONCE]))
        while moved == _AT_ONCE:
            moved = int(await self._redis.run(_PUT_BACK_DUE, self._keys.queue, [_AT_ONCE]))
            total += moved
        return total

    async def trim(self) -> int:
        """Forget what all groups of the stream have finished."""
        milliseconds = round(self._gone_seconds * 1000)
        count: int = await self._redis.run(_TRIM, [self._keys.stream], [self._group, milliseconds])
        if count < 0 and not self._is_group_missed:
            others = "has consumer groups, but none of this name: not trimmed"
            _LOG.warning("%s: %s (%s)", self._keys.stream, others, self._group)
        self._is_group_missed = count < 0
        return max(count, 0)

    async def depth(self) -> QueueDepth:
        """Tell how much there is to do."""
        keys = [self._keys.stream, self._keys.dead, self._keys.delayed]
        waiting, leased, dead, delayed = await self._redis.run(_DEPTH, keys, [self._group])
        return QueueDepth(waiting=waiting, leased=leased, dead=dead, delayed=delayed)

    async def unfinished(self) -> Collection[Identity]:
        """List what is not finished, reading the stream from the oldest such entry on."""
        delivered, leased, removed = await self._redis.run(_UNFINISHED, self._keys.queue, [self._group])
        found = set(_identities(map(_as_map, removed)))
        position = leased[0] if leased else f"({delivered}"
        counts = frozenset(leased)
        while True:
            # What goes round meanwhile comes behind all others, or is postponed when the end is reached.
            page: Sequence[Any]
            page, delayed = await self._redis.run(_UNFINISHED_PAGE, self._keys.queue, [position, _PAGE])
            found.update(_identities(map(_as_map, delayed)))
            found.update(
                _identities(
                    _as_map(fields)
                    for entry, fields in page
                    if entry in counts or _is_after(entry, delivered)
                )
            )
            if len(page) < _PAGE:
                return found
            position = f"({page[-1][0]}"

    async def standing(self) -> QueueStanding:
        """See `ports.work_queue.RebuildableQueue.standing`."""
        keys = [*self._keys.queue, self._keys.steps]
        incarnation, last, steps, gap = await self._redis.run(_STANDING, keys, [self._group])
        return QueueStanding(incarnation=int(incarnation), last_entry=_parts(last), steps=int(steps), gap=gap)

    async def repair_lag(self) -> bool:
        """See `ports.work_queue.RebuildableQueue.repair_lag`."""
        told = int(await self._redis.run(_REPAIR_LAG, self._keys.queue, [self._group]))
        if told < 0 and not self._is_lag_lost:
            what = "the server lost count of the lag and cannot be told it: other groups, or no XSETID"
            _LOG.error("%s: %s; KEDA takes it for 0", self._keys.stream, what)
        self._is_lag_lost = told < 0
        return told > 0

    async def raise_incarnation(self, at_least: int) -> None:
        """See `ports.work_queue.RebuildableQueue.raise_incarnation`."""
        await self._redis.run(_MAKE, self._keys.queue, [self._group])
        await self._redis.run(_RAISE, self._keys.queue, [self._group, at_least])


def _identities(entries: Iterable[Mapping[str, str]]) -> Iterator[Identity]:
    for fields in entries:
        try:
            yield from_fields(fields).identity
        except PromptProcessingError:
            continue  # The worker that leases it says so.


def _as_map(words: Sequence[str]) -> Mapping[str, str]:
    return dict(zip(words[::2], words[1::2], strict=True))


def _is_after(entry: str, other: str) -> bool:
    return _parts(entry) > _parts(other)


def _parts(entry: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry.partition("-")
    return int(milliseconds), int(sequence)
