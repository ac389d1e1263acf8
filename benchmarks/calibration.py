"""How often a field of stars is recognized, and how often wrongly: lists of positions without pixels.

CALIBRATION_FIELDS tells how many (1,000; the aim is told of 10,000, which two cores do in about an hour). The
task is told that its pointing may be off by a degree, and it is off by up to two.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from attrs import field, frozen

from benchmarks.report import table
from benchmarks.star_fields import NANOJANSKY_PER_ELECTRON, StarField, StarFieldPlan, make_star_field
from prompt_pipelines.calibration import calibrated_projection
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.tasks.calibrate_visit import CalibrateVisitConfig, CalibrateVisitTask

__all__ = ["Played", "main", "plans", "play", "task_with"]

RADIUS = 1.0
"""Degrees that the pointing may be off."""
ENOUGH = 25
"""Stars found and in the catalogue, with which a field has to be recognized."""
_STARS = ((10, 30), (30, 100), (100, 300), (300, 1000), (1000, 5000))
"""On the detector, at least and at most: a fifth of the fields each."""
_PROCESSES = 2
_UNHURRIED = 600.0  # seconds
_CLOSE = 15.0 / 3600.0  # degrees
_TURN = 2.0  # degrees
_KINDS: Mapping[str, Callable[[StarFieldPlan], bool]] = {
    "pointing off by up to 15 arcsec": lambda plan: plan.pointing_error <= _CLOSE,
    "off by up to 1 degree": lambda plan: plan.pointing_error > _CLOSE,
    "turned by up to 2 degrees": lambda plan: abs(plan.rotation) <= _TURN,
    "distorted by over 0.1 % at the corners": lambda plan: plan.distortion > 0.001,
    "half of the stars in clusters": lambda plan: plan.clustered,
}


@frozen(kw_only=True)
class Played:
    """What became of a field."""

    plan: StarFieldPlan
    common: int
    """Stars that are found and in the catalogue."""
    solved: bool
    wrong: bool
    """Solved, and the sky or the zero point is not the true one."""
    seconds: float
    """Of CPU time."""
    refusal: str = field(default="", repr=False)


def main() -> None:
    """Play fields, and print what became of them."""
    count = int(os.environ.get("CALIBRATION_FIELDS", "1000")) // len(_STARS)
    every = {bounds: list(plans(bounds[0], count, stars=bounds)) for bounds in _STARS}
    begin = time.monotonic()
    with ProcessPoolExecutor(_PROCESSES) as pool:
        by_stars = {bounds: list(pool.map(_play, some, chunksize=4)) for bounds, some in every.items()}
    minutes = (time.monotonic() - begin) / 60.0
    played = [one for some in by_stars.values() for one in some]
    within = [one for one in played if _is_within(one.plan)]
    rows = [
        _row(f"{low} to {high} stars", [one for one in some if _is_within(one.plan)])
        for (low, high), some in by_stars.items()
    ]
    rows.extend(_row(name, [one for one in within if choose(one.plan)]) for name, choose in _KINDS.items())
    rows.append(_row(f"all within {RADIUS:g} degree", within))
    rows.append(_row("pointing off further", [one for one in played if one.plan.pointing_error > RADIUS]))
    rows.append(_row("a catalogue of other stars", [one for one in played if one.plan.elsewhere]))
    print(
        table(
            f"fields of stars recognized, {len(played)} in {minutes:.0f} minutes",
            (
                "fields",
                "fields",
                f"of {ENOUGH} and more",
                "solved",
                "of fewer",
                "solved",
                "wrong",
                "s",
                "longest",
            ),
            rows,
            (
                f"of {ENOUGH} and more: stars that were found and are in the catalogue",
                "wrong: the zero point is off by over 0.2, or a corner by over 2 arcsec",
                "s: mean and longest CPU time of the task",
            ),
        )
    )


def _is_within(plan: StarFieldPlan) -> bool:
    return plan.pointing_error <= RADIUS and not plan.elsewhere


@cache
def _task() -> CalibrateVisitTask:
    return task_with(RADIUS)


def _play(plan: StarFieldPlan) -> "Played":
    return play(_task(), plan)


def task_with(radius: float, **others: float) -> CalibrateVisitTask:
    """Make the task, for a pointing that may be off so many degrees, with other choices.

    The search takes what time it needs, lest the load of the machine decides what is solved.
    """
    config = CalibrateVisitConfig()  # type: ignore[no-untyped-call]  # untyped package
    config.update(pointing_error=radius, **{"search_seconds": _UNHURRIED} | others)  # type: ignore[no-untyped-call]  # untyped package
    return CalibrateVisitTask(config=config)


def plans(seed: int, count: int, *, stars: tuple[int, int]) -> Iterator[StarFieldPlan]:
    """Think of fields of all kinds, with so many stars on the detector."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield StarFieldPlan(
            seed=int(rng.integers(2**31)),
            stars=round(10 ** rng.uniform(*np.log10(stars))),
            pointing_error=_pointing_error(rng),
            rotation=float(rng.uniform(-_TURN, _TURN) if rng.random() < 0.5 else rng.uniform(0.0, 360.0)),
            mirrored=bool(rng.random() < 0.3),
            scale=float(rng.uniform(0.98, 1.02)) if rng.random() < 0.8 else 1.0,
            missing=float(rng.uniform(0.0, 0.4)),
            spurious=float(rng.uniform(0.0, 0.5)),
            distortion=float(rng.uniform(0.0, 0.002)) if rng.random() < 0.5 else 0.0,
            clustered=bool(rng.random() < 0.2),
            elsewhere=bool(rng.random() < 0.1),
        )


