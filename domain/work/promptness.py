"""Whether the work on a visit-detector was done within the minute, and how that minute is shared out."""

import enum
from collections.abc import Mapping

from attrs import field, frozen

from domain.errors import PromptProcessingError
from domain.times import InvalidInstantError, TaiSeconds, UtcSeconds, utc_from_tai
from domain.work.outcomes import (
    Cancelled,
    Completed,
    Duplicate,
    Expired,
    FailedAfterChange,
    FailedBeforeChange,
    Ignored,
    ImagesRejected,
    NoImages,
    Outcome,
    Poisoned,
)

__all__ = [
    "BUDGET",
    "GOALS",
    "MINUTE",
    "Goal",
    "InvalidGoalError",
    "Promptness",
    "known_seconds",
    "promptness",
    "seconds_since",
]

MINUTE = 60.0
"""Seconds from the shutter's closing to the alerts."""

_A_DAY = 86_400.0
"""Seconds since the shutter closed, after which a visit is not late but observed again."""


class Promptness(enum.Enum):
    """How a visit-detector whose images came fared."""

    IN_TIME = "in time"
    LATE = "late"
    FAILED = "failed"


class InvalidGoalError(PromptProcessingError):
    """A goal is not a share."""


@frozen
class Goal:
    """The share of visit-detectors that is to fare so: no less, or no more."""

    share: float = field()
    is_floor: bool

    @share.validator
    def _check(self, _: object, share: float) -> None:
        if not 0 <= share <= 1:
            raise InvalidGoalError(f"a share is between 0 and 1, not {share}")


GOALS: Mapping[Promptness, Goal] = {
    Promptness.IN_TIME: Goal(0.98, is_floor=True),
    Promptness.LATE: Goal(0.01, is_floor=False),
    Promptness.FAILED: Goal(0.001, is_floor=False),
}
"""What a night is measured against."""

BUDGET: Mapping[str, float] = {
    "transfer": 7.0,
    "ingest and graph": 1.0,
    "ISR to DiaSources": 35.0,
    "APDB": 7.0,
    "alerts": 2.0,
    "slack": 8.0,
}
"""Seconds of the minute for each part of the work; export is outside it."""


def promptness(outcome: Outcome, seconds: float | None) -> Promptness | None:
    """Tell how a visit-detector fared that ended for good.

    Parameters
    ----------
    outcome
        Its final outcome.
    seconds
        From the shutter's closing to the end of the pipeline; None if unknown.

    Returns
    -------
    promptness
        None if there was nothing to be prompt about: work that nobody wanted
        done, that another attempt did, or whose images never came, which the
        telescope may have had its reasons for; or if a night of long ago is
        observed again, so that nobody can know.
    """
    match outcome:
        case Completed() if seconds is not None and known_seconds(seconds) is None:
            return None
        case Completed():
            return Promptness.LATE if seconds is None or seconds > MINUTE else Promptness.IN_TIME
        case FailedBeforeChange() | FailedAfterChange() | ImagesRejected() | Poisoned() | Expired():
            return Promptness.FAILED
        case Ignored() | Duplicate() | Cancelled() | NoImages():
            return None


def known_seconds(since_shutter: float | None) -> float | None:
    """Leave out what is no time of a night's work: more than a day since the shutter closed."""
    return None if since_shutter is None or since_shutter > _A_DAY else since_shutter


def seconds_since(closed: TaiSeconds, now: UtcSeconds) -> float | None:
    """Reckon the time since a shutter closed; never negative, though clocks may differ.

    Returns
    -------
    seconds
        None if the header's time is no instant at all.
    """
    try:
        return max(now - utc_from_tai(closed), 0.0)
    except InvalidInstantError:
        return None
