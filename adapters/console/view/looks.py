"""How a visit-detector is shown: a word, and a sign that tells it without colour."""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from domain.work.attempts import AttemptRecord
from domain.work.outcomes import (
    Cancelled,
    Completed,
    Duplicate,
    Expired,
    FailedAfterChange,
    Ignored,
    ImagesRejected,
    NoImages,
)
from domain.work.promptness import Promptness

__all__ = ["NOT_BEGUN", "Look", "look_of", "looks"]


@frozen
class Look:
    """How one state is shown."""

    key: str
    """As the API and style sheets spell it."""
    sign: str
    word: str
    kind: str
    """What it means for the night: good, late, bad, busy, idle or other."""


def looks() -> tuple[Look, ...]:
    """List all, in the order of a legend."""
    return _ALL


_IN_TIME: Final = Look("in-time", "✓", "in time", "good")
_DONE: Final = Look("done", "◇", "completed, time not known", "good")
_HELD: Final = Look("held", "H", "held: alerts wait for a person", "late")
_LATE: Final = Look("late", "L", "late", "late")
_FAILED: Final = Look("failed", "✕", "failed", "bad")
_CHANGED: Final = Look("failed-after-change", "!", "failed after change", "bad")
_REJECTED: Final = Look("rejected", "R", "images rejected", "bad")
_EXPIRED: Final = Look("expired", "E", "expired", "bad")
_TO_FOLLOW: Final = Look("to-follow", "↻", "to be tried again", "late")
_BUSY: Final = Look("under-way", "▸", "under way", "busy")
_NO_IMAGES: Final = Look("no-images", "∅", "no images", "other")
_CANCELLED: Final = Look("cancelled", "c", "cancelled", "other")
_IGNORED: Final = Look("ignored", "\N{EN DASH}", "ignored", "other")
_DUPLICATE: Final = Look("duplicate", "=", "duplicate", "other")
NOT_BEGUN: Final = Look("not-begun", "·", "not begun", "idle")
"""Nothing is recorded of it: it waits in the queue, or nobody asked for it."""

_ALL: Final = (
    _IN_TIME, _DONE, _HELD, _LATE, _FAILED, _CHANGED, _REJECTED, _EXPIRED, _TO_FOLLOW, _BUSY, NOT_BEGUN,
    _NO_IMAGES, _CANCELLED, _IGNORED, _DUPLICATE,
)  # fmt: skip


_OF_OUTCOMES: Final[Mapping[type, Look]] = {
    ImagesRejected: _REJECTED,
    FailedAfterChange: _CHANGED,
    Expired: _EXPIRED,
    NoImages: _NO_IMAGES,
    Cancelled: _CANCELLED,
    Ignored: _IGNORED,
    Duplicate: _DUPLICATE,
}
"""Any other that is not completed has failed."""


def look_of(record: AttemptRecord) -> Look:
    """Find how the last attempt on a visit-detector is shown."""
    outcome = record.outcome
    if outcome is None:
        return _BUSY
    if not record.final:
        return _TO_FOLLOW
    if not isinstance(outcome, Completed):
        return _OF_OUTCOMES.get(type(outcome), _FAILED)
    if record.held:
        return _HELD
    if record.promptness is None:
        return _DONE
    return _LATE if record.promptness is Promptness.LATE else _IN_TIME
