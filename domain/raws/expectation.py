"""Which images a visit-detector awaits, until when, and what has become of those that came.

The clock is the caller's: instants named ``now`` and ``deadline`` are seconds
on one monotonic clock, which nothing here reads.
"""

import enum
import itertools
import math
from collections.abc import Callable
from typing import Self

from attrs import evolve, field, frozen

from domain.errors import PromptProcessingError
from domain.raws.exposure import Exposure
from domain.raws.raws import RawImage
from domain.sky.sky_angle import sky_angle_fault
from domain.times import UtcSeconds, utc_from_tai
from domain.visit import Identity, Visit, VisitDetector

__all__ = [
    "Arrival",
    "Expectation",
    "NotAwaitingIngestError",
    "Rejection",
    "Seen",
    "Standing",
    "Verdict",
    "image_deadline",
]

_MOST_MISSING = 100


class NotAwaitingIngestError(PromptProcessingError):
    """An exposure was reported as ingested or unreadable that was not waiting to be ingested."""


def image_deadline(
    visit: Visit, receipt: UtcSeconds, image_timeout: float, worker_timeout: float
) -> UtcSeconds:
    """Find the instant at which the wait for images ends (semantics 7).

    Parameters
    ----------
    visit
        What was announced.
    receipt
        When the attempt began.
    image_timeout
        IMAGE_TIMEOUT, seconds.
    worker_timeout
        WORKER_TIMEOUT, seconds; the wait never lasts longer.

    Raises
    ------
    domain.times.InvalidInstantError
        Raised if the visit's start is outside 1970 to 2099.
    """
    script_ends = max(receipt + 2 * visit.duration, utc_from_tai(visit.start_time) + visit.duration)
    return UtcSeconds(min(script_ends + image_timeout, receipt + worker_timeout))


class Arrival(enum.Enum):
    """What a raw that has come means to the visit-detector."""

    NEW = "new"
    """To be ingested."""
    REPEATED = "repeated"
    """Known already."""
    REWRITTEN_BEFORE_INGEST = "rewritten before ingest"
    """A newer version of what was not ingested yet, or could not be: to be ingested."""
    REWRITTEN_AFTER_INGEST = "rewritten after ingest"
    """A newer version of what was ingested: recorded, not processed again."""
    LATE = "late"
    """Came after the wait: recorded, not processed."""
    FOREIGN = "foreign"
    """Of another visit or detector."""


