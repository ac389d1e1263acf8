"""What producer and consumers of a queue in memory share."""

import asyncio
import heapq
import itertools
import logging
from collections import OrderedDict, deque
from collections.abc import Iterator

from attrs import define, evolve, field, frozen

from domain.times import UtcSeconds
from domain.visit import Identity, VisitDetector
from domain.work.standing import QueueStanding
from ports.clock import Clock
from ports.work_queue import LEASE_SECONDS, Lease, QueueDepth

__all__ = ["DeadLetter", "MemoryQueueStore"]

_LOG = logging.getLogger(__name__)


@frozen(kw_only=True)
class DeadLetter:
    """A delivery that was dead-lettered."""

    entry: str
    work: VisitDetector | None
    reason: str
    origin: str
    fault: str
    since: UtcSeconds


@frozen(kw_only=True)
class _Delivery:
    entry: str
    origin: str
    enqueued: UtcSeconds
    work: VisitDetector | None
    fault: str
    revision: int
    open_attempt: int = 0


@define
class _Holding:
    delivery: _Delivery
    consumer: str
    times: int
    deadline: float


@define
class MemoryQueueStore:
    """What the producer and all consumers of one queue share, in one event loop.

    Parameters
    ----------
    clock
        Stamps deliveries.
    name
        Of the queue.
    lease_seconds
        How long a lease lasts unless it is renewed.
    """

    clock: Clock
    name: str = "memory"
    lease_seconds: float = LEASE_SECONDS
    outage: str = field(default="", init=False)
    """For tests: while it is not blank, consumers cannot reach the queue for that reason."""
    dead: list[DeadLetter] = field(factory=list, init=False)
    """What was dead-lettered, in that order."""
    revisions: dict[tuple[str, str], int] = field(factory=dict, init=False)
    """The newest revision of each visit, by instrument and group."""
    steps: int = field(default=0, init=False)
    """Visits published, counted by the producer, and looks taken."""
    _last: int = field(default=0, init=False)
    _gap: str = field(default="", init=False)
    _incarnation: int = field(default=0, init=False)
    _waiting: deque[_Delivery] = field(factory=deque, init=False)
    # All leases last equally long, so the order of renewal is that of expiry.
    _held: OrderedDict[str, _Holding] = field(factory=OrderedDict, init=False)
    _delayed: list[tuple[float, int, _Delivery]] = field(factory=list, init=False)
    _sleepers: OrderedDict[int, asyncio.Future[None]] = field(factory=OrderedDict, init=False)
    _alarm: asyncio.TimerHandle | None = field(default=None, init=False)
    _numbers: Iterator[int] = field(factory=lambda: itertools.count(1), init=False)

    def add(self, work: VisitDetector | None, *, fault: str = "", revision: int = 1) -> str:
        """Put work into the queue, or (without work) a delivery that nobody can read."""
        entry = str(next(self._numbers))
        self._append(
            _Delivery(
                entry=entry,
                origin=entry,
                enqueued=self.clock.utc(),
                work=work,
                fault=fault,
                revision=revision,
            )
        )
        return entry

    def depth(self) -> QueueDepth:
        """Count what is waiting, leased and dead."""
        return QueueDepth(
            waiting=len(self._waiting),
            leased=len(self._held),
            dead=len(self.dead),
            delayed=len(self._delayed),
        )

    def unfinished(self) -> frozenset[Identity]:
        """List the work that waits, is leased or is postponed."""
        held = (holding.delivery for holding in self._held.values())
        delayed = (delivery for *_, delivery in self._delayed)
        return frozenset(
            each.work.identity for each in (*self._waiting, *held, *delayed) if each.work is not None
        )

    def take(self, consumer: str) -> Lease | None:
        """Lease an expired delivery, else the next one; None if there is none."""
        self.put_back_due()
        if self._held and next(iter(self._held.values())).deadline <= _now():
            _, expired = self._held.popitem(last=False)
            _LOG.warning("lease of %s on %s expired: reclaimed", expired.consumer, expired.delivery.entry)
            return self._hold(expired.delivery, consumer, expired.times + 1)
        if self._waiting:
            return self._hold(self._waiting.popleft(), consumer, 1)
        return None

    def holding(self, lease: Lease, consumer: str) -> bool:
        """Say whether the consumer has this very lease."""
        held = self._held.get(lease.entry)
        if held is None or lease.incarnation != self.incarnation:
            return False
        return held.consumer == consumer and held.times == lease.times_leased

    @property
    def incarnation(self) -> int:
        """As it is now; the first is the time when it is asked for."""
        if not self._incarnation:
            self.raise_incarnation(1)
        return self._incarnation

    def raise_incarnation(self, at_least: int) -> None:
        """Raise the incarnation if it is lower than this."""
        if self._incarnation < at_least:
            self._incarnation = max(at_least, round(self.clock.utc() * 1000))

    def standing(self) -> QueueStanding:
        """Take a step, and tell how far the queue has come."""
        self.steps += 1
        return QueueStanding(
            incarnation=self.incarnation,
            last_entry=(self._last, 0),
            steps=self.steps,
            gap=self._gap,
        )

    def lose_waiting(self) -> None:
        """Remove what nobody has leased, for tests."""
        if self._waiting:
            self._gap = self._waiting[-1].entry
            self._waiting.clear()

    def wipe(self) -> None:
        """Lose everything, for tests."""
        for kept in (self._waiting, self._held, self._delayed, self.dead, self.revisions):
            kept.clear()
        self._incarnation = self.steps = self._last = 0

    def make_anew(self) -> None:
        """Lose the group, for tests, and make it again: what was leased waits, as if nobody had leased it."""
        self._waiting.extendleft(reversed([holding.delivery for holding in self._held.values()]))
        self._held.clear()
        self.raise_incarnation(self.incarnation + 1)
        for _ in self._waiting:
            self._wake()

    def prolong(self, entry: str) -> None:
        """Start the time of a lease anew."""
        self._held[entry].deadline = _now() + self.lease_seconds
        self._held.move_to_end(entry)

    def drop(self, entry: str) -> None:
        """Take a leased delivery out of the queue."""
        del self._held[entry]

    def set_aside(self, entry: str, reason: str) -> None:
        """Move a leased delivery to the dead letters."""
        dead = self._held.pop(entry).delivery
        self.dead.append(
            DeadLetter(
                entry=entry,
                work=dead.work,
                reason=reason,
                origin=dead.origin,
                fault=dead.fault,
                since=self.clock.utc(),
            )
        )

    def exhume(self, letter: DeadLetter) -> str:
        """Put a dead letter back as a new entry; returns that."""
        self.dead.remove(letter)
        entry = str(next(self._numbers))
        key = (letter.work.visit.instrument, letter.work.visit.group) if letter.work else ("", "")
        self._append(
            _Delivery(
                entry=entry,
                origin=letter.origin,
                enqueued=self.clock.utc(),
                work=letter.work,
                fault=letter.fault,
                revision=self.revisions.get(key, 1),
            )
        )
        return entry

    def put_back(self, entry: str) -> None:
        """Make a leased delivery wait again, behind all others."""
        delivery = self._held.pop(entry).delivery
        self._append(evolve(delivery, entry=str(next(self._numbers))))

    def postpone(self, entry: str, seconds: float, open_attempt: int) -> None:
        """Put a leased delivery away for a time."""
        delivery = self._held.pop(entry).delivery
        delivery = evolve(delivery, open_attempt=open_attempt or delivery.open_attempt)
        heapq.heappush(self._delayed, (_now() + seconds, next(self._numbers), delivery))
        self._set_alarm()

    def put_back_due(self) -> int:
        """Make wait again what is due; returns how many deliveries."""
        count = 0
        while self._delayed and self._delayed[0][0] <= _now():
            _, _, delivery = heapq.heappop(self._delayed)
            self._append(evolve(delivery, entry=str(next(self._numbers))))
            count += 1
        return count

    def expired(self) -> list[str]:
        """List the deliveries whose lease expired."""
        now = _now()
        return [
            entry for entry, _ in itertools.takewhile(lambda it: it[1].deadline <= now, self._held.items())
        ]

    async def news(self, seconds: float) -> None:
        """Sleep until there may be something to lease, or time is up."""
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers[id(sleeper)] = sleeper
        self._set_alarm()
        try:
            async with asyncio.timeout(seconds):
                await sleeper
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            if sleeper.done() and not sleeper.cancelled():
                self._wake()
            raise
        finally:
            self._sleepers.pop(id(sleeper), None)

    def _append(self, delivery: _Delivery) -> None:
        self._last = int(delivery.entry)
        self._waiting.append(delivery)
        self._wake()

    def _hold(self, delivery: _Delivery, consumer: str, times: int) -> Lease:
        self._held[delivery.entry] = _Holding(delivery, consumer, times, _now() + self.lease_seconds)
        self._set_alarm()
        return Lease(
            entry=delivery.entry,
            queue=self.name,
            enqueued=delivery.enqueued,
            work=delivery.work,
            fault=delivery.fault,
            revision=delivery.revision,
            latest_revision=max(delivery.revision, self._latest(delivery.work)),
            origin=delivery.origin,
            open_attempt=delivery.open_attempt,
            times_leased=times,
            incarnation=self.incarnation,
        )

    def _latest(self, work: VisitDetector | None) -> int:
        return 1 if work is None else self.revisions.get((work.visit.instrument, work.visit.group), 1)

    def _wake(self) -> None:
        while self._sleepers:
            _, sleeper = self._sleepers.popitem(last=False)
            if not sleeper.done():
                sleeper.set_result(None)
                return

    def _set_alarm(self) -> None:
        """See to it that a sleeper wakes when the oldest lease expires, or when something is due."""
        times = [next(iter(self._held.values())).deadline] if self._held else []
        times += [self._delayed[0][0]] if self._delayed else []
        if not times or not self._sleepers:
            return
        moment = max(min(times), _now())
        if self._alarm is not None:
            if self._alarm.when() <= moment:
                return
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_at(moment, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self.put_back_due()
        for _ in self.expired():
            self._wake()
        if len(self.expired()) < len(self._held) or self._delayed:
            self._set_alarm()


def _now() -> float:
    return asyncio.get_running_loop().time()
