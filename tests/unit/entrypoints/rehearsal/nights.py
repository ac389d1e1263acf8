"""Small nights to be rehearsed."""

from typing import Any

from entrypoints.containers.memory.settings import WORKER
from entrypoints.rehearsal.figures import Figures, figures_of
from entrypoints.rehearsal.night import NightPlan
from entrypoints.rehearsal.play import play
from entrypoints.rehearsal.pool import Keda
from entrypoints.rehearsal.schedule import by_cadence
from entrypoints.rehearsal.stage_times import Samples, StageTimes

__all__ = ["TIMES", "rehearsed", "small"]

TIMES = StageTimes(
    source="constants",
    steps={
        "transfer": Samples((5.0,)),
        "prepare": Samples((8.0,)),
        "ingest": Samples((1.0,)),
        "process": Samples((35.0,)),
        "export": Samples((4.0,)),
    },
)


def small(visits: int = 4, detectors: int = 2, **changes: Any) -> NightPlan:
    made: dict[str, Any] = {
        "visits": by_cadence(visits, 35.0, 30.0, 1, 20.0),
        "stage_times": TIMES,
        "settings": WORKER,
    }
    return NightPlan(detectors=detectors, **(made | changes))


def rehearsed(plan: NightPlan, workers: int | Keda = 8) -> Figures:
    return figures_of(play(plan, workers))
