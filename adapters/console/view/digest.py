"""Visits in short: reckoned once for each that changed, however many look."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from attrs import frozen

from adapters.console.view.looks import Look, look_of
from adapters.console.view.minute import Minute, minute_of, slowness
from domain.results.night_view import VisitView
from domain.times import UtcSeconds
from domain.work.attempts import AttemptRecord
from domain.work.outcomes import describe, snaps_of

__all__ = ["Digests", "Trouble", "VisitDigest", "causes_of", "ranges", "troubles_of"]

_TROUBLED = ("bad", "late")


@frozen(kw_only=True)
class Trouble:
    """Detectors of a visit that fared ill alike."""

    group: str
    begun: UtcSeconds
    look: Look
    detectors: tuple[int, ...]
    reason: str
    part: str = ""
    """Of the minute, that took the most of what was late; blank if it kept to all parts, or was not late."""


@frozen(kw_only=True)
class VisitDigest:
    """One visit, as a row shows it."""

    view: VisitView
    counts: Sequence[tuple[Look, int]]
    """Detectors by look, most first."""
    minute: Minute | None
    """Of the slowest detector; None before any stage has ended."""
    filters: str
    survey: str
    exposures: frozenset[int]
    """That are known to be of the visit."""
    troubles: Sequence[Trouble]

    @property
    def begun(self) -> UtcSeconds:
        """When the first attempt began."""
        return self.view.begun


class Digests:
    """Sums up visits, and remembers those that did not change."""

    def __init__(self) -> None:
        self._known: dict[str, VisitDigest] = {}

    def of(self, views: Iterable[VisitView]) -> Sequence[VisitDigest]:
        """Sum up visits, in the same order."""
        known = {}
        for view in views:
            digest = self._known.get(view.group)
            known[view.group] = digest if digest is not None and digest.view is view else _digest(view)
        self._known = known
        return list(known.values())


def _digest(view: VisitView) -> VisitDigest:
    slowest = max(view.detectors.values(), key=slowness, default=None)
    minute = None if slowest is None else minute_of(slowest)
    about = next((record.about for record in view.detectors.values() if record.about is not None), None)
    looks = {detector: look_of(record) for detector, record in view.detectors.items()}
    return VisitDigest(
        view=view,
        counts=Counter(looks.values()).most_common(),
        minute=minute,
        filters="" if about is None else about.filters,
        survey="" if about is None else about.survey,
        exposures=frozenset(_exposures(view)),
        troubles=_troubles(view, looks),
    )


def _troubles(view: VisitView, looks: Mapping[int, Look]) -> Sequence[Trouble]:
    alike: defaultdict[tuple[Look, str], list[int]] = defaultdict(list)
    for detector, look in looks.items():
        if look.kind in _TROUBLED:
            alike[look, _reason(view.detectors[detector])].append(detector)
    return [
        Trouble(
            part=_worst_part(view.detectors[found[0]]),
            group=view.group,
            begun=view.begun,
            look=look,
            detectors=tuple(sorted(found)),
            reason=_told(reason, [view.detectors[detector] for detector in found]),
        )
        for (look, reason), found in alike.items()
    ]


def _told(reason: str, records: Sequence[AttemptRecord]) -> str:
    """Write why; of what was late, by how much at most."""
    worst = max(records, key=slowness)
    minute = minute_of(worst)
    if look_of(worst).key != "late" or minute is None or not minute.is_since_shutter:
        return reason
    cause = minute.cause or "all parts together"
    return f"{cause}; {minute.total:.1f} s in all" + (" at most" if len(records) > 1 else "")


def _exposures(view: VisitView) -> Iterator[int]:
    """Find the exposures of a visit; all detectors have the same ones, but for those that saw none."""
    for record in view.detectors.values():
        found = () if record.outcome is None else snaps_of(record.outcome)
        if any(snap.exposure for snap in found):
            yield from (snap.exposure for snap in found if snap.exposure)
            return


def _reason(record: AttemptRecord) -> str:
    if look_of(record).key != "late" or record.seconds_to_alerts is None:
        return "" if record.outcome is None else describe(record.outcome)
    return _worst_part(record)


def _worst_part(record: AttemptRecord) -> str:
    minute = minute_of(record) if look_of(record).key == "late" else None
    worst = None if minute is None or not minute.is_since_shutter else minute.worst
    return "" if worst is None else worst.part


def troubles_of(newest_first: Sequence[VisitDigest]) -> Sequence[Trouble]:
    """List what fared ill: failures before what was late, the latest first."""
    found = chain.from_iterable(digest.troubles for digest in newest_first)
    return sorted(found, key=lambda one: one.look.kind != "bad")


def causes_of(troubles: Iterable[Trouble]) -> Mapping[str, int]:
    """Count the visit-detectors that were late by the part of the minute that took the most."""
    causes: Counter[str] = Counter()
    for one in troubles:
        if one.part:
            causes[one.part] += len(one.detectors)
    return causes


def ranges(numbers: Iterable[int]) -> str:
    """Write numbers shortly, as in ``0-3, 7``."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and runs[-1][-1] == number - 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ", ".join("-".join(map(str, run)) for run in runs)
