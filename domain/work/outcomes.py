"""How the work on a visit-detector can end, and what follows from each end.

The union is closed: whatever happens to a delivery is one of these, and the
table `RULES` is the one place that says what the queue, the ledger, the
export, the metrics and the log make of it.
"""

import enum
import logging
from collections.abc import Mapping
from typing import NewType

from attrs import field, frozen

from domain.addresses import without_users

__all__ = [
    "RULES",
    "Cancelled",
    "Completed",
    "Duplicate",
    "Expired",
    "Export",
    "FailedAfterChange",
    "FailedBeforeChange",
    "Ignored",
    "ImagesRejected",
    "NoImages",
    "Outcome",
    "PermanentFailure",
    "Poisoned",
    "QueueVerb",
    "Rule",
    "SnapResult",
    "SnapStatus",
    "UnknownStatus",
    "describe",
    "is_final",
    "is_postponed",
    "may_retry",
    "rule_for",
    "snaps_of",
]


class SnapStatus(enum.StrEnum):
    """What became of one exposure, as the ledger spells it."""

    COMPLETED = "completed"
    FAILED = "failed"
    REJECTED = "rejected"
    UNREADABLE = "unreadable"
    LATE = "late"
    UNFETCHED = "unfetched"
    """It is there, and could not be fetched."""
    UNPROVEN = "unproven"
    """Nobody could look whether it is there."""


UnknownStatus = NewType("UnknownStatus", str)
"""A word for a status that a newer release wrote: kept as it is."""


@frozen(kw_only=True)
class SnapResult:
    """What became of one exposure of the visit-detector."""

    exposure: int
    """0 of one that nobody has seen."""
    result: SnapStatus | UnknownStatus
    reason: str = field(default="", converter=without_users)


@frozen(kw_only=True)
class Completed:
    """All accepted exposures were processed by one pipeline and handed on."""

    pipeline: str
    snaps: tuple[SnapResult, ...] = ()
    detail: str = field(default="", converter=without_users)
    """What is still to be done by somebody else."""


@frozen(kw_only=True)
class Ignored:
    """The configuration wants nothing done with this visit."""

    reason: str = field(converter=without_users)


@frozen(kw_only=True)
class Duplicate:
    """The same work has its final outcome, or another attempt has claimed it for good."""

    reason: str = field(converter=without_users)


@frozen(kw_only=True)
class Expired:
    """The announcement was too old when it was read."""

    age: float
    """Seconds."""


@frozen(kw_only=True)
class Cancelled:
    """The observatory took the visit back before any snap came."""

    superseded: bool = False
    """True if a newer revision of the same visit took its place."""


@frozen(kw_only=True)
class NoImages:
    """The wait ended and no image had come."""

    waited: float
    """Seconds."""


@frozen(kw_only=True)
class ImagesRejected:
    """Images came, and none could be accepted."""

    snaps: tuple[SnapResult, ...]


class PermanentFailure(enum.Enum):
    """Reasons to fail that another attempt cannot mend."""

    NO_MATCHING_NODE = "no matching node"
    UNPLACEABLE_VISIT = "unplaceable visit"
    NOTHING_RUNNABLE = "nothing runnable"


@frozen(kw_only=True)
class FailedBeforeChange:
    """The attempt failed, and nothing permanent was changed."""

    reason: str = field(converter=without_users)
    never: PermanentFailure | None = None
    """Why a retry is pointless; None if it is not."""
    postponed: bool = False
    """True if only a neighbour was away: another attempt follows, and this one does not count."""
    away: str = ""
    """The neighbour for which it was postponed, as `ports.neighbours.Neighbour` names it."""
    given_up: bool = False
    """True if a neighbour was away for too long: no other attempt follows."""
    snaps: tuple[SnapResult, ...] = ()


@frozen(kw_only=True)
class FailedAfterChange:
    """The attempt failed with the claim present: left to daytime processing."""

    reason: str = field(converter=without_users)
    snaps: tuple[SnapResult, ...] = ()


@frozen(kw_only=True)
class Poisoned:
    """The delivery cannot be read."""

    reason: str = field(converter=without_users)


type Outcome = (
    Completed
    | Ignored
    | Duplicate
    | Expired
    | Cancelled
    | NoImages
    | ImagesRejected
    | FailedBeforeChange
    | FailedAfterChange
    | Poisoned
)


class QueueVerb(enum.Enum):
    """What the worker tells the queue once the outcome is recorded."""

    ACKNOWLEDGE = "acknowledge"
    GIVE_BACK = "give back"
    POSTPONE = "postpone"
    DEAD_LETTER = "dead letter"


