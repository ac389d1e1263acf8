"""Which images of a night nobody processed, why, and which of them may be tried again.

Semantics 4 to 7 and 12 in one place, as rules over what bucket, ledger and
queue say of one visit-detector.
"""

import enum
from collections.abc import Mapping
from typing import Final

from attrs import frozen

from domain.raws.raws import RawImage
from domain.times import UtcSeconds
from domain.visit import Identity, Visit
from domain.work.attempts import AttemptRecord
from domain.work.outcomes import (
    Cancelled,
    Completed,
    Duplicate,
    Expired,
    FailedBeforeChange,
    Ignored,
    ImagesRejected,
    NoImages,
    Outcome,
    SnapResult,
    SnapStatus,
    UnknownStatus,
    describe,
    snaps_of,
)

__all__ = [
    "LONGEST_REQUEUE",
    "Evidence",
    "LandedRaw",
    "Unprocessed",
    "Why",
    "unprocessed_images",
    "why_not_requeued",
]

LONGEST_REQUEUE: Final = 3 * 86_400.0
"""Seconds since the begin of a night for which its work may be put back.

Announcements are remembered for as long, and claims for more than twice as
long (``docs/redis-keys.md``): so a claim is never forgotten before this.
"""

_SETTLING: Final = 60.0
"""Seconds after its announcement for which a visit may be neither queued nor recorded yet."""


class Why(enum.Enum):
    """Why an image was not processed."""

    EXPIRED = "expired"
    """The announcement was too old when it was read."""
    NO_IMAGES = "no images"
    """It was there before the wait ended, and nobody noticed."""
    LATE = "late"
    """It came after the wait for the visit's images."""
    REJECTED = "rejected"
    """It was looked at, and could not be used."""
    FAILED = "failed"
    CANCELLED = "cancelled"
    """The observatory took the visit back, and the image came all the same."""
    LOST = "lost"
    """Its visit was announced, and neither ledger nor queue know what became of it."""
    NEVER_ANNOUNCED = "never announced"
    """Nobody heard of its visit, or it is forgotten by now."""


@frozen(kw_only=True)
class LandedRaw:
    """A raw that is in the bucket."""

    raw: RawImage
    landed: UtcSeconds | None = None
    """When it was written; None if the store does not say."""


@frozen(kw_only=True)
class Evidence:
    """What is known of one visit-detector that has images."""

    identity: Identity
    images: tuple[LandedRaw, ...]
    record: AttemptRecord | None
    """Of its last attempt."""
    is_queued: bool
    """Whether its work waits in the queue or is leased."""
    visit: Visit | None
    """As it was announced; None if that is not known (any more)."""


@frozen(kw_only=True)
class Unprocessed:
    """An image that nobody processed."""

    image: LandedRaw
    why: Why
    detail: str = ""


def unprocessed_images(evidence: Evidence, now: UtcSeconds) -> tuple[Unprocessed, ...]:
    """List the images of a visit-detector that were not processed and are not about to be.

    Images of visits for which the configuration wants nothing done are not
    among them.
    """
    record = evidence.record
    if evidence.is_queued:
        return ()
    if record is None:
        return _without_record(evidence, now)
    if record.outcome is None:
        return _all(evidence, Why.LOST, f"worker {record.worker} ended, and its delivery is gone")
    if not record.final:
        return _all(evidence, Why.LOST, f"another attempt was to follow after {describe(record.outcome)}")
    judged = (_judge(image, record.outcome, record.ended) for image in evidence.images)
    return tuple(one for one in judged if one is not None)


def why_not_requeued(
    evidence: Evidence,
    images: tuple[Unprocessed, ...],
    *,
    is_claimed: bool,
    night_began: UtcSeconds,
    now: UtcSeconds,
    longest: float = LONGEST_REQUEUE,
) -> str:
    """Say why the work may not be put back into the queue; blank if it may.

    Parameters
    ----------
    evidence
        What is known of the visit-detector.
    images
        Its images that were not processed.
    is_claimed
        Whether any attempt has claimed an exposure of it.
    night_began
        Begin of the night that the images are of.
    now
        The wall clock.
    longest
        Seconds since the begin of the night for which that is allowed.
    """
    outcome = None if evidence.record is None else evidence.record.outcome
    if evidence.is_queued or not images:
        return "there is nothing to be done"
    if is_claimed or isinstance(outcome, Completed):
        return "an attempt may have made permanent changes: left to daytime processing"
    if all(one.why is Why.CANCELLED for one in images):
        return "the observatory took the visit back"
    if all(one.why is Why.REJECTED for one in images):
        return "the images would be rejected again"
    if isinstance(outcome, FailedBeforeChange) and outcome.never is not None:
        return f"another attempt would fail too: {outcome.never.value}"
    if now - night_began > longest:
        return f"the night began more than {longest / 86_400:g} days ago"
    if evidence.visit is None:
        return "the announcement is not known"
    return ""


def _without_record(evidence: Evidence, now: UtcSeconds) -> tuple[Unprocessed, ...]:
    if evidence.visit is None:
        return _all(evidence, Why.NEVER_ANNOUNCED, "")
    if evidence.visit.age(now) < _SETTLING:
        return ()
    return _all(evidence, Why.LOST, "nothing is recorded of it, and it is not in the queue")


def _all(evidence: Evidence, why: Why, detail: str) -> tuple[Unprocessed, ...]:
    return tuple(Unprocessed(image=image, why=why, detail=detail) for image in evidence.images)


def _judge(image: LandedRaw, outcome: Outcome, ended: UtcSeconds | None) -> Unprocessed | None:
    """Find what a final outcome means for one image; None if it was processed, or nobody wants it to be."""
    snaps = {snap.exposure: snap for snap in snaps_of(outcome)}
    snap = snaps.get(image.raw.exposure)
    match outcome:
        case Ignored() | Duplicate():
            return None
        case Completed() | ImagesRejected():
            return _judge_snap(image, snap)
        case Expired():
            why = Why.EXPIRED
        case Cancelled():
            why = Why.CANCELLED
        case NoImages():
            why = Why.LATE if _came_after(image, ended) else Why.NO_IMAGES
        case _:
            why = Why.LATE if snap is not None and snap.result is SnapStatus.LATE else Why.FAILED
    return Unprocessed(image=image, why=why, detail=describe(outcome))


_WHY_OF_STATUS: Final[Mapping[SnapStatus | UnknownStatus, Why]] = {
    SnapStatus.LATE: Why.LATE,
    SnapStatus.FAILED: Why.FAILED,
}
"""Any other, known or not, says that the image was looked at or could not be."""


def _judge_snap(image: LandedRaw, snap: SnapResult | None) -> Unprocessed | None:
    """Find what became of one image of a visit whose other images were dealt with."""
    if snap is None:
        return Unprocessed(image=image, why=Why.LATE, detail="the other images were dealt with without it")
    if snap.result is SnapStatus.COMPLETED:
        return None
    return Unprocessed(
        image=image, why=_WHY_OF_STATUS.get(snap.result, Why.REJECTED), detail=snap.reason or snap.result
    )


def _came_after(image: LandedRaw, ended: UtcSeconds | None) -> bool:
    return image.landed is not None and ended is not None and image.landed > ended
