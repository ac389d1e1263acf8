"""The night's alert production database, in one SQLite file."""

import contextlib
import gc
import sqlite3
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import astropy.units as u
import numpy as np
from astropy.table import Table
from lsst.dax.apdb.sql import ApdbSql

__all__ = ["DATABASE", "Columns", "make_apdb", "read_columns", "read_dia_sources"]

type Columns = Mapping[str, tuple[str, Any, u.UnitBase | None]]

DATABASE = "apdb.db"
"""Name of its file."""
_LOCK_PATIENCE = 60  # seconds that a worker waits for another's transaction
_HISTORY = 1200  # months
_COLUMNS: Final[Columns] = {
    "diaSourceId": ("id", np.int64, None),
    "diaObjectId": ("object", np.int64, None),
    "visit": ("visit", np.int64, None),
    "detector": ("detector", np.int64, None),
    "midpointMjdTai": ("mjd", np.float64, u.d),
    "ra": ("ra", np.float64, u.deg),
    "dec": ("dec", np.float64, u.deg),
    "x": ("x", np.float64, u.pix),
    "y": ("y", np.float64, u.pix),
    "snr": ("snr", np.float64, None),
    "psfFlux": ("flux", np.float64, u.nJy),
}


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


def read_dia_sources(folder: Path) -> Table:
    """Read all DiaSources of the database in a folder, in the order of time.

    Returns
    -------
    sources
        ``id``, ``object``, ``visit``, ``detector``, ``mjd`` (days TAI), ``ra``
        and ``dec`` (degrees ICRS), ``x`` and ``y`` (pixels of the trimmed frame,
        from 0), ``snr``, ``flux`` (nJy, of the change).
    """
    return read_columns(folder / DATABASE, _COLUMNS)


def read_columns(file: Path, columns: Columns) -> Table:
    """Read columns of DiaSource, in the order of time.

    Parameters
    ----------
    file
        The database.
    columns
        Name, type and unit in the table of each, by its name in the database.

    Raises
    ------
    sqlite3.Error
        Raised if the file is no such database.
    """
    query = f'SELECT {", ".join(columns)} FROM "DiaSource" ORDER BY midpointMjdTai, detector, diaSourceId'  # noqa: S608 - the callers' constants
    with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
        rows = database.execute(query).fetchall()
    found: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(columns)
    table = Table()
    for (name, kind, unit), values in zip(columns.values(), found, strict=True):
        known = values if kind is str else [np.nan if value is None else value for value in values]
        array = np.array(known, dtype=kind)
        table[name] = array if unit is None else array * unit
    return table
