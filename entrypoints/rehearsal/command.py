"""Rehearse a night."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from entrypoints.commands.tables import console
from entrypoints.long_work import work
from entrypoints.rehearsal.asked import VARIABLES, Asked
from entrypoints.rehearsal.figures import Figures, figures_of
from entrypoints.rehearsal.keda import STRATEGIES
from entrypoints.rehearsal.night import NightPlan
from entrypoints.rehearsal.play import play
from entrypoints.rehearsal.pool import Keda
from entrypoints.rehearsal.report import heading, rendered
from entrypoints.rehearsal.search import Found, find_workers
from entrypoints.saying import say
from workbench.pace import Pace

__all__ = ["command"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_COUNT = click.IntRange(1)
_SECONDS = click.FloatRange(0.001, 86_400)


def _options(*options: Callable[..., Any]) -> Callable[..., Any]:
    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return add


_night_options = _options(
    click.option("--camera", default="simulated", show_default=True, help="Whose science detectors."),
    click.option("--detectors", type=_COUNT, help="So many detectors, whatever the camera has."),
    click.option("--visits", type=_COUNT, default=100, show_default=True, help="Visits in the night."),
    click.option("--cadence", type=_SECONDS, default=35.0, show_default=True, help="s between visits."),
    click.option("--exposure", type=_SECONDS, default=30.0, show_default=True, help="s of a snap."),
    click.option("--snaps", type=_COUNT, default=1, show_default=True, help="Snaps of a visit."),
    click.option(
        "--lead",
        type=click.FloatRange(0, 86_400),
        default=20.0,
        show_default=True,
        help="s from a visit's announcement until its shutter opens.",
    ),
    click.option(
        "--schedule",
        type=_FILE,
        metavar="FILE.csv",
        help="Visits from a file instead: columns seconds (when the shutter opens), and if they differ"
        " exposure, snaps, lead.",
    ),
    click.option(
        "--results",
        type=_FOLDER,
        metavar="DIR",
        help="Visits, detectors and stage times of a night that was: a site, or what demo or replay kept.",
    ),
    click.option(
        "--night", type=click.DateTime(["%Y-%m-%d"]), help="day_obs of that night; by default the last one."
    ),
    click.option(
        "--stage-times",
        type=click.Path(exists=True, path_type=Path),
        metavar="FILE|DIR",
        help="How long transfer, prepare, ingest, process and export take: a YAML file, or the results of"
        " another night.",
    ),
    click.option("--faults", type=_FILE, metavar="FILE.yaml", help="What is broken, and when."),
    click.option(
        "--seed", type=int, default=0, show_default=True, help="Chance; the same for the same seed."
    ),
)

_worker_options = _options(
    click.option("--workers", type=_COUNT, help="So many workers all night."),
    click.option("--max-workers", type=_COUNT, help="As KEDA starts them, up to so many."),
    click.option(
        "--strategy",
        type=click.Choice(STRATEGIES),
        default=STRATEGIES[0],
        show_default=True,
        help="KEDA's scalingStrategy.",
    ),
    click.option(
        "--polling", type=_SECONDS, default=2.0, show_default=True, help="KEDA's pollingInterval, s."
    ),
    click.option(
        "--pod-start",
        type=click.FloatRange(0, 86_400),
        default=20.0,
        show_default=True,
        help="s until a pod that KEDA starts asks for work.",
    ),
    click.option(
        "--find-workers",
        is_flag=True,
        help="Search for the fewest workers that reach the goals; beside --max-workers the least maximum.",
    ),
)


@click.command(name="rehearse", epilog=f"Heeded of a worker's environment variables: {', '.join(VARIABLES)}.")
@_night_options
@_worker_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
def command(*, find_workers: bool, as_json: bool, **options: Any) -> None:  # noqa: ANN401 - see Asked
    """Play a night in advance, in minutes: is it in time, and with how many workers?

    Fan-out, queue, workers, ledger and KEDA's rules are those of production, on a virtual clock and with all
    neighbours in memory; how long science and transfers take is drawn from what was measured, or planned.
    Nothing is written, and no server is needed.
    """
    asked = Asked(**options)
    if asked.workers and asked.max_workers:
        raise click.UsageError("--workers and --max-workers: say one of them")
    plan, records = asked.plan()
    seen = len({one.worker for one in records}) or None
    pool = asked.pool() or seen
    if pool is None and not find_workers:
        raise click.UsageError("who works? Say --workers, --max-workers or --find-workers")
    pace = Pace()
    if find_workers:
        found = work("rehearsing", partial(_search, asked, plan, pace), pace, stopped="stopped")
        _tell(found.figures, plan, as_json, found)
    elif pool is not None:
        figures = work("rehearsing", partial(_rehearse, plan, pool, pace), pace, stopped="stopped")
        _tell(figures, plan, as_json)


def _rehearse(plan: NightPlan, pool: int | Keda, pace: Pace) -> Figures:
    many = pool.rules.most if isinstance(pool, Keda) else pool
    minutes = int(plan.visits[-1].closed / 60) + 2
    return figures_of(play(plan, pool, partial(pace.step, f"{many} workers, minute of the night", minutes)))


def _search(asked: Asked, plan: NightPlan, pace: Pace) -> Found:
    return find_workers(lambda many: _rehearse(plan, asked.pool(many) or many, pace), plan.most_at_once)


def _tell(figures: Figures, plan: NightPlan, as_json: bool, found: Found | None = None) -> None:
    if as_json:
        record: dict[str, object] = {
            "detectors": plan.detectors,
            "visits": len(plan.visits),
            "seed": plan.seed,
            "stage_times": plan.stage_times.source,
        }
        if found is not None:
            record["workers_needed"] = found.workers
        say(json.dumps(record | figures.as_dict(), indent=2))
        return
    screen = console()
    screen.print(heading(plan))
    for part in rendered(figures):
        screen.print(part)
    if found is not None:
        screen.print(
            f"workers needed: {found.workers}"
            if found.workers
            else "no number of workers reaches the goals: more of them had nothing to do"
        )
