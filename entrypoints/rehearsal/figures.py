"""What a rehearsed night comes to, in figures."""

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from attrs import asdict, frozen

from domain.work.attempts import AttemptRecord
from domain.work.outcomes import RULES
from domain.work.promptness import GOALS, MINUTE, Promptness
from entrypoints.rehearsal.faults import Fault
from entrypoints.rehearsal.night import NightPlan
from entrypoints.rehearsal.play import Moment, Played

__all__ = ["Figures", "Recovery", "Spent", "figures_of"]

PARTS: Final[Mapping[str, str]] = {
    "shutter to alerts": "",
    "waiting for a worker": "queue",
    "earlier attempts": "earlier",
    "transfer": "transfer",
    "ingest": "ingest",
    "process": "process",
    "export, after the minute": "export",
    "prepare, before the image": "prepare",
}
"""By what people call it, the stage; blank is the whole minute."""

UNFINISHED: Final = "unfinished"


@frozen(kw_only=True)
class Spent:
    """Seconds of the visit-detectors that were completed."""

    median: float
    p95: float
    longest: float


@frozen(kw_only=True)
class Recovery:
    """What a fault cost, until the next one; what took too long by itself is not held against it."""

    fault: Fault
    not_in_time: int
    """Visit-detectors that would have been in time without it."""
    seconds: float
    """From its end until the last shutter closed of such a one; 0: none did."""
    most_waiting: int
    """Visit-detectors that waited for a worker, at most."""


@frozen(kw_only=True)
class Figures:
    """The answers of a rehearsal."""

    visit_detectors: int
    fared: Mapping[Promptness, int]
    outcomes: Mapping[str, int]
    spent: Mapping[str, Spent]
    """By what people call the part."""
    most_waiting: Moment
    most_running: int
    most_busy: int
    started: int
    hours: float
    """That the night took until all was finished."""
    worker_hours: float
    busy_hours: float
    science_hours: float
    """That workers spent on images, without waiting for anything."""
    recoveries: Sequence[Recovery]

    def share(self, how: Promptness) -> float:
        """Tell which share of those that count fared so."""
        counted = sum(self.fared.values())
        return self.fared[how] / counted if counted else 0.0

    def is_met(self, how: Promptness) -> bool:
        """Tell whether a goal is met."""
        goal, share = GOALS[how], self.share(how)
        return share >= goal.share if goal.is_floor else share <= goal.share

    @property
    def all_met(self) -> bool:
        """Whether all goals are met."""
        return all(self.is_met(how) for how in Promptness)

    def as_dict(self) -> dict[str, Any]:
        """Write them for machines."""
        return {
            "visit_detectors": self.visit_detectors,
            "goals": {
                how.value: {
                    "visit_detectors": self.fared[how],
                    "share": round(self.share(how), 6),
                    "goal": GOALS[how].share,
                    "met": self.is_met(how),
                }
                for how in Promptness
            },
            "outcomes": dict(self.outcomes),
            "seconds": {part: asdict(spent) for part, spent in self.spent.items()},
            "workers": {
                "most": self.most_running,
                "most_busy": self.most_busy,
                "started": self.started,
                "hours": round(self.worker_hours, 3),
                "busy_hours": round(self.busy_hours, 3),
            },
            "most_waiting": {"visit_detectors": self.most_waiting.waiting, "at": self.most_waiting.when},
            "faults": [
                {**asdict(one.fault), "not_in_time": one.not_in_time, "recovery": round(one.seconds, 1)}
                | {"most_waiting": one.most_waiting}
                for one in self.recoveries
            ],
        }


def figures_of(played: Played) -> Figures:
    """Reckon the figures of a night."""
    plan = played.plan
    expected = len(plan.visits) * plan.detectors
    ended = [one for one in played.records if one.final and one.outcome is not None]
    fared = Counter(one.promptness for one in ended)
    outcomes = Counter(RULES[type(one.outcome)].name for one in ended if one.outcome is not None)
    if unfinished := expected - len(ended):
        outcomes[UNFINISHED] = unfinished
    moments = played.moments
    hours = [
        (later.when - one.when) / 3600 * np.array((one.running, one.busy))
        for one, later in itertools.pairwise(moments)
    ]
    running, busy = np.sum(hours, axis=0) if hours else (0.0, 0.0)
    return Figures(
        visit_detectors=expected,
        fared={how: fared[how] + (unfinished if how is Promptness.FAILED else 0) for how in Promptness},
        outcomes=dict(outcomes.most_common()),
        spent=_spent(ended),
        most_waiting=max(moments, key=lambda moment: moment.waiting),
        most_running=max(moment.running for moment in moments),
        most_busy=max(moment.busy for moment in moments),
        hours=moments[-1].when / 3600,
        started=played.started,
        worker_hours=float(running),
        busy_hours=float(busy),
        science_hours=sum(one.seconds.get("process", 0.0) for one in ended) / 3600,
        recoveries=_recoveries(played),
    )


def _spent(records: Sequence[AttemptRecord]) -> Mapping[str, Spent]:
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    for record in records:
        if record.seconds_to_alerts is None:
            continue
        for part, stage in PARTS.items():
            spent = record.seconds.get(stage, 0.0) if stage else record.seconds_to_alerts
            seconds[part].append(spent)
    found = {part: np.percentile(each, (50.0, 95.0, 100.0)).round(2) for part, each in seconds.items()}
    return {
        part: Spent(median=float(median), p95=float(p95), longest=float(longest))
        for part, (median, p95, longest) in found.items()
        if longest or not PARTS[part]
    }


def _recoveries(played: Played) -> list[Recovery]:
    plan = played.plan
    fine = Counter(one.attempt.identity.group for one in played.records if _is_no_fault(one, plan))
    late = {
        visit.closed: plan.detectors - fine[plan.group(number)]
        for number, visit in enumerate(plan.visits)
        if fine[plan.group(number)] < plan.detectors
    }
    found = []
    for fault, following in itertools.zip_longest(plan.faults, plan.faults[1:]):
        until = math.inf if following is None else following.begin
        # What was still under way when it began is concerned, too.
        mine = {when: many for when, many in late.items() if fault.begin - MINUTE <= when < until - MINUTE}
        waiting = [one.waiting for one in played.moments if fault.begin <= one.when < until]
        found.append(
            Recovery(
                fault=fault,
                not_in_time=sum(mine.values()),
                seconds=max(max(mine, default=0.0) - fault.end, 0.0),
                most_waiting=max(waiting, default=0),
            )
        )
    return found


def _is_no_fault(record: AttemptRecord, plan: NightPlan) -> bool:
    """Tell whether work was in time, or takes longer than a minute on any night."""
    identity, seconds = record.attempt.identity, record.seconds
    if record.promptness is not Promptness.LATE:
        return record.promptness is Promptness.IN_TIME
    transfer = plan.transfer(identity.group, len(record.raws) - 1, identity.detector)
    return transfer + seconds.get("ingest", 0.0) + seconds.get("process", 0.0) > MINUTE
