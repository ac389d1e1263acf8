"""Where each visit-detector of the night is, as the workers' logs tell."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, field

__all__ = ["Progress", "Row"]


@define
class Row:
    """One visit-detector."""

    group: str
    detector: int
    worker: str = ""
    stage: str = "to come"
    since: float = 0.0
    """When the stage began, seconds since the night began."""
    seconds: Mapping[str, float] = field(factory=dict)
    """Time in each stage, once there is an outcome."""
    outcome: str = ""
    detail: str = ""
    final: bool = False
    promptness: str = ""
    """As `domain.work.promptness.Promptness` has it; blank if nothing can be said."""
    held: str = ""
    """Why its alerts wait for a person; blank if they do not."""


class Progress:
    """Gathers what the workers log.

    Parameters
    ----------
    expected
        As in `expect`.
    """

    def __init__(self, expected: Iterable[tuple[str, int]] = ()) -> None:
        self.rows: dict[tuple[str, int], Row] = {}
        self.expect(expected)

    def expect(self, expected: Iterable[tuple[str, int]]) -> None:
        """Await outcomes of these groups and detectors."""
        self.rows.update((key, Row(*key)) for key in expected)

    @property
    def under_way(self) -> list[Row]:
        """Visit-detectors on which a worker is at work, those that have been in their stage longest first."""
        busy = (row for row in self.rows.values() if row.worker and not row.outcome)
        return sorted(busy, key=lambda row: row.since)

    @property
    def is_over(self) -> bool:
        """Whether every visit-detector has its final outcome."""
        return all(row.final for row in self.rows.values())

    @property
    def failed(self) -> list[Row]:
        """Visit-detectors that ended otherwise than completed, or did not end."""
        return [row for row in self.rows.values() if row.outcome != "completed"]

    @property
    def told(self) -> list[Row]:
        """Those that failed, and those whose alerts are held."""
        return [row for row in self.rows.values() if row.outcome != "completed" or row.held]

    @property
    def fared(self) -> Counter[str]:
        """How prompt those were that were completed."""
        completed = (row for row in self.rows.values() if row.final and row.outcome == "completed")
        return Counter(row.promptness or "at a time not known" for row in completed)

    def are_over(self, groups: Iterable[str]) -> bool:
        """Say whether every visit-detector of some groups has its final outcome."""
        wanted = set(groups)
        return all(row.final for row in self.rows.values() if row.group in wanted)

    def heard(self, worker: str, record: Mapping[str, Any], now: float) -> Row | None:
        """Take note of a log record; returns the row that it ended, if it did."""
        row = self.rows.get((str(record.get("group")), record.get("detector", -1)))
        if row is None or row.final:
            return None
        if "stage" in record:
            row.worker, row.stage, row.since = worker, str(record["stage"]), now
            row.outcome = row.detail = ""
        if "outcome" in record:
            row.worker, row.outcome, row.detail = worker, str(record["outcome"]), str(record.get("message"))
            row.seconds = record.get("seconds", {})
            row.final = bool(record.get("final", True))
            row.promptness = str(record.get("promptness", ""))
            row.held = str(record.get("held", ""))
            row.stage, row.since = row.outcome, now
            return row
        return None
