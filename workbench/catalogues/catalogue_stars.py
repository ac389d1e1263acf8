"""Rows of any star catalogue as the stars of a reference catalogue."""

from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.table import Table
from astropy.time import Time
from attrs import define, frozen
from lsst.sphgeom import HtmPixelization, LonLat, UnitVector3d

from domain.sky.catalogue_columns import CatalogueColumns, CatalogueError, ColumnRule, EpochRule, FluxRule
from prompt_pipelines.arrays import Floats
from workbench.catalogues.catalogue_files import Chunk, ReadColumn

__all__ = ["LeftOut", "stars_of"]

_FINEST = HtmPixelization(20)  # a triangle of a third of an arcsecond
_MOTION = u.mas / u.yr


@define
class LeftOut:
    """Rows that cannot be used."""

    without_position: int = 0
    without_flux: int = 0


@frozen
class _Rows:
    """Some rows of a file."""

    file: Path
    chunk: Chunk
    missing: tuple[float, ...]

    def numbers(self, name: str, unit: u.UnitBase | None, told: str | None = None) -> Floats:
        """Read a column as numbers of a unit (None: as they are); NaN where there is none."""
        column = self.chunk[name]
        try:
            values = np.asarray(np.ma.filled(column.values.astype(float), np.nan))
        except (TypeError, ValueError) as error:
            raise CatalogueError(f"{self.file}: column {name} holds no numbers: {error}") from error
        for number in self.missing:
            values[values == number] = np.nan
        return values if unit is None else values * self._factor(name, column, unit, told)

    def _factor(self, name: str, column: ReadColumn, unit: u.UnitBase, told: str | None) -> float:
        given = told or column.unit
        if given is None:
            return 1.0
        try:
            return float(u.Unit(given).to(unit))
        except (ValueError, TypeError) as error:
            raise CatalogueError(f"{self.file}: column {name}: {given!r} is no unit of this kind") from error


def stars_of(file: Path, chunk: Chunk, columns: CatalogueColumns, left_out: LeftOut) -> Table:
    """Make stars of some rows of a file.

    Parameters
    ----------
    file
        For errors.
    chunk
        The rows.
    columns
        What they mean.
    left_out
        Where rows without a position, or without any flux, are counted.

    Returns
    -------
    stars
        ``id``, ``ra`` and ``dec`` (degrees), ``{band}_flux`` and ``{band}_flux_err`` (nJy); with an
        epoch ``epoch`` (Julian year, TDB) too, with proper motions ``pm_ra`` and ``pm_dec`` (mas/yr).

    Raises
    ------
    CatalogueError
        Raised if a column does not hold what it should; the text names file and column.
    """
    rows = _Rows(file, chunk, columns.missing)
    ra, dec = _angles(rows, columns.ra, 360.0), _angles(rows, columns.dec, 90.0)
    table = Table({"ra": ra % 360.0 * u.deg, "dec": dec * u.deg})
    for band, rule in columns.fluxes.items():
        flux, error = _flux(rows, rule)
        table[f"{band}_flux"], table[f"{band}_flux_err"] = flux * u.nJy, error * u.nJy
    if columns.epoch is not None:
        table["epoch"] = _epoch(rows, columns.epoch) * u.yr
    if columns.pm_ra is not None and columns.pm_dec is not None:
        for name, motion in (("pm_ra", columns.pm_ra), ("pm_dec", columns.pm_dec)):
            table[name] = rows.numbers(motion.column, _MOTION, motion.unit) * _MOTION
    placed = np.isfinite(ra) & np.isfinite(dec)
    bright = np.any([np.isfinite(table[f"{band}_flux"]) for band in columns.fluxes], axis=0)
    left_out.without_position += int(np.count_nonzero(~placed))
    left_out.without_flux += int(np.count_nonzero(placed & ~bright))
    kept = placed & bright
    table.add_column(_ids(rows, columns.id, ra, dec, kept), name="id", index=0)
    return table[kept]


