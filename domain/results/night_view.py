"""How a night stands, as a screen shows it: visits, their detectors, the queue and the neighbours."""

import datetime
from collections.abc import Mapping

from attrs import frozen

from domain.times import UtcSeconds
from domain.work.attempts import AttemptRecord
from domain.work.outcomes import RULES, Completed
from domain.work.promptness import Promptness

__all__ = [
    "BoardSummary",
    "NeighbourHealth",
    "NightView",
    "QueueCounts",
    "Trend",
    "VisitView",
    "how_prompt",
    "time_not_known",
]


@frozen(kw_only=True)
class VisitView:
    """One visit: the last attempt on each of its detectors that has one."""

    group: str
    begun: UtcSeconds
    """When the first attempt began."""
    detectors: Mapping[int, AttemptRecord]


@frozen(kw_only=True)
class NeighbourHealth:
    """Whether a system next to this one could be reached when it was last asked."""

    name: str
    is_reached: bool
    detail: str = ""
    """What was wrong, or what it said."""


@frozen(kw_only=True)
class QueueCounts:
    """Visit-detectors in the queue."""

    waiting: int
    leased: int
    dead: int
    """Dead letters of all nights."""
    delayed: int = 0
    """Postponed because a neighbour is away, or what others do with the work is not known yet."""


@frozen(kw_only=True)
class BoardSummary:
    """Counts of a night; small, and sent whole at each change."""

    instrument: str
    night: datetime.date
    at: UtcSeconds
    is_live: bool
    """False of a night that was kept: nothing changes any more."""
    outcomes: Mapping[str, int]
    """Final ones, from the outcome's name to visit-detectors."""
    promptness: Mapping[str, int]
    """From `domain.work.promptness.Promptness` to visit-detectors."""
    under_way: int
    to_follow: int
    """Whose last attempt ended, and another follows."""
    workers: int
    """That have an attempt under way."""
    queue: QueueCounts | None
    """None if there is none, or it cannot be reached."""
    neighbours: tuple[NeighbourHealth, ...]
    observed_on: tuple[datetime.date, ...] = ()
    """Observing days of exposures of long ago that were observed again."""
    goes_on: bool = False
    """Of a night that is not live: whether it was not over yet when it was read."""


@frozen(kw_only=True)
class NightView:
    """All of a night, or what changed in it since a version."""

    version: int
    """Grows with each change."""
    summary: BoardSummary
    visits: tuple[VisitView, ...]
    """In the order in which they began; with only the detectors that changed, if changes were asked for."""


def time_not_known(outcomes: Mapping[str, int], promptness: Mapping[str, int]) -> int:
    """Count what was completed and is neither in time nor late, as in a night that is observed again."""
    judged = sum(promptness.get(fared.value, 0) for fared in (Promptness.IN_TIME, Promptness.LATE))
    return outcomes.get(RULES[Completed].name, 0) - judged


def how_prompt(outcomes: Mapping[str, int], promptness: Mapping[str, int]) -> str:
    """Say how many of what was completed were in time; blank if nothing was."""
    counts = {
        **{one.value: promptness.get(one.value, 0) for one in (Promptness.IN_TIME, Promptness.LATE)},
        "of unknown time": time_not_known(outcomes, promptness),
    }
    told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return f"of the completed: {told}" if told else ""


@frozen(kw_only=True)
class Trend:
    """One night among others: how it went, and how long the work took."""

    night: datetime.date
    visits: int
    outcomes: Mapping[str, int]
    """As in `BoardSummary`."""
    promptness: Mapping[str, int]
    """As in `BoardSummary`."""
    median: float | None
    """Of the seconds from the shutter's closing to the end of the pipeline; None if none is known."""
    slowest: float | None
    """Seconds that 98 % did not exceed."""
    parts: Mapping[str, float]
    """Median seconds of each part of the budget."""
    observed_on: tuple[datetime.date, ...] = ()
    """As in `BoardSummary`."""
