"""When which visits are announced and exposed: by a cadence, a CSV file, or a night that was."""

import csv
import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from attrs import evolve, field, frozen

from domain.times import UtcSeconds, utc_from_tai
from domain.work.attempts import AttemptRecord
from entrypoints.rehearsal.errors import RehearsalError

__all__ = ["PlannedVisit", "by_cadence", "from_csv", "from_records"]

_BETWEEN_SNAPS: Final = 2.0
"""Seconds from the end of a snap to the begin of the next: the read-out."""
_COLUMNS: Final = ("seconds", "exposure", "snaps", "lead")


@frozen(kw_only=True)
class PlannedVisit:
    """One visit; seconds since the night began."""

    announced: float
    opens: float
    """When the shutter opens for the first snap."""
    exposure: float = field()
    """Of one snap, seconds."""
    snaps: int = field(default=1)
    group: str = ""
    """Its name on the night that it was observed; blank: never."""

    @exposure.validator
    def _check_exposure(self, _: object, exposure: float) -> None:
        if not 0 < exposure < 86_400:
            raise RehearsalError(f"exposure: {exposure:g} s is not between 0 and a day")

    @snaps.validator
    def _check_snaps(self, _: object, snaps: int) -> None:
        if not 0 < snaps <= 100:
            raise RehearsalError(f"snaps: {snaps} is not between 1 and 100")

    def closes(self, snap: int) -> float:
        """Tell when the shutter closes after a snap, from 0."""
        return self.opens + snap * (self.exposure + _BETWEEN_SNAPS) + self.exposure

    @property
    def closed(self) -> float:
        """When the shutter closes after the last snap."""
        return self.closes(self.snaps - 1)


def by_cadence(visits: int, apart: float, exposure: float, snaps: int, lead: float) -> list[PlannedVisit]:
    """Plan visits that begin equally far apart, each announced `lead` seconds before its shutter opens."""
    return [
        PlannedVisit(announced=number * apart, opens=number * apart + lead, exposure=exposure, snaps=snaps)
        for number in range(visits)
    ]


def from_csv(path: Path, exposure: float, snaps: int, lead: float) -> list[PlannedVisit]:
    """Read visits from a file with a header line; of its columns only ``seconds`` is needed.

    Raises
    ------
    RehearsalError
        Raised if it cannot be read, names the line.
    """
    usual = {"exposure": exposure, "snaps": snaps, "lead": lead}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            names = [name.strip() for name in reader.fieldnames or ()]
            if "seconds" not in names or (unknown := sorted(set(names) - set(_COLUMNS))):
                told = f"unknown column {unknown[0]!r}" if "seconds" in names else "no column 'seconds'"
                raise RehearsalError(f"{path}: {told}; there are {', '.join(_COLUMNS)}")
            reader.fieldnames = names
            visits = [_visit_of(row, usual, f"{path} line {reader.line_num}") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RehearsalError(f"{path}: {error}") from error
    if not visits:
        raise RehearsalError(f"{path}: no visit is in it")
    first = min(visit.announced for visit in visits)
    return sorted((_shifted(visit, -first) for visit in visits), key=lambda visit: visit.announced)


def _visit_of(row: Mapping[str, str | None], usual: Mapping[str, float], where: str) -> PlannedVisit:
    found = dict(usual)
    if None in row:
        raise RehearsalError(f"{where}: has more values than there are columns")
    for name, text in row.items():
        if text is None or not text.strip():
            continue
        try:
            found[name] = float(text)
        except ValueError:
            found[name] = math.nan
        if not math.isfinite(found[name]):
            raise RehearsalError(f"{where}: {name}: {text!r:.40} is no number")
    if "seconds" not in found:
        raise RehearsalError(f"{where}: seconds: is blank")
    opens = found["seconds"]
    try:
        return PlannedVisit(
            announced=opens - found["lead"],
            opens=opens,
            exposure=found["exposure"],
            snaps=int(found["snaps"]),
        )
    except RehearsalError as error:
        raise RehearsalError(f"{where}: {error}") from None


def _shifted(visit: PlannedVisit, seconds: float) -> PlannedVisit:
    return evolve(visit, announced=visit.announced + seconds, opens=visit.opens + seconds)


def from_records(records: Sequence[AttemptRecord], exposure: float) -> list[PlannedVisit]:
    """Plan the visits of a night that was: announced and exposed when they were then.

    Raises
    ------
    RehearsalError
        Raised if no visit of it has both times.
    """
    groups: defaultdict[str, list[AttemptRecord]] = defaultdict(list)
    for record in records:
        groups[record.attempt.identity.group].append(record)
    found = [visit for each in groups.values() if (visit := _visit_that_was(each, exposure)) is not None]
    if not found:
        raise RehearsalError("no visit of the night has both an announcement and a completed detector")
    first = min(visit.announced for visit in found)
    return sorted((_shifted(visit, -first) for visit in found), key=lambda visit: visit.announced)


def _visit_that_was(records: Sequence[AttemptRecord], exposure: float) -> PlannedVisit | None:
    sent = next((one.about.sent for one in records if one.about is not None), None)
    closed = [instant for one in records if (instant := shutter_closed(one)) is not None]
    if sent is None or not closed:
        return None
    snaps = max(1, *(len(one.raws) for one in records))
    opens = statistics.median(closed) - snaps * exposure - (snaps - 1) * _BETWEEN_SNAPS
    group = records[0].attempt.identity.group
    return PlannedVisit(
        announced=utc_from_tai(sent), opens=opens, exposure=exposure, snaps=snaps, group=group
    )


def shutter_closed(record: AttemptRecord) -> UtcSeconds | None:
    """Reckon when the shutter closed from what a completed attempt took afterwards."""
    if record.ended is None or record.seconds_to_alerts is None:
        return None
    after = record.seconds.get("export", 0.0) + record.seconds.get("clean", 0.0)
    return UtcSeconds(record.ended - after - record.seconds_to_alerts)
