"""How the minute of one visit-detector was spent, against what each part of the work is allowed."""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from domain.work.promptness import BUDGET, known_seconds

__all__ = ["EARLIER", "QUEUE", "BudgetRow", "against_budget", "cause_of_delay"]

QUEUE: Final = "waiting for a worker"
EARLIER: Final = "earlier attempts"
"""Parts of which the budget allows nothing: from the shutter's closing until the attempt began."""

_TASK: Final = "process.task "
_CHANGES: Final = ("associate", "diaPipe")
"""How labels of tasks begin that change the APDB and send alerts; one task does both."""


@frozen
class BudgetRow:
    """One part of the minute."""

    part: str
    allowed: float
    """Seconds."""
    spent: float
    """Seconds."""

    @property
    def over(self) -> float:
        """Seconds more than allowed; negative if there were some left."""
        return self.spent - self.allowed


def against_budget(seconds: Mapping[str, float], since_shutter: float | None) -> tuple[BudgetRow, ...]:
    """Share the seconds of stages out among the parts of the budget.

    What else passed between the shutter's closing and the end of the pipeline
    is compared with the slack; that row is missing if that time is not known.
    """
    since_shutter = known_seconds(since_shutter)
    transfer = known_seconds(seconds.get("transfer")) or 0.0
    graph = seconds.get("ingest", 0.0) + seconds.get("process.graph", 0.0)
    tasks = {name.removeprefix(_TASK): spent for name, spent in seconds.items() if name.startswith(_TASK)}
    changes = sum(spent for label, spent in tasks.items() if label.startswith(_CHANGES))
    science = sum(tasks.values()) - changes
    rows = [BudgetRow(QUEUE, 0.0, seconds.get("queue", 0.0))]
    if "earlier" in seconds:
        rows.append(BudgetRow(EARLIER, 0.0, seconds["earlier"]))
    rows += [
        BudgetRow("transfer", BUDGET["transfer"], transfer),
        BudgetRow("ingest and graph", BUDGET["ingest and graph"], graph),
        BudgetRow("ISR to DiaSources", BUDGET["ISR to DiaSources"], science),
        BudgetRow("APDB and alerts", BUDGET["APDB"] + BUDGET["alerts"], changes),
    ]
    if since_shutter is not None:
        rest = since_shutter - sum(row.spent for row in rows)
        rows.append(BudgetRow("slack", BUDGET["slack"], max(rest, 0.0)))
    return tuple(rows)


def cause_of_delay(rows: tuple[BudgetRow, ...]) -> str:
    """Name the part that took the most beyond what it is allowed; blank if none did."""
    worst = max(rows, key=lambda row: row.over, default=None)
    if worst is None or worst.over <= 0:
        return ""
    if worst.part == QUEUE:
        return f"waited {worst.spent:.1f} s for a free worker"
    return f"{worst.part}: {worst.spent:.1f} s of {worst.allowed:g} s"