def _pointing_error(rng: np.random.Generator) -> float:
    kind = rng.random()
    if kind < 0.1:
        return 0.0
    return float(rng.uniform(0.0, _CLOSE) if kind < 0.3 else rng.uniform(0.0, 2.0 * RADIUS))


def play(task: CalibrateVisitTask, plan: StarFieldPlan) -> Played:
    """Let the task calibrate a field."""
    made = make_star_field(plan)
    begin = time.process_time()
    try:
        calibration = task.run(made.image, made.sources, made.reference, "r").visit_calibration
    except UnusableImageError as refusal:
        calibration, text = None, str(refusal)
    else:
        text = ""
    return Played(
        plan=plan,
        common=made.common,
        solved=calibration is not None,
        wrong=calibration is not None and not _is_right(made, calibration),
        seconds=time.process_time() - begin,
        refusal=text,
    )


def _is_right(made: StarField, calibration: dict[str, Any]) -> bool:
    found: Any = calibrated_projection(made.projection, calibration)
    size = made.image.bbox.x.size
    x, y = np.array([0.1, 0.9, 0.9, 0.1, 0.5]) * size, np.array([0.1, 0.1, 0.9, 0.9, 0.5]) * size
    off = found.pixel_to_sky(x=x, y=y).separation(made.truth.pixel_to_sky(x=x, y=y)).arcsec
    zero_point = calibration["nanojansky_per_electron"] / NANOJANSKY_PER_ELECTRON
    return not made.plan.elsewhere and bool(np.max(off) < 2.0 and abs(zero_point - 1.0) < 0.2)


def _row(name: str, played: Sequence[Played]) -> Sequence[str]:
    enough = [one for one in played if one.common >= ENOUGH]
    fewer = [one for one in played if one.common < ENOUGH]
    seconds = [one.seconds for one in played] or [0.0]
    return (
        name,
        str(len(played)),
        str(len(enough)),
        _share(enough),
        str(len(fewer)),
        _share(fewer),
        str(sum(one.wrong for one in played)),
        f"{np.mean(seconds):.2f}",
        f"{max(seconds):.1f}",
    )


def _share(played: Sequence[Played]) -> str:
    return f"{100 * sum(one.solved for one in played) / len(played):.1f} %" if played else "-"
