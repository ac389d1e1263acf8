"""The records of one night, each with the version at which it changed."""

import asyncio
import datetime
from collections import Counter as Tally
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Final

from attrs import define, evolve, field

from domain.results.night_view import BoardSummary, NightView, VisitView
from domain.times import UtcSeconds
from domain.work.attempts import AttemptRecord
from domain.work.outcomes import RULES

__all__ = ["BoardState", "no_work_yet"]

_UNDER_WAY: Final = "under way"
_TO_FOLLOW: Final = "to follow"


def no_work_yet(instrument: str, night: datetime.date, at: UtcSeconds) -> BoardSummary:
    """Sum up a night in which nothing happened."""
    return BoardSummary(
        instrument=instrument,
        night=night,
        at=at,
        is_live=True,
        outcomes={},
        promptness={},
        under_way=0,
        to_follow=0,
        workers=0,
        queue=None,
        neighbours=(),
    )


@define
class _Visit:
    """One visit, and what it adds to the night's counts."""

    view: VisitView
    versions: dict[int, int] = field(factory=dict)
    """Of each detector's record."""
    outcomes: Tally[str] = field(factory=Tally)
    promptness: Tally[str] = field(factory=Tally)
    others: Tally[str] = field(factory=Tally)
    workers: frozenset[str] = frozenset()
    observed_on: frozenset[datetime.date] = frozenset()

    def changed(self, records: Mapping[int, AttemptRecord], version: int) -> None:
        """Take newer records of some detectors."""
        begun = min(self.view.begun, *(record.begun for record in records.values()))
        self.view = evolve(self.view, begun=begun, detectors={**self.view.detectors, **records})
        self.versions.update(dict.fromkeys(records, version))
        self.outcomes, self.promptness, self.others = Tally(), Tally(), Tally()
        workers = set()
        for record in self.view.detectors.values():
            if record.outcome is None:
                self.others[_UNDER_WAY] += 1
                workers.add(record.worker)
            elif not record.final:
                self.others[_TO_FOLLOW] += 1
            else:
                self.outcomes[RULES[type(record.outcome)].name] += 1
                if record.promptness is not None:
                    self.promptness[record.promptness.value] += 1
        self.workers = frozenset(workers)
        days = (record.observed_on for record in self.view.detectors.values())
        self.observed_on = frozenset(day for day in days if day is not None)

    def after(self, version: int) -> VisitView:
        """Leave only the detectors that changed since."""
        detectors = {
            detector: record
            for detector, record in self.view.detectors.items()
            if self.versions[detector] > version
        }
        return evolve(self.view, detectors=detectors)


class BoardState:
    """`ports.night_board.NightBoard`, told by somebody else what changes.

    Parameters
    ----------
    summary
        Of what is not counted here: instrument, night, queue and neighbours.
    first
        Version to begin with; greater than any that a board before this one gave.
    """

    def __init__(self, summary: BoardSummary, first: int = 1) -> None:
        self._version = self._first = first
        self._summary = summary
        self._visits: dict[str, _Visit] = {}
        self._changed = asyncio.Event()
        self._views: dict[int, NightView] = {}

    @property
    def summary(self) -> BoardSummary:
        """The counts as they are."""
        return self._summary

    def begin(self, summary: BoardSummary, first: int) -> None:
        """Begin another night: what was told of the one before is forgotten."""
        self._first = max(first, self._version + 1)
        self._visits = {}
        self._tell(self._first, summary)

    def told(self, records: Iterable[AttemptRecord], summary: BoardSummary) -> None:
        """Take records as they are now, and what else is known.

        Whether anything changed is found here; a later `at` alone is no change.
        """
        changed: dict[str, dict[int, AttemptRecord]] = {}
        for record in records:
            identity = record.attempt.identity
            visit = self._visits.get(identity.group)
            if visit is None or visit.view.detectors.get(identity.detector) != record:
                changed.setdefault(identity.group, {})[identity.detector] = record
        for group, found in changed.items():
            begun = min(record.begun for record in found.values())
            visit = self._visits.setdefault(group, _Visit(VisitView(group=group, begun=begun, detectors={})))
            visit.changed(found, self._version + 1)
        summary = self._counted(summary)
        if changed or evolve(summary, at=self._summary.at) != self._summary:
            self._tell(self._version + 1, summary)
        else:
            self._summary = summary
            self._views.clear()

    def view(self) -> NightView:
        """Give all of the night."""
        return self._since(0)

    async def changes(self, since: int) -> AsyncIterator[NightView]:
        """Give what changes after a version, as it happens."""
        while True:
            changed = self._changed
            if since != self._version:
                view = self._since(since)
                since = view.version
                yield view
            elif not self._summary.is_live:
                return
            else:
                await changed.wait()

    def _since(self, version: int) -> NightView:
        if not self._first <= version <= self._version:
            version = 0
        if version not in self._views:
            visits = sorted(
                (visit for visit in self._visits.values() if max(visit.versions.values()) > version),
                key=lambda visit: (visit.view.begun, visit.view.group),
            )
            self._views[version] = NightView(
                version=self._version,
                summary=self._summary,
                visits=tuple(visit.after(version) if version else visit.view for visit in visits),
            )
        return self._views[version]

    def _tell(self, version: int, summary: BoardSummary) -> None:
        self._version, self._summary = version, summary
        self._views.clear()
        self._changed.set()
        self._changed = asyncio.Event()

    def _counted(self, summary: BoardSummary) -> BoardSummary:
        outcomes, fared, others, workers = Tally[str](), Tally[str](), Tally[str](), set[str]()
        days = set[datetime.date]()
        for visit in self._visits.values():
            days |= visit.observed_on
            outcomes.update(visit.outcomes)
            fared.update(visit.promptness)
            others.update(visit.others)
            workers |= visit.workers
        return evolve(
            summary,
            outcomes=dict(outcomes),
            promptness=dict(fared),
            under_way=others[_UNDER_WAY],
            to_follow=others[_TO_FOLLOW],
            workers=len(workers),
            observed_on=tuple(sorted(days)),
        )
