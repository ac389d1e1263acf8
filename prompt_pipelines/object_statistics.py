"""Statistics of DiaObjects over their sources: for all objects at once, in columns of the database's schema.

Each source comes with the number of its object, from 0.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from prompt_pipelines.apdb import BANDS
from prompt_pipelines.arrays import Floats

__all__ = ["flux_statistics", "forced_flux_statistics", "position_statistics"]

type _Numbers = npt.NDArray[np.intp]


def position_statistics(sources: pd.DataFrame, numbers: _Numbers, count: int) -> dict[str, np.ndarray]:
    """Average the positions of objects, weighted by their errors, and span their times.

    Parameters
    ----------
    sources
        Rows of DiaSource.
    numbers
        The object of each; every object has one at least.
    count
        How many objects there are.
    """
    values = {name: sources[name].to_numpy(dtype=float) for name in ("ra", "dec", "raErr", "midpointMjdTai")}
    ra, dec, error, first, last = np.full((5, count), np.nan)
    for rows, members in _tables(numbers):
        weight = 1.0 / np.maximum(values["raErr"][members], 1e-9) ** 2
        # Differences from the first, so that a mean across 0h is right.
        start = values["ra"][members[:, 0]]
        east = (values["ra"][members] - start[:, None] + 180.0) % 360.0 - 180.0
        ra[rows] = (start + np.average(east, weights=weight, axis=1)) % 360.0
        dec[rows] = np.average(values["dec"][members], weights=weight, axis=1)
        error[rows] = 1.0 / np.sqrt(weight.sum(axis=1))
        first[rows] = np.fmin.reduce(values["midpointMjdTai"][members], axis=1)
        last[rows] = np.fmax.reduce(values["midpointMjdTai"][members], axis=1)
    return {
        "validityStartMjdTai": last,
        "ra": ra,
        "dec": dec,
        "raErr": error,
        "decErr": error,
        "nDiaSources": np.bincount(numbers, minlength=count),
        "firstDiaSourceMjdTai": first,
        "lastDiaSourceMjdTai": last,
    }


def flux_statistics(sources: pd.DataFrame, numbers: _Numbers, count: int) -> dict[str, np.ndarray]:
    """Summarise the fluxes of objects band by band; NaN where an object has none.

    Parameters
    ----------
    sources
        Rows of DiaSource.
    numbers
        The object of each.
    count
        How many objects there are.
    """
    flux, error, groups = _usable(sources, "psfFlux", numbers)
    ends = ("Mean", "MeanErr", "Sigma", "Min", "Max", "ErrMean")
    found: dict[str, np.ndarray] = {end: _nothing(count) for end in ends}
    for cells, members in _tables(groups):
        fluxes, errors = flux[members], error[members]
        weight = errors**-2.0
        found["Mean"][cells] = np.average(fluxes, weights=weight, axis=1)
        found["MeanErr"][cells] = 1.0 / np.sqrt(weight.sum(axis=1))
        found["Min"][cells] = fluxes.min(axis=1)
        found["Max"][cells] = fluxes.max(axis=1)
        found["ErrMean"][cells] = errors.mean(axis=1)
        if fluxes.shape[1] > 1:
            found["Sigma"][cells] = fluxes.std(axis=1, ddof=1)
    found["Ndata"] = np.bincount(groups[groups >= 0], minlength=count * len(BANDS))
    return _by_band("psfFlux", found)


def forced_flux_statistics(forced: pd.DataFrame, numbers: _Numbers, count: int) -> dict[str, np.ndarray]:
    """Average the forced fluxes of objects band by band; NaN where an object has none.

    Parameters
    ----------
    forced
        Rows of DiaForcedSource.
    numbers
        The object of each.
    count
        How many objects there are.
    """
    columns: dict[str, np.ndarray] = {}
    for column, name in (("psfFlux", "fpFlux"), ("scienceFlux", "scienceFlux")):
        flux, error, groups = _usable(forced, column, numbers)
        found: dict[str, np.ndarray] = {end: _nothing(count) for end in ("Mean", "MeanErr")}
        for cells, members in _tables(groups):
            weight = error[members] ** -2.0
            found["Mean"][cells] = np.average(flux[members], weights=weight, axis=1)
            found["MeanErr"][cells] = 1.0 / np.sqrt(weight.sum(axis=1))
        columns |= _by_band(name, found)
    return columns


def _tables(groups: _Numbers) -> Iterator[tuple[_Numbers, _Numbers]]:
    """Gather the members of numbered groups, all groups of one size at a time.

    A table's sums along its rows are, to the last bit, those of each row alone,
    which sums by segments or by bins are not.

    Parameters
    ----------
    groups
        Each member's group; members without one have a negative number.

    Yields
    ------
    numbers
        Of the groups.
    members
        Indices in the order of `groups`, a row for each group.
    """
    order = np.argsort(groups, kind="stable")
    order = order[np.count_nonzero(groups < 0) :]
    numbers, first, sizes = np.unique(groups[order], return_index=True, return_counts=True)
    for size in np.unique(sizes):
        chosen = sizes == size
        yield numbers[chosen], order[first[chosen, None] + np.arange(size)]


def _usable(table: pd.DataFrame, column: str, numbers: _Numbers) -> tuple[Floats, Floats, _Numbers]:
    """Read fluxes, errors, and the cell (object and band) of each; -1 for a flux of no use."""
    flux = table[column].to_numpy(dtype=float)
    error = table[f"{column}Err"].to_numpy(dtype=float)
    band = pd.Index(BANDS).get_indexer(table["band"])
    good = np.isfinite(flux) & np.isfinite(error) & (error > 0) & (band >= 0)
    return flux, error, np.where(good, numbers * len(BANDS) + band, -1)


def _nothing(count: int) -> Floats:
    return np.full(count * len(BANDS), np.nan)


def _by_band(name: str, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        f"{band}_{name}{end}": cells.reshape(-1, len(BANDS))[:, number]
        for end, cells in found.items()
        for number, band in enumerate(BANDS)
    }
