"""What a night has found, for people."""

from collections import Counter
from pathlib import Path

import click
import numpy as np
from astropy.table import Table
from rich.console import Console
from rich.table import Table as Shown

from domain.results.night_view import how_prompt
from entrypoints.commands.tables import console, table
from prompt_processing.errors import ResultsError
from prompt_processing.results import Results, open_results

__all__ = ["command"]

_SHOWN = 15
"""Most objects in the summary."""


@click.command(name="results")
@click.argument("folder", metavar="RESULTS", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--objects", "shown", default=_SHOWN, show_default=True, help="How many objects to list.")
@click.option("--datasets", is_flag=True, help="Count the datasets of each type as well.")
def command(*, folder: Path, shown: int, datasets: bool) -> None:
    """Sum up the night in RESULTS, a folder that `demo` or `replay` has written, or all nights of a site.

    Counts of outcomes, what was not completed and why, what is new, the objects that were
    seen most often, what moves, and the exposures.
    """
    with open_results(folder) as results:
        _print(results, console(), shown, datasets=datasets)


def _print(results: Results, to: Console, shown: int, *, datasets: bool) -> None:
    outcomes = Counter(str(outcome) for outcome in results.outcomes["outcome"])
    groups = set(results.visits["group"])
    to.print(
        f"{results.instrument}: {len(groups)} visits of {len(results.visits)} exposures,"
        f" {sum(outcomes.values())} visit-detectors"
    )
    to.print(
        "outcomes: " + (", ".join(f"{count} {name}" for name, count in outcomes.most_common()) or "not kept")
    )
    if "promptness" in results.outcomes.colnames:
        fared = Counter(str(fared) for fared in results.outcomes["promptness"])
        if told := how_prompt(outcomes, fared):
            to.print(told)
    for row in results.outcomes:
        if row["outcome"] != "completed" or ("held" in row.colnames and row["held"]):
            to.print(f"  {row['group']} detector {row['detector']}: {row['detail']}")
    _print_objects(results, to, shown)
    to.print(_visits(results.visits))
    if datasets:
        counts = [(name, str(count)) for name, count in results.counts.items()]
        to.print(table("Datasets", ("type", "count"), counts))
    else:
        total, types = sum(results.counts.values()), len(results.counts)
        to.print(f"datasets: {total} of {types} types; --datasets counts those of each")
    to.print(
        f"files: {results.path.absolute()}, a Butler repository, with what was processed; {results.beside}",
        soft_wrap=True,
    )
    to.print(f'in Python: results = prompt_processing.open("{results.opened}")', soft_wrap=True)


def _print_objects(results: Results, to: Console, shown: int) -> None:
    if "difference_image" not in results.counts:
        to.print(
            "no image was differenced (there were no templates), so there are no DiaSources and no alerts"
        )
        return
    try:
        objects = results.dia_objects
    except ResultsError as error:
        to.print(str(error))
        return
    to.print(f"{len(results.dia_sources)} DiaSources of {len(objects)} objects, {len(results.alerts)} alerts")
    if not len(objects):
        return
    _print_news(results, to, shown)
    columns = ("object", "sightings", "ra", "dec", "change from", "to nJy", "range in mag")
    rows = [
        (
            str(row["object"]), str(row["sightings"]), f"{row['ra']:.5f}", f"{row['dec']:+.5f}",
            f"{row['faintest']:.0f}", f"{row['brightest']:.0f}",
            "" if np.isnan(row["range"]) else f"{row['range']:.2f}",
        )
        for row in objects[:shown]
    ]  # fmt: skip
    to.print(table("Objects seen most often", columns, rows))
    _print_tracklets(results, to, shown)


def _print_news(results: Results, to: Console, shown: int) -> None:
    rows = [
        (
            str(row["rank"]), row["label"], f"{row['ra']:.5f}", f"{row['dec']:+.5f}", f"{row['snr']:.0f}",
            row["reasons"] + (f"; the simulator's truth: {row['truth']}" if "truth" in row.colnames else ""),
        )
        for row in results.findings[:shown]
    ]  # fmt: skip
    title = f"What is new, the first {len(rows)} of {len(results.findings)}"
    to.print(table(title, ("rank", "label", "ra", "dec", "S/N", "why"), rows))


def _print_tracklets(results: Results, to: Console, shown: int) -> None:
    columns = ("tracklet", "sightings", "min", "ra", "dec", '"/min', "towards", "mag", 'residuals "')
    rows = [
        (
            str(row["tracklet"]), str(row["sightings"]), f"{row['arc']:.0f}", f"{row['ra']:.5f}",
            f"{row['dec']:+.5f}", f"{row['rate']:.3f}", f"{row['position_angle']:.0f}",
            f"{row['magnitude']:.2f}", f"{row['rms']:.2f}",
        )
        for row in results.tracklets[:shown]
    ]  # fmt: skip
    if rows:
        to.print(table(f"What moves: {len(results.tracklets)} tracklets", columns, rows))


def _visits(visits: Table) -> Shown:
    columns = ("visit", "group", "filter", "s", "ra", "dec")
    return table(
        "Exposures",
        columns,
        [
            (
                str(row["visit"]), str(row["group"]), str(row["filter"]), f"{row['exposure_time']:g}",
                f"{row['ra']:.4f}", f"{row['dec']:+.4f}",
            )
            for row in visits
        ],
    )  # fmt: skip
