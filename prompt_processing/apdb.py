"""Tables of a kept alert production database."""

import sqlite3
from pathlib import Path
from typing import Final

import astropy.units as u
import numpy as np
from astropy.table import Table

from prompt_processing.errors import ResultsError
from workbench.night.apdb import Columns, read_columns

__all__ = ["dia_objects", "dia_sources"]

_SOURCES: Final[Columns] = {
    "diaSourceId": ("dia_source", np.int64, None),
    "diaObjectId": ("object", np.int64, None),
    "visit": ("visit", np.int64, None),
    "detector": ("detector", np.int64, None),
    "band": ("band", str, None),
    "midpointMjdTai": ("mjd", np.float64, u.d),
    "ra": ("ra", np.float64, u.deg),
    "dec": ("dec", np.float64, u.deg),
    "x": ("x", np.float64, u.pix),
    "y": ("y", np.float64, u.pix),
    "snr": ("snr", np.float64, None),
    "psfFlux": ("flux", np.float64, u.nJy),
    "psfFluxErr": ("flux_err", np.float64, u.nJy),
    "scienceFlux": ("science_flux", np.float64, u.nJy),
}
"""Columns of DiaSource: name, type and unit here."""


def dia_sources(file: Path) -> Table:
    """Read all DiaSources, in the order of time.

    Raises
    ------
    ResultsError
        Raised if the file is no such database.
    """
    if not file.exists():
        raise ResultsError(f"{file}: the night's alert production database is not kept there")
    try:
        return read_columns(file, _SOURCES)
    except sqlite3.Error as error:
        raise ResultsError(f"{file}: {error}") from error


def dia_objects(sources: Table) -> Table:
    """Sum up the DiaSources of each object, those with the most sightings first.

    Returns
    -------
    objects
        ``object``, ``sightings``, ``ra`` and ``dec`` (degrees, mean), ``first`` and ``last`` (days TAI),
        ``faintest`` and ``brightest`` (nJy, of the change), ``range`` (magnitudes, of the flux in the
        images that were differenced; NaN if it is not known), ``strongest`` (the DiaSource).
    """
    names = (
        "object",
        "sightings",
        "ra",
        "dec",
        "first",
        "last",
        "faintest",
        "brightest",
        "range",
        "strongest",
    )
    rows = []
    for group in sources.group_by("object").groups if len(sources) else ():
        flux = np.asarray(group["flux"])
        place = float(np.mean(group["ra"])), float(np.mean(group["dec"]))
        span = float(np.min(group["mjd"])), float(np.max(group["mjd"]))
        strongest = int(group["dia_source"][int(np.argmax(np.asarray(group["snr"])))])
        change = float(flux.min()), float(flux.max())
        rows.append((int(group["object"][0]), len(group), *place, *span, *change, _range(group), strongest))
    rows.sort(key=lambda row: (-row[1], row[0]))
    return Table(rows=rows, names=names) if rows else Table(names=names)


def _range(group: Table) -> float:
    """Find by how many magnitudes an object changes."""
    flux = np.asarray(group["science_flux"])
    lowest, highest = float(np.min(flux)), float(np.max(flux))
    return float(2.5 * np.log10(highest / lowest)) if lowest > 0 else float("nan")