class Export(enum.Enum):
    """Which outputs of the attempt go to the central repository."""

    NOTHING = "nothing"
    EVERYTHING = "everything"
    BEFORE_CHANGE = "all but what changes and what follows from it"


@frozen
class Rule:
    """What follows from an outcome."""

    name: str
    """As the ledger, the logs and the metric's label spell it."""
    verb: QueueVerb
    export: Export
    level: int = field(default=logging.INFO)
    """Level of the one log line."""


RULES: Mapping[type, Rule] = {
    Completed: Rule("completed", QueueVerb.ACKNOWLEDGE, Export.EVERYTHING),
    Ignored: Rule("ignored", QueueVerb.ACKNOWLEDGE, Export.NOTHING),
    Duplicate: Rule("duplicate", QueueVerb.ACKNOWLEDGE, Export.NOTHING),
    Expired: Rule("expired", QueueVerb.ACKNOWLEDGE, Export.NOTHING, logging.WARNING),
    Cancelled: Rule("cancelled", QueueVerb.ACKNOWLEDGE, Export.NOTHING),
    NoImages: Rule("no images", QueueVerb.ACKNOWLEDGE, Export.EVERYTHING, logging.WARNING),
    ImagesRejected: Rule("images rejected", QueueVerb.ACKNOWLEDGE, Export.EVERYTHING, logging.WARNING),
    FailedBeforeChange: Rule("failed before change", QueueVerb.ACKNOWLEDGE, Export.EVERYTHING, logging.ERROR),
    FailedAfterChange: Rule(
        "failed after change", QueueVerb.ACKNOWLEDGE, Export.BEFORE_CHANGE, logging.ERROR
    ),
    Poisoned: Rule("poisoned", QueueVerb.DEAD_LETTER, Export.NOTHING, logging.ERROR),
}

_NAME = RULES[FailedBeforeChange].name
_RETRY = Rule(_NAME, QueueVerb.GIVE_BACK, Export.NOTHING, logging.WARNING)
_POSTPONED = Rule(_NAME, QueueVerb.POSTPONE, Export.NOTHING, logging.WARNING)
_EXHAUSTED = Rule(_NAME, QueueVerb.DEAD_LETTER, Export.EVERYTHING, logging.ERROR)


def is_postponed(outcome: Outcome | None) -> bool:
    """Tell whether only a neighbour was away, so that another attempt follows."""
    return isinstance(outcome, FailedBeforeChange) and outcome.postponed


def may_retry(outcome: Outcome, attempt: int, max_attempts: int) -> bool:
    """Say whether another attempt, counted from 1, may mend this outcome."""
    if not isinstance(outcome, FailedBeforeChange) or outcome.never is not None or outcome.given_up:
        return False
    return outcome.postponed or attempt < max_attempts


def is_final(outcome: Outcome, attempt: int, max_attempts: int) -> bool:
    """Say whether the identity is done with: neither a retry nor a newer revision follows."""
    superseded = isinstance(outcome, Cancelled) and outcome.superseded
    return not superseded and not may_retry(outcome, attempt, max_attempts)


def rule_for(outcome: Outcome, attempt: int, max_attempts: int) -> Rule:
    """Find what follows from an outcome, retries considered."""
    if may_retry(outcome, attempt, max_attempts):
        return _POSTPONED if is_postponed(outcome) else _RETRY
    if isinstance(outcome, FailedBeforeChange) and outcome.never is None:
        return _EXHAUSTED
    return RULES[type(outcome)]


def snaps_of(outcome: Outcome) -> tuple[SnapResult, ...]:
    """List what became of each exposure; of outcomes that are about none, nothing."""
    match outcome:
        case Completed() | ImagesRejected() | FailedBeforeChange() | FailedAfterChange():
            return outcome.snaps
        case Ignored() | Duplicate() | Expired() | Cancelled() | NoImages() | Poisoned():
            return ()


def describe(outcome: Outcome) -> str:
    """Write an outcome as the line that a person reads: its name and its reason."""
    match outcome:
        case Completed(pipeline=pipeline, detail=left):
            detail = f"{pipeline}; {left}" if left else pipeline
        case Expired(age=age):
            detail = f"announced {age:.0f} s ago"
        case Cancelled(superseded=superseded):
            detail = "superseded" if superseded else ""
        case NoImages(waited=waited):
            detail = f"waited {waited:.0f} s"
        case ImagesRejected(snaps=snaps):
            detail = "; ".join(f"exposure {snap.exposure} {snap.result}: {snap.reason}" for snap in snaps)
        case _:
            detail = outcome.reason
    name = RULES[type(outcome)].name
    return f"{name} ({detail})" if detail else name
