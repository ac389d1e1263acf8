"""The queue of visit-detectors on a Redis stream and its consumer group."""

import asyncio
import functools
import itertools
import logging
from collections.abc import Sequence
from typing import Any, Final, override

from attrs import frozen

from adapters.redis.connection import RedisAdapter, RedisConnection, lua, refusal, text
from adapters.redis.names import StreamKeys
from adapters.redis.queue.contents import digest
from adapters.redis.queue.fanned_out_visit import from_fields
from domain.addresses import without_users
from domain.errors import PromptProcessingError
from domain.times import UtcSeconds
from domain.visit import VisitDetector
from ports.work_queue import LEASE_SECONDS, Lease, LeaseLostError, QueueMissingError, QueueUnavailableError

__all__ = ["RedisWorkQueue"]

_LOG = logging.getLogger(__name__)

_TAKE_OVER: Final = lua("queue/lease/take_over", "queue/common")
_DETAILS: Final = lua("queue/lease/details", "queue/common")
_RENEW: Final = lua("queue/lease/renew", "queue/common")
_ACKNOWLEDGE: Final = lua("queue/lease/acknowledge", "queue/common")
_GIVE_BACK: Final = lua("queue/lease/give_back", "queue/common")
_POSTPONE: Final = lua("queue/lease/postpone", "queue/common")
_SET_ASIDE: Final = lua("queue/lease/set_aside", "queue/common")
_RAISE: Final = lua("queue/lease/raise_incarnation", "queue/common")
_LEAVE: Final = lua("queue/lease/leave", "queue/common")

_LONGEST_READ = 5.0
"""Seconds for which a read blocks before expired leases are looked for again."""

_REMOVED: Final = -1
"""Answer of a renewal whose entry is not in the stream any more."""

_LONGEST_REASON = 2000
"""Characters of a reason that are kept."""


@frozen
class _Delivery:
    """What the server handed over."""

    entry: str
    fields: dict[bytes, bytes]
    times: int


