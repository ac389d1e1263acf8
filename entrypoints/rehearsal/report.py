"""The answers of a rehearsal as tables."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from domain.work.promptness import GOALS, MINUTE, Promptness
from entrypoints.commands.tables import table
from entrypoints.rehearsal.figures import Figures
from entrypoints.rehearsal.night import NightPlan

__all__ = ["heading", "rendered"]


def rendered(figures: Figures) -> Iterator[RenderableType]:
    """Write the figures as tables of 80 columns."""
    yield table(
        f"Within {MINUTE:.0f} s of the shutter's closing",
        ("", "visit-detectors", "share", "goal", ""),
        (_goal(figures, how) for how in Promptness),
    )
    yield Text("outcomes: " + ", ".join(f"{many} {what}" for what, many in figures.outcomes.items()))
    yield table(
        "Where the time went, s",
        ("", "median", "95 %", "longest"),
        (
            (part, f"{spent.median:.1f}", f"{spent.p95:.1f}", f"{spent.longest:.1f}")
            for part, spent in figures.spent.items()
        ),
    )
    most = figures.most_waiting
    used = figures.busy_hours / figures.worker_hours if figures.worker_hours else 0.0
    yield Text(
        f"workers: {figures.most_running} at most, {figures.most_busy} busy; {figures.started} started;"
        f" {figures.worker_hours:.1f} worker-hours, {used:.0%} of them busy"
    )
    if most.waiting:
        yield Text(f"most that waited for a worker: {most.waiting} visit-detectors, {_clock(most.when)}")
    if figures.recoveries:
        yield table(
            "Faults",
            ("fault", "from", "until", "waited at most", "not in time", "recovered after"),
            (
                (
                    one.fault.kind,
                    _clock(one.fault.begin),
                    _clock(one.fault.end),
                    one.most_waiting,
                    one.not_in_time,
                    f"{one.seconds:.0f} s",
                )
                for one in figures.recoveries
            ),
        )


def _goal(figures: Figures, how: Promptness) -> tuple[object, ...]:
    goal = GOALS[how]
    sign, word = ("at least" if goal.is_floor else "at most"), ("met" if figures.is_met(how) else "not met")
    return how.value, figures.fared[how], f"{figures.share(how):.2%}", f"{sign} {goal.share:.1%}", word


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def heading(plan: NightPlan) -> str:
    """Say which night it is."""
    hours = plan.visits[-1].closed / 3600
    return (
        f"{len(plan.visits)} visits x {plan.detectors} detectors in {hours:.1f} h;"
        f" stage times: {plan.stage_times.source}; seed {plan.seed}"
    )
