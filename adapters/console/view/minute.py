"""The minute of one visit-detector against its budget."""

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

from adapters.console.view.looks import LONG_AGO
from domain.work.attempts import AttemptRecord
from domain.work.promptness import BUDGET, MINUTE

__all__ = ["SHOWN_SECONDS", "Minute", "Part", "minute_of", "slowness"]

SHOWN_SECONDS: Final = 90.0
"""Width of the scale that minutes are drawn on; what takes longer is cut off, and its number says so."""

_TASK: Final = "process.task "
_CHANGES: Final = ("associate", "diaPipe")
"""How tasks are labelled that write the APDB and send the alerts."""


@frozen(kw_only=True)
class Part:
    """One part of the minute."""

    key: str
    name: str
    allowed: float
    """Seconds."""
    spent: float
    """Seconds."""

    @property
    def is_over(self) -> bool:
        """Whether it took longer than it may."""
        return self.spent > self.allowed


@frozen(kw_only=True)
class Minute:
    """Where the time of one visit-detector went."""

    parts: Sequence[Part]
    total: float
    """Seconds from the shutter's closing to the alerts; where that is not known, of all parts together."""
    is_since_shutter: bool

    @property
    def is_late(self) -> bool:
        """Whether it took more than the minute."""
        return self.total > MINUTE

    @property
    def worst(self) -> Part | None:
        """What took longest beyond what it may; None if nothing did."""
        worst = max(self.parts, key=lambda part: part.spent - part.allowed)
        return worst if worst.is_over else None

    @property
    def cause(self) -> str:
        """The worst part, in words; blank if all kept to their seconds."""
        worst = self.worst
        if worst is None:
            return ""
        return f"{worst.name} took {worst.spent:.1f} s of {worst.allowed:g} s"


def slowness(record: AttemptRecord) -> float:
    """Give what the attempts of a visit are compared by, cheaply; below 0 if nothing is known."""
    since = record.since_shutter
    if since is not None and since <= LONG_AGO:
        return since
    return record.seconds.get("process", 0.0) if record.seconds else -1.0


def minute_of(record: AttemptRecord) -> Minute | None:
    """Share out the time of an attempt; None if no stage has ended."""
    if not record.seconds:
        return None
    since = record.since_shutter
    is_known = since is not None and since <= LONG_AGO
    parts = _parts(record.seconds)
    total = since if since is not None and is_known else sum(part.spent for part in parts)
    return Minute(parts=parts, total=total, is_since_shutter=is_known)


def _parts(seconds: Mapping[str, float]) -> tuple[Part, ...]:
    tasks = {name.removeprefix(_TASK): spent for name, spent in seconds.items() if name.startswith(_TASK)}
    changes = sum(spent for label, spent in tasks.items() if label.startswith(_CHANGES))
    transfer = seconds.get("transfer", 0.0)
    spent = {
        # Of a night that is observed again, the shutters closed long ago.
        "transfer": transfer if transfer <= LONG_AGO else 0.0,
        "ingest": seconds.get("ingest", 0.0) + seconds.get("process.graph", 0.0),
        "science": sum(tasks.values()) - changes,
        "alerts": changes,
    }
    return tuple(
        Part(key=key, name=name, allowed=allowed, spent=spent[key]) for key, name, allowed in _BUDGETED
    )


_BUDGETED: Final = (
    ("transfer", "transfer", BUDGET["transfer"]),
    ("ingest", "ingest and graph", BUDGET["ingest and graph"]),
    ("science", "ISR to DiaSources", BUDGET["ISR to DiaSources"]),
    ("alerts", "APDB and alerts", BUDGET["APDB"] + BUDGET["alerts"]),
)
"""Key, name and seconds; one task does both the APDB and the alerts."""
