"""Photometry at any place, from the command line."""

import sys
from pathlib import Path

import click
from astropy.table import Row, Table

from entrypoints.commands.tables import console, table
from prompt_processing.errors import ResultsError
from prompt_processing.results import open_results

__all__ = ["command"]

_SEEN = 5.0
"""Signal to noise of what is a detection, else it is an upper limit."""


@click.command(name="photometry", context_settings={"ignore_unknown_options": True})
@click.argument("folder", metavar="RESULTS", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("ra", type=click.FloatRange(0.0, 360.0, max_open=True))
@click.argument("dec", type=click.FloatRange(-90.0, 90.0))
@click.option("--csv", "form", flag_value="csv", help="Print comma-separated values.")
@click.option("--json", "form", flag_value="json", help="Print JSON.")
def command(*, folder: Path, ra: float, dec: float, form: str | None) -> None:
    """Measure what is at RA DEC (degrees ICRS) on all images of RESULTS, seen or not.

    The PSF is fitted at that very place, on the difference images and on the
    calibrated ones. What is fainter than five standard deviations has an upper limit.
    """
    with open_results(folder) as results:
        found = results.photometry(ra, dec)
    if form == "csv":
        found.write(sys.stdout, format="ascii.csv")
    elif form == "json":
        found.to_pandas().to_json(sys.stdout, orient="records")
        click.echo()
    elif not len(found):
        raise ResultsError(f"{folder}: no image shows {ra} {dec}")
    else:
        _print(found)


def _print(found: Table) -> None:
    columns = ("visit", "detector", "band", "MJD", "change, nJy", "S/N", "in the image, nJy", "mag AB")
    rows = [
        (
            str(row["visit"]), str(row["detector"]), str(row["band"]), f"{row['mjd']:.6f}",
            f"{row['flux']:.0f} ± {row['flux_err']:.0f}", f"{row['flux'] / row['flux_err']:.1f}",
            f"{row['science_flux']:.0f} ± {row['science_flux_err']:.0f}", _magnitude(row),
        )
        for row in found
    ]  # fmt: skip
    console().print(table(f"{len(rows)} images", columns, rows))


def _magnitude(row: Row) -> str:
    is_seen = row["science_flux"] >= _SEEN * row["science_flux_err"]
    return f"{row['magnitude']:.2f}" if is_seen else f"> {row['science_limit']:.2f}"
