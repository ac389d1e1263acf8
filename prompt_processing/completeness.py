"""How deep images are, from the command line."""

import sys
from functools import partial
from pathlib import Path

import click
from astropy.table import Table

from entrypoints.commands.tables import console, table
from entrypoints.long_work import work
from entrypoints.saying import say
from prompt_processing.errors import ResultsError
from prompt_processing.results import open_results
from workbench.night.completeness import depth_table, store_depths
from workbench.pace import Pace

__all__ = ["command"]

_STOPPED = "stopped; nothing was written"


@click.command(name="completeness")
@click.argument("folder", metavar="RESULTS", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--copies", type=click.IntRange(1), default=4, show_default=True, help="Of each image.")
@click.option("--seed", default=1, show_default=True, help="Of what is random.")
@click.option("--csv", "form", flag_value="csv", help="Print comma-separated values.")
@click.option("--json", "form", flag_value="json", help="Print JSON.")
def command(*, folder: Path, copies: int, seed: int, form: str | None) -> None:
    """Measure how faint a source may be and still be found, on all difference images of RESULTS.

    Sources of known brightness are put into copies of the images, in memory, and found by the task that found
    the night's own. Neither the night's outputs nor its APDB nor alerts change. The magnitudes at which half
    and nine tenths are found are kept for each image as the dataset `visit_completeness`, in a run of
    its own.
    """
    pace = Pace()
    with open_results(folder) as results:
        measure = partial(results.completeness, copies, seed, pace)
        images = work("reading images", measure, pace, stopped=_STOPPED)
        repository, instrument = str(results.path), results.instrument
    if not images:
        raise ResultsError(f"{folder}: there is no difference image with all that belongs to it")
    found = depth_table(images)
    if form == "csv":
        found.write(sys.stdout, format="ascii.csv")
    elif form == "json":
        found.to_pandas().to_json(sys.stdout, orient="records")
        click.echo()
    else:
        _print(found)
    try:
        run = store_depths(repository, instrument, images, pace)
    except Exception as error:  # whatever files and databases raise
        raise ResultsError(f"the limits cannot be kept in {repository}: {error}") from error
    say(f"kept for each image in {run}", err=form is not None)


def _print(found: Table) -> None:
    columns = ("detector", "filter", "images", "found", "50 %, mag AB", "reckoned", "90 %, mag AB", "at best")
    rows = [
        (
            *(str(row[name]) for name in ("detector", "filter", "images")),
            f"{row['found']} of {row['injected']}",
            *(f"{row[name]:.2f}" for name in ("half", "expected", "most")),
            f"{row['brightest']:.0%}",
        )
        for row in found
    ]
    console().print(table("sources put in and found again", columns, rows))
