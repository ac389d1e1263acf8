"""Columns of ``dia_sources`` for what is no point: trails and dipoles."""

from collections.abc import Mapping, Sequence
from typing import Any

import astropy.units as u
import numpy as np
from lsst.images import MaskedImage

from prompt_pipelines.arrays import Floats
from prompt_pipelines.dia_detection import Peaks
from prompt_pipelines.dipoles import Dipole
from prompt_pipelines.positions import pixel_scale, sky_positions
from prompt_pipelines.trails import Trail

__all__ = ["DIPOLE_COLUMNS", "TRAIL_COLUMNS", "dipole_columns", "peaks_of_trails", "trail_columns"]

_SAME = 2.0  # pixels from a trail's middle to the peak that stands for it
_ENDS = np.array([-1.0, 0.0, 1.0])
_UNITS = {"flux": u.nJy, "ra": u.deg, "dec": u.deg, "length": u.arcsec, "angle": u.deg}

TRAIL_COLUMNS = (
    *("flux", "flux_err", "ra", "ra_err", "dec", "dec_err", "length", "length_err", "angle", "angle_err"),
    "chi2",
)
"""Numbers of a trail, each the name of a column behind ``trail_``."""
DIPOLE_COLUMNS = (
    *("mean_flux", "mean_flux_err", "flux_diff", "flux_diff_err", "length", "angle"),
    "chi2",
)
"""The same of a dipole, behind ``dipole_``."""


def peaks_of_trails(peaks: Peaks, trails: Sequence[Trail]) -> dict[int, Trail]:
    """Find the peak that stands for each trail, its number to the trail."""
    found: dict[int, Trail] = {}
    for trail in trails:
        away = np.hypot(peaks.x - trail.x, peaks.y - trail.y)
        if len(away) and away.min() <= _SAME:
            found[int(away.argmin())] = trail
    return found


def trail_columns(image: MaskedImage, count: int, trails: Mapping[int, Trail]) -> dict[str, Any]:
    """Make the columns of trails; NaN for sources that are none."""
    values = {name: np.full(count, np.nan) for name in TRAIL_COLUMNS}
    pixels, at_edge = np.zeros(count, dtype=np.int32), np.zeros(count, dtype=bool)
    scale = _scale(image)
    for number, trail in trails.items():
        half = 0.5 * trail.length * np.array([np.cos(trail.angle), np.sin(trail.angle)])
        x, y = trail.x + half[0] * _ENDS, trail.y + half[1] * _ENDS
        ra, dec = sky_positions(image.sky_projection, x, y)
        length, bearing = _separation(ra[[0, 2]], dec[[0, 2]])
        error = float(np.hypot(trail.x_err, trail.y_err)) / np.sqrt(2.0) * scale / 3600.0
        row = {
            "flux": trail.flux,
            "flux_err": trail.flux_err,
            "ra": ra[1],
            "ra_err": error,
            "dec": dec[1],
            "dec_err": error,
            "length": length,
            "length_err": trail.length_err * scale,
            "angle": bearing % 180.0,
            "angle_err": np.degrees(trail.angle_err),
            "chi2": trail.chi2,
        }
        for name, value in row.items():
            values[name][number] = value
        pixels[number], at_edge[number] = trail.n_pixels, trail.at_edge
    columns = _with_units("trail", values)
    return {**columns, "trail_n_pixels": pixels, "flag_trail_edge": at_edge}


def dipole_columns(image: MaskedImage, count: int, dipoles: Sequence[Dipole]) -> dict[str, Any]:
    """Make the columns of dipoles, in the row of the bright lobe; NaN for sources that are none."""
    values = {name: np.full(count, np.nan) for name in DIPOLE_COLUMNS}
    pixels, moved = np.zeros(count, dtype=np.int32), np.zeros(count, dtype=bool)
    for dipole in dipoles:
        places = np.array([dipole.negative[:2], dipole.positive[:2]])
        length, bearing = _separation(*sky_positions(image.sky_projection, places[:, 0], places[:, 1]))
        error = float(np.hypot(*dipole.flux_err))
        row = {
            "mean_flux": (dipole.positive[2] - dipole.negative[2]) / 2.0,
            "mean_flux_err": error / 2.0,
            "flux_diff": dipole.positive[2] + dipole.negative[2],
            "flux_diff_err": error,
            "length": length,
            "angle": bearing,
            "chi2": dipole.chi2,
        }
        for name, value in row.items():
            values[name][dipole.peak] = value
        pixels[dipole.peak], moved[dipole.peak] = dipole.n_pixels, dipole.moved
    return {**_with_units("dipole", values), "dipole_n_pixels": pixels, "is_dipole": moved}


def _with_units(kind: str, values: dict[str, Floats]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name, column in values.items():
        unit = next((unit for part, unit in _UNITS.items() if part in name.split("_")), None)
        columns[f"{kind}_{name}"] = column if unit is None else column * unit
    return columns


def _separation(ra: Floats, dec: Floats) -> tuple[float, float]:
    """Measure how far the second place is from the first, arcsec, and its bearing, degrees east of north."""
    east = ((ra[1] - ra[0] + 180.0) % 360.0 - 180.0) * np.cos(np.radians(dec.mean()))
    north = dec[1] - dec[0]
    return float(3600.0 * np.hypot(east, north)), float(np.degrees(np.arctan2(east, north)) % 360.0)


def _scale(image: MaskedImage) -> float:
    return np.nan if image.sky_projection is None else pixel_scale(image.sky_projection, image.bbox)
