"""What is known of one attempt on a visit-detector."""

import datetime
import re
from collections.abc import Mapping

from attrs import field, frozen

from domain.times import UtcSeconds, day_obs_of
from domain.visit import Identity
from domain.work.about import AboutVisit, FoundRaw
from domain.work.outcomes import Outcome
from domain.work.promptness import Promptness, known_seconds, promptness
from domain.work.quality import Quality, why_held

__all__ = [
    "Attempt",
    "AttemptNotes",
    "AttemptRecord",
    "Claim",
    "LeaseKey",
]


@frozen(order=True)
class Attempt:
    """One lease of one visit-detector by one worker."""

    identity: Identity
    number: int
    """From 1, counted by the ledger; 0 if the work never reached a worker."""

    def __str__(self) -> str:
        return f"{self.identity} attempt {self.number}"


@frozen
class LeaseKey:
    """What tells leases apart."""

    name: str
    """Queue, entry and how often that was leased: the last two grow with each lease of the same work."""
    origin: str
    """The delivery under which the work first came, however often it was put back."""
    incarnation: int = 0
    """Of the queue, which is higher each time that was made anew; 0 in records of older releases."""

    def is_older_than(self, other: "LeaseKey") -> bool:
        """Tell whether the other lease was made later, of whatever delivery; False of different queues."""
        mine, theirs = _generation(self.name), _generation(other.name)
        if mine is None or theirs is None or mine[0] != theirs[0]:
            return False
        return (self.incarnation, mine[1]) < (other.incarnation, theirs[1])

    def is_lost_to(self, other: "LeaseKey") -> bool:
        """Tell whether the queue was made anew between the two, which ended this one."""
        return 0 < self.incarnation < other.incarnation


def _generation(name: str) -> tuple[str, tuple[int, ...]] | None:
    """Split the name of a lease into its queue and what grows with each lease in it."""
    match = re.fullmatch(r"(.*) (\d+)(?:-(\d+))? (\d+)", name, re.DOTALL)
    return (match[1], tuple(int(number or 0) for number in match.groups()[1:])) if match else None


@frozen(kw_only=True)
class AttemptRecord:
    """What the ledger knows of one attempt."""

    attempt: Attempt
    worker: str
    begun: UtcSeconds
    outcome: Outcome | None = None
    """None while it goes on, or if its worker died."""
    ended: UtcSeconds | None = None
    final: bool = False
    """True if no further attempt follows."""
    turn: int = 1
    """What a bound on attempts counts: from 1 again after a requeue, and no further after an attempt
    that was cancelled because the visit was announced anew, or postponed because a neighbour was away."""
    requeued: UtcSeconds | None = None
    """When the work was put back by hand before this attempt: age and waiting run from here."""
    lease: LeaseKey | None = None
    """By which it holds the work, or held it: also what tells a lease that comes late."""
    times: int = 1
    """Consecutive attempts that this record stands for, all of them postponed: it began with the first."""
    postponed: "AttemptRecord | None" = field(default=None, eq=False)
    """Only in what beginning an attempt returns: the one before it, if that was postponed."""
    first_begun: UtcSeconds | None = field(default=None, eq=False)
    """Only in what beginning an attempt returns: when the first attempt began since the work was put back by
    hand or announced anew: waiting for images runs from here."""
    closed: Outcome | None = None
    """Only in what beginning an attempt returns: how the attempt of a dead worker was closed on the way."""
    seconds: Mapping[str, float] = field(factory=dict, hash=False)
    """Spent in each stage that has ended."""
    since_shutter: float | None = None
    """Seconds from the shutter's closing to the end of the pipeline; None before that, or if unknown."""
    stage: str = ""
    """The last that is known to have begun, while it goes on or when its worker died."""
    stage_begun: UtcSeconds | None = None
    about: AboutVisit | None = None
    """None before it is noted, and of records of older releases."""
    raws: tuple[FoundRaw, ...] = ()
    """That were taken in, once it ended."""
    quality: Quality | None = None
    """None before it ended, if its pipeline says nothing, and of records of older releases."""

    @property
    def seconds_to_alerts(self) -> float | None:
        """As `since_shutter`; None too if the exposures are of long ago and were observed again."""
        return known_seconds(self.since_shutter)

    @property
    def observed_on(self) -> datetime.date | None:
        """Observing day of exposures of long ago that were observed again; None of any others."""
        if self.ended is None or self.since_shutter is None or self.seconds_to_alerts is not None:
            return None
        return day_obs_of(UtcSeconds(self.ended - self.since_shutter))

    @property
    def held(self) -> str:
        """Why its alerts wait for a person; blank if they do not."""
        return why_held(self.outcome, self.quality)

    @property
    def promptness(self) -> Promptness | None:
        """How the work fared; None before it ended for good, or if nothing can be said."""
        ended = self.outcome if self.final else None
        return None if ended is None else promptness(ended, self.since_shutter)


@frozen(kw_only=True)
class AttemptNotes:
    """What a worker says of an attempt beside its outcome; nothing is decided by it."""

    seconds: Mapping[str, float]
    """Spent in each stage."""
    since_shutter: float | None = None
    """Seconds from the shutter's closing to the end of the pipeline; None if unknown."""
    about: AboutVisit | None = None
    raws: tuple[FoundRaw, ...] = ()
    quality: Quality | None = None
    """What its pipeline says of the images."""


@frozen
class Claim:
    """The right to change what is permanent, held by one attempt."""

    number: int
    """Of the attempt."""
    exposures: frozenset[int]
    until: UtcSeconds | None = None
    """When the attempt ends itself at the latest; None of claims of older releases, which a lease bounds."""
