"""The first question of a night: does anybody have to act?"""

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

from adapters.console.view.looks import Look
from domain.results.night_view import BoardSummary, NeighbourHealth, time_not_known
from domain.work.budget import EARLIER, QUEUE
from domain.work.promptness import GOALS, Promptness

__all__ = ["Measured", "Verdict", "measured", "verdict"]

_KINDS: Mapping[Promptness, str] = {
    Promptness.IN_TIME: "good",
    Promptness.LATE: "late",
    Promptness.FAILED: "bad",
}

_ADVICE: Final[Mapping[str, str]] = {
    EARLIER: "attempts failed before they were late: see the attempts' reasons",
    "transfer": "images come late, or workers prepare too long: compare the stages prepare and wait",
    "ingest and graph": "images take long to read: look at the object store and the workers' disks",
    "ISR to DiaSources": "the pipeline takes long: a new version, or too little CPU?",
    "APDB and alerts": "look at the APDB's database and the brokers for alerts",
    "slack": "time passes between the stages: look at the workers' CPU",
}
"""What to do about visit-detectors that are late, by the part of the minute that most of them lost it to."""


_DECIDE: Final = "look at the images, then `prompt-processing alerts release` or `discard`"


@frozen(kw_only=True)
class Measured:
    """One goal, and how the night stands against it."""

    name: str
    kind: str
    count: int
    of: int
    goal: float
    """Share."""
    is_floor: bool
    """Whether the goal is no less, else no more."""
    not_known: int = 0
    """Completed ones of which nobody knows how prompt they were; they are not among the others."""

    @property
    def share(self) -> float | None:
        """None of a night in which nothing has ended yet."""
        return self.count / self.of if self.of else None

    @property
    def is_met(self) -> bool:
        """Whether the night keeps it, or may still."""
        share = self.share
        return share is None or (share >= self.goal if self.is_floor else share <= self.goal)


@frozen(kw_only=True)
class Verdict:
    """One sentence, and what it stands on."""

    sentence: str
    reasons: Sequence[tuple[str, str]]
    """Kind and text of each thing to look at, the worst first."""

    @property
    def kind(self) -> str:
        """The worst of all reasons' kinds."""
        return self.reasons[0][0] if self.reasons else "good"


def measured(summary: BoardSummary) -> Sequence[Measured]:
    """Measure a night against its goals."""
    judged = sum(summary.promptness.values())
    not_known = time_not_known(summary.outcomes, summary.promptness)
    # Whether anything failed is known of all that ended, however long it took.
    failed = Promptness.FAILED
    return [
        Measured(
            name=fared.value,
            kind=_KINDS[fared],
            count=summary.promptness.get(fared.value, 0),
            of=judged + not_known if fared is failed else judged,
            goal=goal.share,
            is_floor=goal.is_floor,
            not_known=0 if fared is failed else not_known,
        )
        for fared, goal in GOALS.items()
    ]


def verdict(
    summary: BoardSummary,
    goals: Sequence[Measured],
    counts: Mapping[Look, int],
    causes: Mapping[str, int],
) -> Verdict:
    """Judge a night by what is known of it.

    Parameters
    ----------
    summary
        The night.
    goals
        It against its goals.
    counts
        Visit-detectors by look.
    causes
        Visit-detectors that are late, by the part of the minute that took the most.
    """
    bad = [("bad", f"{one.name} cannot be reached: {one.detail}".rstrip(": ")) for one in _away(summary)]
    waiting = 0 if summary.queue is None else summary.queue.waiting
    if summary.is_live and waiting and not summary.workers:
        bad.append(("bad", f"{_counted(waiting, 'visit-detector')} waiting, and no worker is at work"))
    late = []
    if summary.queue is not None and summary.queue.dead:
        late.append(("late", f"{_counted(summary.queue.dead, 'dead letter')} to be looked at"))
    for goal in goals:
        if not goal.is_floor and goal.count:
            kind = "late" if goal.is_met or goal.kind == "late" else "bad"
            word = (
                "within the goal" if goal.is_met else f"{goal.share:.1%}, the goal is {goal.goal:.1%} at most"
            )
            (bad if kind == "bad" else late).append((kind, f"{goal.count} {goal.name}: {word}"))
    held = sum(count for look, count in counts.items() if look.key == "held")
    if held:
        late.append(("late", f"{_counted(held, 'visit-detector')} held: {_DECIDE}"))
    too_many_late = any(goal.kind == "late" and not goal.is_met for goal in goals)
    not_known = max((goal.not_known for goal in goals), default=0)
    if too_many_late and causes:
        late.append(("late", _advice(summary, causes)))
    reasons = [*bad, *late]
    return Verdict(sentence=_sentence(summary, reasons, counts, too_many_late, not_known), reasons=reasons)


def _advice(summary: BoardSummary, causes: Mapping[str, int]) -> str:
    part = max(causes, key=lambda cause: causes[cause])
    share = f"{causes[part]} of {sum(causes.values())} lost their minute to: {part}"
    if part != QUEUE:
        return f"{share}; {_ADVICE[part]}" if part in _ADVICE else share
    if not summary.is_live:
        return f"{share}; more workers were needed"
    waiting = 0 if summary.queue is None else summary.queue.waiting
    return (
        f"{share}; more workers are needed: {waiting} waiting, {_counted(summary.workers, 'worker')} at work"
    )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _away(summary: BoardSummary) -> Sequence[NeighbourHealth]:
    return [one for one in summary.neighbours if not one.is_reached]


def _sentence(
    summary: BoardSummary,
    reasons: Sequence[tuple[str, str]],
    counts: Mapping[Look, int],
    too_many_late: bool,
    not_known: int,
) -> str:
    night = "The night goes on" if summary.goes_on else "The night is over"
    if not counts:
        return "Nothing has been announced yet." if summary.is_live else "Nothing is recorded of this night."
    if any(kind == "bad" for kind, _ in reasons):
        return "Look at this now." if summary.is_live else "Not all went well."
    if too_many_late:
        return "Too many are late." if summary.is_live else f"{night}, and too many were late."
    if reasons:
        return "Nothing urgent." if summary.is_live else f"{night}, with a few blemishes."
    if not_known:
        done = "Nothing has failed" if summary.is_live else f"{night}; nothing failed"
        return f"{done}; how long {not_known} of the visit-detectors took is not known."
    return "All is well." if summary.is_live else f"{night}; all went well."