class RedisWorkQueue(RedisAdapter):
    """`ports.work_queue.WorkQueue` for one consumer.

    A lease is an entry that is pending for this consumer; its time is the
    server's idle time. A lease is told from a later one on the same entry by
    the server's count of deliveries, and every change of it is one script that
    looks first.

    Parameters
    ----------
    url
        As for `RedisConnection`.
    stream, group
        Stream and consumer group, as configured.
    consumer
        A name that no other process has, or had while its leases may last.
    lease_seconds
        How long a lease lasts unless it is renewed; the same for all
        consumers and for the upkeep.
    create
        Whether a missing stream or group is created.
    timeout
        Seconds for one command.
    dead_letters
        How many dead letters to keep, about.
    """

    def __init__(
        self,
        url: str,
        *,
        stream: str,
        group: str,
        consumer: str,
        lease_seconds: float = LEASE_SECONDS,
        create: bool = True,
        timeout: float = 5.0,
        dead_letters: int = 10_000,
    ) -> None:
        self._keys = StreamKeys(stream)
        self._group = group
        self._consumer = consumer
        self._lease_seconds = lease_seconds
        self._create = create
        self._dead_letters = dead_letters
        self._held: set[str] = set()
        self._leasing = asyncio.Lock()
        self._longest_read = min(_LONGEST_READ, lease_seconds / 2)
        connect = functools.partial(RedisConnection, url, unavailable=QueueUnavailableError, decode=False)
        self._commands = connect(timeout=timeout)
        # Renewals must not wait behind a read that blocks.
        self._reader = connect(timeout=timeout + self._longest_read)
        super().__init__(self._reader, self._commands)

    @override
    async def open(self) -> None:
        """Connect, and see that the stream and the group are there.

        Raises
        ------
        QueueMissingError
            Raised if they are not, and may not be created.
        """
        await super().open()
        try:
            await self._commands.call("XPENDING", self._keys.stream, self._group)
        except QueueUnavailableError as error:
            await self._create_group_or_raise(error)

    async def lease(self, wait: float) -> Lease | None:
        """Lease an expired delivery, else the next one."""
        end = _now() + wait
        # What was sent to this consumer and is not known here counts as lost on the way.
        async with self._leasing:
            while True:
                try:
                    delivery = await self._take_over() or await self._read(end - _now())
                    lease = None if delivery is None else await self._lease_of(delivery)
                except QueueUnavailableError as error:
                    await self._create_group_or_raise(error)
                    continue
                if lease is not None:
                    return lease
                if _now() >= end:
                    return None

    async def renew(self, lease: Lease) -> None:
        """Start the lease's time anew."""
        answer = await self._commands.run(_RENEW, self._keys.queue, self._names(lease))
        if answer == _REMOVED:
            what = f"entry {lease.entry} was removed from {lease.queue} while it was leased"
            raise QueueUnavailableError(f"{what}: its work comes back when the lease expires")
        if not answer:
            self._held.discard(lease.entry)
            raise LeaseLostError(f"{self._consumer} holds {lease.entry} of {lease.queue} no longer")

    async def acknowledge(self, lease: Lease) -> None:
        """Take the delivery out of the queue."""
        await self._change(_ACKNOWLEDGE, lease)

    async def give_back(self, lease: Lease) -> None:
        """Put the work back as a new entry."""
        if not await self._change(_GIVE_BACK, lease):
            _LOG.error("entry %s was deleted from %s while leased: lost", lease.entry, lease.queue)

    async def postpone(self, lease: Lease, seconds: float, open_attempt: int = 0) -> None:
        """Move the entry with its origin to the set of what is postponed."""
        if not await self._change(_POSTPONE, lease, round(seconds * 1000), open_attempt):
            _LOG.error("entry %s was deleted from %s while leased: lost", lease.entry, lease.queue)

    async def set_aside(self, lease: Lease, reason: str) -> None:
        """Move the entry to the dead letters."""
        # Texts of the system may hold what no text has.
        kept = without_users(reason)[:_LONGEST_REASON].encode(errors="replace")
        await self._change(_SET_ASIDE, lease, kept, self._dead_letters)

    async def raise_incarnation(self, at_least: int) -> None:
        """See `ports.work_queue.WorkQueue.raise_incarnation`."""
        await self._commands.run(_RAISE, self._keys.queue, [self._group, at_least])

    async def leave(self) -> None:
        """Remove the consumer unless it still holds leases."""
        arguments = [self._group, self._consumer, *self._held]
        try:
            await self._commands.run(_LEAVE, self._keys.queue, arguments)
        except QueueUnavailableError as error:
            if refusal(error) != "NOGROUP":
                raise

    async def _change(self, script: str, lease: Lease, *more: bytes | int) -> object:
        keys = [*self._keys.queue, self._keys.dead]
        answer: object = await self._commands.run(script, keys, [*self._names(lease), *more])
        self._held.discard(lease.entry)
        return answer

    def _names(self, lease: Lease) -> list[str | int]:
        return [self._group, self._consumer, lease.entry, lease.times_leased, lease.incarnation]

    async def _take_over(self) -> _Delivery | None:
        milliseconds = round(self._lease_seconds * 1000)
        arguments: list[str | int] = [self._group, self._consumer, milliseconds, *self._held]
        restored, vanished, *found = await self._commands.run(_TAKE_OVER, self._keys.queue, arguments)
        stream = self._keys.stream
        for entry in restored:
            _LOG.error("entry %s was deleted from %s while leased: requeued", text(entry), stream)
        for entry in vanished:
            _LOG.error("entry %s was deleted from %s while leased: lost", text(entry), stream)
        if not found:
            return None
        entry, values, times, holder = found
        _LOG.warning("lease of %s on %s expired: reclaimed", text(holder), text(entry))
        return _Delivery(text(entry), dict(zip(values[::2], values[1::2], strict=True)), times)

    async def _read(self, remaining: float) -> _Delivery | None:
        block = round(min(remaining, self._longest_read) * 1000)
        words: list[str | int] = ["XREADGROUP", "GROUP", self._group, self._consumer, "COUNT", 1]
        # To block for 0 ms is to block for ever.
        words += ["BLOCK", block] if block > 0 else []
        answer: Sequence[Any] = await self._reader.call(*words, "STREAMS", self._keys.stream, ">") or ()
        for _, entries in answer:
            for entry, fields in entries:
                return _Delivery(text(entry), fields, 1)
        return None

    async def _lease_of(self, delivery: _Delivery) -> Lease | None:
        """Make a lease of what was handed over; None if it is lost already."""
        work: VisitDetector | None = None
        fault = ""
        try:
            work = from_fields(delivery.fields)
        except PromptProcessingError as error:
            fault = str(error)
        details = await self._find_details(delivery, work)
        if details is None:
            return None
        origin, open_attempt, incarnation, revision, newest = details
        self._held.add(delivery.entry)
        return Lease(
            entry=delivery.entry,
            queue=self._keys.stream,
            enqueued=_time_of(origin),
            work=work,
            fault=fault,
            revision=revision,
            latest_revision=newest,
            origin=origin,
            open_attempt=open_attempt,
            times_leased=delivery.times,
            incarnation=incarnation,
        )

    async def _find_details(
        self, delivery: _Delivery, work: VisitDetector | None
    ) -> tuple[str, int, int, int, int] | None:
        """Find origin, open attempt, incarnation, revision and newest revision of an entry; keep fields."""
        keys, contents = self._keys.queue, ""
        if work is not None:
            keys.append(self._keys.mark(work.visit.instrument, work.visit.group))
            contents = digest(work.visit)
        fields = itertools.chain.from_iterable(delivery.fields.items())
        arguments: list[bytes | str | int] = [self._group, self._consumer, delivery.entry, delivery.times]
        arguments += [contents, *fields]
        details = await self._commands.run(_DETAILS, keys, arguments)
        if details is None:
            return None
        origin, open_attempt, incarnation, revision, newest = details
        if revision is None:
            # Another fan-out added it, which leaves no mark.
            revision = newest = b"1"
        return text(origin), int(open_attempt), int(incarnation), int(revision), int(newest)

    async def _create_group_or_raise(self, error: QueueUnavailableError) -> None:
        """Create the group if that is what an error asks for and the setting allows, else raise it."""
        what = f"consumer group {self._group} of stream {self._keys.stream}"
        if refusal(error) != "NOGROUP":
            raise error
        if not self._create:
            raise QueueMissingError(f"{what} does not exist") from error
        _LOG.warning("%s does not exist: created", what)
        try:
            await self._commands.call("XGROUP", "CREATE", self._keys.stream, self._group, "0", "MKSTREAM")
        except QueueUnavailableError as failure:
            if refusal(failure) != "BUSYGROUP":
                raise


def _time_of(entry: str) -> UtcSeconds:
    return UtcSeconds(int(entry.partition("-")[0]) / 1000)


def _now() -> float:
    return asyncio.get_running_loop().time()