def _angles(rows: _Rows, rule: ColumnRule, largest: float) -> Floats:
    degrees = rows.numbers(rule.column, u.deg, rule.unit)
    wrong = degrees[np.abs(degrees) > largest]
    if len(wrong):
        raise CatalogueError(
            f"{rows.file}: column {rule.column}: {wrong[0]:g} degrees are more than {largest:g} "
            "(is the unit right?)"
        )
    return degrees


def _flux(rows: _Rows, rule: FluxRule) -> tuple[Floats, Floats]:
    """Give fluxes and their errors, nJy; NaN where there is none."""
    if rule.flux is not None:
        flux = rows.numbers(rule.flux, u.nJy, rule.unit)
        error = (
            np.full(len(flux), np.nan) if rule.error is None else rows.numbers(rule.error, u.nJy, rule.unit)
        )
    else:
        magnitude = rows.numbers(str(rule.magnitude), None)
        if rule.colour is not None:
            colour = rows.numbers(rule.colour[0], None) - rows.numbers(rule.colour[1], None)
            magnitude = magnitude + np.polynomial.polynomial.polyval(colour, rule.terms or (0.0,))
            low, high = rule.colour_range or (-np.inf, np.inf)
            magnitude[~((colour >= low) & (colour <= high))] = np.nan
        elif rule.terms:
            magnitude = magnitude + rule.terms[0]
        flux = 10 ** (-0.4 * (magnitude - _AB_OF_ONE_NANOJANSKY))
        error = np.full(len(flux), np.nan)
        if rule.error is not None:
            error = rows.numbers(rule.error, None) * flux * np.log(10) / 2.5
    flux[~(flux > 0)] = np.nan
    return flux, error


_AB_OF_ONE_NANOJANSKY = float((1.0 * u.nJy).to_value(u.ABmag))


def _epoch(rows: _Rows, rule: EpochRule) -> Floats:
    """Give the epochs as Julian years."""
    count = len(next(iter(rows.chunk.values())).values)
    told = np.full(count, rule.value) if rule.column is None else rows.numbers(rule.column, None)
    known = np.isfinite(told)
    told = np.where(known, told, 0.0)
    years = told if rule.format == "jyear" else np.asarray(Time(told, format="mjd", scale="tdb").jyear)
    wrong = years[known & ((years < 1800.0) | (years > 2200.0))]
    if len(wrong):
        raise CatalogueError(
            f"{rows.file}: column {rule.column}: {wrong[0]:g} is no epoch (is the format right?)"
        )
    return np.where(known, years, np.nan)


def _ids(rows: _Rows, name: str | None, ra: Floats, dec: Floats, kept: np.ndarray) -> np.ndarray:
    if name is None:
        ids = np.zeros(len(ra), dtype=np.int64)
        ids[kept] = [
            _FINEST.index(UnitVector3d(LonLat.fromDegrees(*place))) for place in _places(ra, dec, kept)
        ]
        return ids
    values = rows.chunk[name].values
    if np.any(np.ma.getmaskarray(values)[kept]):
        raise CatalogueError(f"{rows.file}: column {name}: a star has no id")
    try:
        ids = np.asarray(values.filled(0)).astype(np.int64)
        whole = np.array_equal(ids[kept], np.asarray(values.filled(0))[kept].astype(ids.dtype)) and not (
            values.dtype.kind == "f" and np.any(np.asarray(values)[kept] % 1)
        )
    except (TypeError, ValueError) as error:
        raise CatalogueError(f"{rows.file}: column {name} holds no whole numbers: {error}") from error
    if not whole:
        raise CatalogueError(f"{rows.file}: column {name} holds no whole numbers")
    return ids


def _places(ra: Floats, dec: Floats, kept: np.ndarray) -> list[tuple[float, float]]:
    return list(zip(ra[kept].tolist(), dec[kept].tolist(), strict=True))
