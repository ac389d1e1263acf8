"""Stars of a reference catalogue where they are at another time."""

import numpy as np
from astropy.table import Table
from astropy.time import Time

from prompt_pipelines.arrays import Floats

__all__ = ["moved_to"]

_MAS = np.pi / 180.0 / 3.6e6


def moved_to(catalogue: Table, mjd_tai: float) -> Table:
    """Move stars along their proper motions.

    Parallaxes and radial velocities are left out: they are a few tenths of an
    arcsecond at most, of the nearest stars.

    Parameters
    ----------
    catalogue
        With ``pm_ra`` (times the cosine of the declination), ``pm_dec`` (mas/yr) and
        ``epoch`` (Julian year), or without. Stars of which one is not known stay.
    mjd_tai
        When, days.
    """
    if not {"pm_ra", "pm_dec", "epoch"} <= set(catalogue.colnames):
        return catalogue
    east, north, epoch = (_plain(catalogue, name) for name in ("pm_ra", "pm_dec", "epoch"))
    years = float(Time(mjd_tai, format="mjd", scale="tai").tdb.jyear) - epoch
    moves = np.isfinite(east) & np.isfinite(north) & np.isfinite(years)
    east, north = (np.where(moves, motion * years, 0.0) * _MAS for motion in (east, north))
    ra, dec = (np.radians(_plain(catalogue, name)) for name in ("ra", "dec"))
    # Along the tangents to the east and north, which hold at the poles too.
    x = np.cos(dec) * np.cos(ra) - east * np.sin(ra) - north * np.sin(dec) * np.cos(ra)
    y = np.cos(dec) * np.sin(ra) + east * np.cos(ra) - north * np.sin(dec) * np.sin(ra)
    z = np.sin(dec) + north * np.cos(dec)
    moved = catalogue.copy()
    moved["ra"][:] = np.where(moves, np.degrees(np.arctan2(y, x)) % 360.0, _plain(catalogue, "ra"))
    moved["dec"][:] = np.where(moves, np.degrees(np.arctan2(z, np.hypot(x, y))), _plain(catalogue, "dec"))
    return moved


def _plain(catalogue: Table, name: str) -> Floats:
    return np.asarray(np.ma.filled(np.ma.asarray(catalogue[name]).astype(float), np.nan))
