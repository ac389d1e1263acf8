"""Which sources of an image are known bodies, in rows of Rubin's table SSSource."""

import numpy as np
import pandas as pd
from astropy.coordinates import BarycentricMeanEcliptic, SkyCoord
from astropy.table import Table

from prompt_pipelines.arrays import Floats
from prompt_pipelines.solar_system.prediction import sky_of

__all__ = ["match_bodies"]

_STEP = 1e-3  # days between two places that tell the motion
_COLUMNS = (
    "diaSourceId", "ssObjectId", "designation", "eclLambda", "eclBeta", "galLon", "galLat", "topoRange",
    "ephRa", "ephDec", "ephVmag", "ephRate", "ephRateRa", "ephRateDec", "ephOffset", "ephOffsetRa",
    "ephOffsetDec", "ephOffsetAlongTrack", "ephOffsetCrossTrack",
)  # fmt: skip


def match_bodies(sources: Table, bodies: Table, mjd: float, scale: float) -> pd.DataFrame:
    """Find the sources of bodies: the closest pairs first, each at most once.

    Parameters
    ----------
    sources
        Those of ``dia_sources`` that were accepted.
    bodies
        As `prompt_pipelines.solar_system.prediction.predict` makes them.
    mjd
        TAI, the middle of the exposure.
    scale
        Size of a pixel, arcseconds.

    Returns
    -------
    rows
        One for each pair: columns of SSSource, in its units.
    """
    usable = sources[~np.asarray(sources["is_negative"], dtype=bool)]
    if not len(usable) or not len(bodies):
        return pd.DataFrame({name: [] for name in _COLUMNS}).astype({"diaSourceId": int, "ssObjectId": int})
    ra, dec, distance = sky_of(bodies, mjd)
    # Shape (sources, bodies), arcseconds on the sky.
    north = 3600.0 * (np.asarray(usable["dec"], dtype=float)[:, None] - dec)
    turn = np.asarray(usable["ra"], dtype=float)[:, None] - ra
    east = 3600.0 * ((turn + 180.0) % 360.0 - 180.0) * np.cos(np.radians(dec))
    reach = np.hypot(
        np.asarray(bodies["Err(arcsec)"], dtype=float),
        3.0 * scale * np.asarray(usable["position_err"], dtype=float)[:, None],
    )
    which, body = _pairs(np.hypot(east, north) / reach)
    rate = [one[body] for one in _rates(bodies, mjd)]
    off = np.array([east[which, body], north[which, body]])
    coordinates = SkyCoord(usable["ra"][which], usable["dec"][which], unit="deg")
    ecliptic = coordinates.transform_to(BarycentricMeanEcliptic())
    speed = np.hypot(*rate)
    along = np.divide(off[0] * rate[0] + off[1] * rate[1], speed, where=speed > 0, out=np.zeros_like(speed))
    across = np.divide(off[0] * rate[1] - off[1] * rate[0], speed, where=speed > 0, out=np.zeros_like(speed))
    values = (
        np.asarray(usable["id"])[which], np.asarray(bodies["ssObjectId"])[body],
        np.asarray(bodies["ObjID"]).astype(str).astype(object)[body],
        ecliptic.lon.deg, ecliptic.lat.deg, coordinates.galactic.l.deg, coordinates.galactic.b.deg,
        distance[body], ra[body], dec[body], np.asarray(bodies["trailedSourceMagTrue"], dtype=float)[body],
        speed, *rate, np.hypot(*off), *off, along, across,
    )  # fmt: skip
    return pd.DataFrame(dict(zip(_COLUMNS, values, strict=True)))


def _pairs(apart: Floats) -> tuple[np.ndarray, np.ndarray]:
    """Pair rows and columns, the least first, none further apart than 1."""
    pairs: list[tuple[int, int]] = []
    rows, columns = np.unravel_index(np.argsort(apart, axis=None, kind="stable"), apart.shape)
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        if apart[row, column] > 1.0:
            break
        if all(row != one and column != other for one, other in pairs):
            pairs.append((row, column))
    found = np.array(pairs, dtype=int).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _rates(bodies: Table, mjd: float) -> tuple[Floats, Floats]:
    """Give the motion east and north, degrees a day on the sky."""
    (ra, dec, _), (later_ra, later_dec, _) = (sky_of(bodies, mjd + step) for step in (-_STEP / 2, _STEP / 2))
    turn = (later_ra - ra + 180.0) % 360.0 - 180.0
    return turn * np.cos(np.radians(dec)) / _STEP, (later_dec - dec) / _STEP
