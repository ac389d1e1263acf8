"""How often a field of stars is recognized, and how often wrongly, whatever pointing, rotation and parity.

Fields are lists of positions and fluxes without pixels; the task that calibrates
a visit is given thousands of them, and is told that its pointing may be off by a degree.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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
_FIELDS = {(10, 30): 600, (30, 100): 600, (100, 300): 300, (300, 1000): 100, (1000, 5000): 40}
"""How many, by the number of stars on the detector, at least and at most."""
_FOREIGN = {(10, 30): 120, (30, 100): 120, (100, 300): 20}
_KINDS: Mapping[str, Callable[[StarFieldPlan], bool]] = {
    "pointing right": lambda plan: plan.pointing_error == 0.0,
    "off by up to 0.5 degrees": lambda plan: 0.0 < plan.pointing_error <= 0.5,
    "off by up to 1 degree": lambda plan: plan.pointing_error > 0.5,
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
    task = task_with(RADIUS)
    by_stars = {
        bounds: [play(task, plan) for plan in plans(bounds[0], count, stars=bounds)]
        for bounds, count in _FIELDS.items()
    }
    here = [one for some in by_stars.values() for one in some]
    foreign = [
        play(task, plan)
        for bounds, count in _FOREIGN.items()
        for plan in plans(bounds[1], count, stars=bounds, elsewhere=True)
    ]
    rows = [_row(f"{low} to {high} stars", some) for (low, high), some in by_stars.items()]
    rows.extend(_row(name, [one for one in here if choose(one.plan)]) for name, choose in _KINDS.items())
    print(
        table(
            f"fields of stars recognized ({len(here)} within {RADIUS:g} degree, {len(foreign)} elsewhere)",
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
            [*rows, _row("all", here), _row("elsewhere", foreign)],
            (
                f"of {ENOUGH} and more: stars that were found and are in the catalogue",
                "wrong: the zero point is off by over 0.2, or a corner by over 2 arcsec",
                "s: median and longest CPU time of the task",
            ),
        )
    )


def task_with(radius: float, **others: float) -> CalibrateVisitTask:
    """Make the task, for a pointing that may be off so many degrees, with other choices."""
    config = CalibrateVisitConfig()  # type: ignore[no-untyped-call]  # untyped package
    config.update(pointing_error=radius, **others)  # type: ignore[no-untyped-call]  # untyped package
    return CalibrateVisitTask(config=config)


def plans(
    seed: int, count: int, *, stars: tuple[int, int], elsewhere: bool = False
) -> Iterator[StarFieldPlan]:
    """Think of fields of all kinds, with so many stars on the detector."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield StarFieldPlan(
            seed=int(rng.integers(2**31)),
            stars=round(10 ** rng.uniform(*np.log10(stars))),
            pointing_error=0.0 if rng.random() < 0.1 else float(RADIUS * np.sqrt(rng.random())),
            rotation=float(rng.uniform(0.0, 360.0)),
            mirrored=bool(rng.random() < 0.5),
            scale=float(rng.uniform(0.98, 1.02)),
            missing=float(rng.uniform(0.0, 0.4)),
            spurious=float(rng.uniform(0.0, 0.5)),
            clustered=bool(rng.random() < 0.2),
            elsewhere=elsewhere,
        )


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
        f"{np.median(seconds):.2f}",
        f"{max(seconds):.1f}",
    )


def _share(played: Sequence[Played]) -> str:
    return f"{100 * sum(one.solved for one in played) / len(played):.1f} %" if played else "-"
