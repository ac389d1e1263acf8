"""The minute of one visit-detector against its budget."""

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

from domain.work.attempts import AttemptRecord
from domain.work.budget import EARLIER, QUEUE, BudgetRow, against_budget, cause_of_delay
from domain.work.promptness import MINUTE

__all__ = ["PART_KEYS", "SHOWN_SECONDS", "Minute", "minute_of", "slowness"]

SHOWN_SECONDS: Final = 90.0
"""Width of the scale that minutes are drawn on; what takes longer is cut off, and its number says so."""

PART_KEYS: Final[Mapping[str, str]] = {
    QUEUE: "queue",
    EARLIER: "earlier",
    "transfer": "transfer",
    "ingest and graph": "ingest",
    "ISR to DiaSources": "science",
    "APDB and alerts": "alerts",
    "slack": "rest",
}
"""From the parts of the budget to their names in style sheets and in columns of the API."""


@frozen(kw_only=True)
class Minute:
    """Where the time of one visit-detector went."""

    parts: Sequence[BudgetRow]
    total: float
    """Seconds from the shutter's closing to the alerts; where that is not known, of all parts together."""
    is_since_shutter: bool

    @property
    def is_late(self) -> bool:
        """Whether it took more than the minute."""
        return self.is_since_shutter and self.total > MINUTE

    @property
    def worst(self) -> BudgetRow | None:
        """What took longest beyond what it may; None if nothing did."""
        worst = max(self.parts, key=lambda part: part.over)
        return worst if worst.over > 0 else None

    @property
    def cause(self) -> str:
        """The worst part, in words; blank if all kept to their seconds."""
        return cause_of_delay(tuple(self.parts))


def slowness(record: AttemptRecord) -> float:
    """Give what the attempts of a visit are compared by, cheaply; below 0 if nothing is known."""
    if record.seconds_to_alerts is not None:
        return record.seconds_to_alerts
    return record.seconds.get("process", 0.0) if record.seconds else -1.0


def minute_of(record: AttemptRecord) -> Minute | None:
    """Share out the time of an attempt; None before it ended."""
    if record.outcome is None or not record.seconds:
        return None
    since = record.seconds_to_alerts
    parts = against_budget(record.seconds, since)
    total = sum(part.spent for part in parts) if since is None else since
    return Minute(parts=parts, total=total, is_since_shutter=since is not None)