class Standing(enum.Enum):
    """Where one exposure of the visit-detector stands."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNREADABLE = "unreadable"
    LATE = "late"


@frozen(kw_only=True)
class Seen:
    """One exposure that has come."""

    raw: RawImage
    """In the version that counts: the newest until ingest, then the ingested one."""
    arrival: float
    """When its first version came, seconds."""
    standing: Standing
    reason: str = ""
    """Why it was rejected or could not be read."""
    exposure: Exposure | None = None
    """What its header says, once ingested."""
    versions: frozenset[str] = frozenset()
    """All that were heard of."""


@frozen(kw_only=True)
class Rejection:
    """An exposure that will not be processed."""

    raw: RawImage
    reason: str


@frozen
class Verdict:
    """Whether an ingested exposure may be processed."""

    reason: str = ""
    """Why it may not; blank if it may."""

    @property
    def accepted(self) -> bool:
        """Whether it may be processed."""
        return not self.reason


@frozen(kw_only=True)
class Expectation:
    """The snaps that one attempt awaits, and what has come of them.

    The wait is over at the deadline, or as soon as every announced snap has
    come: was ingested and accepted, or rejected for good. An unreadable raw
    has not come: a newer version of it has another chance until the deadline.
    An exposure whose snap number was not announced, or came before, is
    processed with the others but stands in for none of them.

    With nimages = 0, the first readable snap ends the wait after a grace, so
    that snaps which follow closely are not lost; while any is being ingested
    the end stays open.

    Exposures are known by their number. Each has one standing at any time,
    and is reported by exactly one of `pending`, `accepted`, `rejected` and
    `late`.
    """

    work: VisitDetector
    deadline: float
    """Seconds, by the caller's clock."""
    grace: float
    """Seconds."""
    seen: tuple[Seen, ...] = field(default=())
    """In the order of their arrival."""
    out_of_reach: frozenset[int] = frozenset()
    """Exposures that could not be fetched when they came."""
    obstacle: str = ""
    """Why it is not known whether the missing snaps are there; blank if they are known not to be."""

    @classmethod
    def of(cls, work: VisitDetector, deadline: float, grace: float) -> Self:
        """Begin to wait."""
        return cls(work=work, deadline=deadline, grace=grace)

    @property
    def expected(self) -> int:
        """How many snaps were announced; 0 if that was not known."""
        return self.work.visit.nimages

    @property
    def pending(self) -> tuple[RawImage, ...]:
        """Raws that came in time and wait to be ingested, in the order of their arrival."""
        return tuple(one.raw for one in self._standing(Standing.PENDING))

    @property
    def accepted(self) -> tuple[Exposure, ...]:
        """Exposures to process, by snap."""
        exposures = [one.exposure for one in self._standing(Standing.ACCEPTED) if one.exposure is not None]
        return tuple(sorted(exposures, key=lambda exposure: (exposure.snap, exposure.exposure)))

    @property
    def rejected(self) -> tuple[Rejection, ...]:
        """Exposures that came in time and will not be processed, unreadable ones included."""
        ones = self._standing(Standing.REJECTED, Standing.UNREADABLE)
        return tuple(Rejection(raw=one.raw, reason=one.reason) for one in ones)

    @property
    def late(self) -> tuple[RawImage, ...]:
        """Raws that came after the wait."""
        return tuple(one.raw for one in self._standing(Standing.LATE))

    @property
    def missing(self) -> tuple[int, ...]:
        """Snap numbers to look for: announced and not here yet, in any readable version.

        With nimages = 0, the lowest number that has not come. At most the
        lowest hundred.
        """
        here = {
            one.raw.snap for one in self._standing(Standing.PENDING, Standing.ACCEPTED, Standing.REJECTED)
        }
        awaited = (snap for snap in range(self.expected or len(here) + 1) if snap not in here)
        return tuple(itertools.islice(awaited, _MOST_MISSING if self.expected else 1))

    @property
    def lacks_snaps(self) -> bool:
        """Whether an announced snap has not come, or none has if it was not known how many."""
        return bool(self.missing) if self.expected else not self.seen

    @property
    def unfetched(self) -> frozenset[int]:
        """The exposures that came and could not be fetched, the last time that was tried."""
        return self.out_of_reach - {one.raw.exposure for one in self.seen}

    @property
    def wait_until(self) -> float:
        """The instant at which the wait ends if nothing more comes; never after the deadline."""
        if self._is_complete:
            return -math.inf
        if self.expected or self.pending:
            return self.deadline
        first = min((one.arrival for one in self._settled), default=math.inf)
        return min(self.deadline, first + self.grace)

    def is_over(self, now: float) -> bool:
        """Say whether the wait has ended. It stays so as time goes on."""
        return now >= self.wait_until

    def lasting_until(self, instant: float) -> Self:
        """Put the deadline off until an instant, if it is earlier."""
        return evolve(self, deadline=max(self.deadline, instant))

    def arrived(self, raw: RawImage, now: float) -> tuple[Self, Arrival]:
        """Take note of a raw: a notification, or a find in the store."""
        if Identity(raw.key.instrument, raw.group, raw.key.detector) != self.work.identity:
            return self, Arrival.FOREIGN
        known = self._find(raw.exposure)
        if known is not None:
            return self._arrived_again(known, raw, now)
        if raw.exposure in self.out_of_reach and self.is_over(now):
            return self, Arrival.REPEATED
        standing, arrival = (
            (Standing.LATE, Arrival.LATE) if self.is_over(now) else (Standing.PENDING, Arrival.NEW)
        )
        one = Seen(raw=raw, arrival=now, standing=standing, versions=frozenset({raw.version}))
        return evolve(self, seen=(*self.seen, one)), arrival

    def ingested(self, exposure: Exposure, *, known_as: int | None = None) -> tuple[Self, Verdict]:
        """Judge a pending exposure by its header.

        Parameters
        ----------
        exposure
            What the header says.
        known_as
            The exposure number of the raw's key, where the header has another
            one (LSST-TS8 before 2023-05-25, docs/contracts/raws.md).

        Raises
        ------
        NotAwaitingIngestError
            Raised if no such exposure is pending.
        """
        number = exposure.exposure if known_as is None else known_as
        reason = self._fault(exposure)
        standing = Standing.REJECTED if reason else Standing.ACCEPTED
        return self._settle(
            number, lambda one: evolve(one, standing=standing, reason=reason, exposure=exposure)
        ), Verdict(reason)

    def unavailable(self, exposure_id: int) -> Self:
        """Forget a pending exposure that could not be fetched: it is new when it comes again.

        It is never late: it came in time.

        Raises
        ------
        NotAwaitingIngestError
            Raised if no such exposure is pending.
        """
        self._settle(exposure_id, lambda one: one)
        others = tuple(one for one in self.seen if one.raw.exposure != exposure_id)
        return evolve(self, seen=others, out_of_reach=self.out_of_reach | {exposure_id})

    def unreadable(self, exposure_id: int, reason: str) -> Self:
        """Take note that a pending exposure could not be ingested.

        Raises
        ------
        NotAwaitingIngestError
            Raised if no such exposure is pending.
        """
        return self._settle(exposure_id, lambda one: evolve(one, standing=Standing.UNREADABLE, reason=reason))

    @property
    def _settled(self) -> tuple[Seen, ...]:
        return self._standing(Standing.ACCEPTED, Standing.REJECTED)

    @property
    def _is_complete(self) -> bool:
        come = {one.raw.snap for one in self._settled}
        return bool(self.expected) and not self.pending and come.issuperset(range(self.expected))

    def _standing(self, *standings: Standing) -> tuple[Seen, ...]:
        return tuple(one for one in self.seen if one.standing in standings)

    def _find(self, exposure: int) -> Seen | None:
        return next((one for one in self.seen if one.raw.exposure == exposure), None)

    def _put(self, one: Seen) -> Self:
        exposure = one.raw.exposure
        return evolve(self, seen=tuple(one if old.raw.exposure == exposure else old for old in self.seen))

    def _settle(self, exposure: int, change: Callable[[Seen], Seen]) -> Self:
        known = self._find(exposure)
        if known is None or known.standing is not Standing.PENDING:
            standing = "never came" if known is None else f"is {known.standing.value}"
            raise NotAwaitingIngestError(f"exposure {exposure} is not waiting to be ingested: it {standing}")
        return self._put(change(known))

    def _arrived_again(self, known: Seen, raw: RawImage, now: float) -> tuple[Self, Arrival]:
        """Sort a repeated notification from a rewritten object.

        A version that is not known (raws found by the microservice) may be
        any, so that it never counts as rewritten.
        """
        if not raw.version or raw.version in known.versions:
            return self, Arrival.REPEATED
        heard = evolve(known, versions=known.versions | {raw.version})
        newest = evolve(heard, raw=raw)
        match known.standing:
            case Standing.UNREADABLE if self.is_over(now):
                return self._put(heard), Arrival.LATE
            case Standing.UNREADABLE:
                return self._put(evolve(newest, standing=Standing.PENDING, reason="")), (
                    Arrival.REWRITTEN_BEFORE_INGEST
                )
            case _ if not any(known.versions):
                return self._put(heard), Arrival.REPEATED
            case Standing.LATE:
                return self._put(newest), Arrival.LATE
            case Standing.PENDING:
                return self._put(newest), Arrival.REWRITTEN_BEFORE_INGEST
            case _:
                return self._put(heard), Arrival.REWRITTEN_AFTER_INGEST

    def _fault(self, exposure: Exposure) -> str:
        found = Identity(exposure.instrument, exposure.group, exposure.detector)
        if found != self.work.identity:
            return f"its header says that it is of {found}"
        return sky_angle_fault(self.work.visit, exposure.sky_angle)
