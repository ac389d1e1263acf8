"""The night's alert production database, in one SQLite file, and tables of what is in one."""

import gc
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import astropy.units as u
import numpy as np
from astropy.table import Table
from attrs import AttrsInstance, astuple, fields
from lsst.dax.apdb.sql import ApdbSql

from domain.results.sources import DiaSource, ObjectSummary
from workbench.night.kept_night import DATABASE

__all__ = ["make_apdb", "object_table", "source_table"]

_LOCK_PATIENCE = 60  # seconds that a worker waits for another's transaction
_HISTORY = 1200  # months
_UNITS: Final = {
    "mjd": u.d, "ra": u.deg, "dec": u.deg, "x": u.pix, "y": u.pix,
    "flux": u.nJy, "flux_err": u.nJy, "science_flux": u.nJy,
}  # fmt: skip
_NAMES: Final = {"source_id": "dia_source", "object_id": "object", "range_mag": "range"}
"""Columns that are named otherwise than the fields they come from."""


def make_apdb(folder: Path) -> str:
    """Make an empty database in a folder; returns the URI of its configuration."""
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        config = ApdbSql.init_database(
            f"sqlite:///{folder / DATABASE}",
            connection_timeout=_LOCK_PATIENCE,
            # A night of the past is history however long ago it was: preloading asks as of today.
            read_sources_months=_HISTORY,
            read_forced_sources_months=_HISTORY,
        )
        # It leaves the connections of its pool to the garbage collector.
        gc.collect()
    file = folder / "apdb.yaml"
    config.save(str(file))
    return str(file)


def source_table(sources: Iterable[DiaSource]) -> Table:
    """Make a table of DiaSources, which are in the order in which they are given.

    Returns
    -------
    sources
        ``dia_source``, ``object``, ``visit``, ``detector``, ``band``, ``mjd`` (days TAI), ``ra`` and ``dec``
        (degrees ICRS), ``x`` and ``y`` (pixels of the trimmed frame, from 0), ``snr``, ``flux`` and
        ``flux_err`` (nJy, of the change), ``science_flux`` (nJy, in the calibrated image).
    """
    table = _table(DiaSource, sources)
    for name, unit in _UNITS.items():
        table[name].unit = unit
    return table


def object_table(objects: Iterable[ObjectSummary]) -> Table:
    """Make a table of objects, which are in the order in which they are given.

    Returns
    -------
    objects
        ``object``, ``sightings``, ``ra`` and ``dec`` (degrees, mean), ``first`` and ``last`` (days TAI),
        ``faintest`` and ``brightest`` (nJy, of the change), ``range`` (magnitudes, of the flux in the
        images that were differenced; NaN if it is not known), ``strongest`` (the DiaSource).
    """
    return _table(ObjectSummary, objects)


def _table(kind: type[AttrsInstance], rows: Iterable[AttrsInstance]) -> Table:
    found = [astuple(row) for row in rows]
    columns = list(zip(*found, strict=True)) or [()] * len(fields(kind))
    types = {int: np.int64, float: np.float64, str: str}
    return Table(
        {
            _NAMES.get(field.name, field.name): np.array(values, dtype=types[field.type])
            for field, values in zip(fields(kind), columns, strict=True)
        }
    )
