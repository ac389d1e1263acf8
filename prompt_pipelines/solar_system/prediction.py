"""Which known bodies are near a place at a time, and on what way.

The table is that of Rubin's `lsst.ap.association` (``preloaded_SsObjects``): Chebyshev coefficients of the
bodies' and the observer's places, in au, in days since ``tmin``; bodies stand where their light left them.
"""

from typing import cast

import numpy as np
from astropy.table import Table
from astropy.time import Time
from attrs import frozen
from lsst.pipe.base.utils import RegionTimeInfo
from lsst.sphgeom import LonLat, Region
from numpy.polynomial import chebyshev

from prompt_pipelines.arrays import Floats
from prompt_pipelines.camera import ObservatoryDict
from prompt_pipelines.solar_system.designations import BadDesignationError, packed, ss_object_id
from prompt_pipelines.solar_system.ephemeris import (
    GM_SUN,
    LIGHT,
    Planets,
    elliptic,
    from_centre,
    open_planets,
    perturbed,
)
from prompt_pipelines.solar_system.orbits import Orbits, load_orbits

__all__ = ["View", "body_table", "covers", "no_bodies", "predict", "seen_from", "sky_of"]

_BEFORE_AND_AFTER = 0.03
"""Days that a prediction holds before and after the exposure was announced to be."""
_DEGREE = 6
_NODES = 9
_TT_FROM_TAI = 32.184 / 86_400.0
_SUN, _EARTH = 10, 399
_NEAR = 0.05  # degrees that two-body motion, light time and parallax are off, within days
_DRIFT = 0.3  # degrees a year that two-body motion is off
_EARTH_RADIUS = 4.3e-5  # au
_LEAST_ERROR = 2.0  # arcseconds, as Rubin takes
_LARGEST_ERROR = 30.0
_YEAR = 365.25
_STEP = 1e-3  # days


@frozen(kw_only=True)
class View:
    """Where and when a detector looks."""

    ra: float
    """Degrees ICRS, of the middle."""
    dec: float
    radius: float
    """Degrees."""
    begin: float
    """MJD TAI."""
    end: float

    @property
    def middle(self) -> float:
        """MJD TAI."""
        return (self.begin + self.end) / 2.0

    @property
    def held(self) -> tuple[float, float]:
        """From when until when a prediction for it holds, MJD TAI."""
        return self.begin - _BEFORE_AND_AFTER, self.end + _BEFORE_AND_AFTER

    @classmethod
    def of_region(cls, region: Region, begin: float, end: float) -> "View":
        """Make the view of a region of the sky."""
        circle = region.getBoundingCircle()
        centre = LonLat(circle.getCenter())
        return cls(
            ra=centre.getLon().asDegrees(),
            dec=centre.getLat().asDegrees(),
            radius=circle.getOpeningAngle().asDegrees(),
            begin=begin,
            end=end,
        )

    @classmethod
    def announced(cls, told: RegionTimeInfo) -> "View":
        """Make the view of an image that is to come."""
        begin, end = (cast(Time, one).tai.mjd for one in (told.timespan.begin, told.timespan.end))
        return cls.of_region(told.region, float(begin), float(end))


def predict(path: str, view: View) -> Table:
    """List the bodies of a file of orbits that are within a view, as seen from the centre of the Earth.

    Raises
    ------
    OrbitsError
        Raised if the file cannot be read.
    EphemerisError
        Raised if the packages for it are not installed.
    """
    planets = open_planets()
    orbits = _near(load_orbits(path), view, planets)
    begin, end = view.held
    width = end - begin
    days = width * (0.5 - 0.5 * np.cos(np.pi * np.arange(_NODES) / (_NODES - 1)))
    times = [begin + float(one) for one in days]
    observer = np.array([planets.state(_EARTH, one + _TT_FROM_TAI)[0] for one in times])
    place, velocity = perturbed(orbits, [one + _TT_FROM_TAI for one in times], planets)
    sun = np.array([planets.state(_SUN, one + _TT_FROM_TAI)[0] for one in times])[:, None]
    place = _when_light_left(place, velocity, observer[:, None], sun)
    middle = _NODES // 2
    magnitude = _magnitude(
        orbits, (place - sun)[middle], (place - observer[:, None])[middle], observer[middle] - sun[middle, 0]
    )
    age = np.abs(view.middle - orbits.epoch) / _YEAR
    table = body_table(
        designation=orbits.designation,
        identifiers=_identifiers(orbits),
        magnitude=magnitude,
        error=np.clip(_LEAST_ERROR + orbits.runoff * age / 10.0, None, _LARGEST_ERROR),
        span=(begin, end),
        objects=np.moveaxis(_fitted(days, place), 0, -1),
        observer=_fitted(days, observer).T,
    )
    table.meta["geocentric"] = True
    return _within(table, view)


def seen_from(bodies: Table, observatory: ObservatoryDict, mjd: float) -> Table:
    """Move what was predicted for the Earth's centre to an observatory.

    Parameters
    ----------
    bodies
        As `predict` makes them.
    observatory
        Where to.
    mjd
        TAI; the result is good for some minutes around it.
    """
    moved = bodies.copy()
    before, after = (from_centre(mjd + step, observatory) for step in (-_STEP, _STEP))
    rate = (after - before) / (2.0 * _STEP)
    for axis, name in enumerate("xyz"):
        coefficients = np.array(moved[f"obs_{name}_poly"], dtype=float)
        days = mjd - np.asarray(moved["tmin"], dtype=float)
        coefficients[:, 0] += (before[axis] + after[axis]) / 2.0 - rate[axis] * days
        coefficients[:, 1] += rate[axis]
        moved[f"obs_{name}_poly"] = coefficients
    moved.meta["geocentric"] = False
    return moved


def body_table(
    *,
    designation: np.ndarray,
    identifiers: np.ndarray,
    magnitude: Floats,
    error: Floats,
    span: tuple[float, float],
    objects: Floats,
    observer: Floats,
) -> Table:
    """Make the table of bodies.

    Parameters
    ----------
    designation, identifiers, magnitude, error
        Of each body; arcseconds.
    span
        MJD TAI from which and until which coefficients hold.
    objects, observer
        Coefficients, shapes (bodies, 3, n) and (3, n).
    """
    count = len(designation)
    columns: dict[str, object] = {
        "ObjID": np.asarray(designation, dtype=str) if count else np.array([], dtype="U8"),
        "ssObjectId": np.asarray(identifiers, dtype=np.int64),
        "tmin": np.full(count, span[0]),
        "tmax": np.full(count, span[1]),
        "trailedSourceMagTrue": np.asarray(magnitude, dtype=float),
        "Err(arcsec)": np.asarray(error, dtype=float),
    }
    for axis, name in enumerate("xyz"):
        columns[f"obj_{name}_poly"] = objects[:, axis]
        columns[f"obs_{name}_poly"] = np.tile(observer[axis], (count, 1))
    table = Table(columns, meta={"begin": span[0], "end": span[1]})
    ra, dec, _ = sky_of(table, (span[0] + span[1]) / 2.0)
    table["ra"], table["dec"] = ra, dec
    return table


def no_bodies(view: View) -> Table:
    """Make a table without bodies, which holds as long as one with some."""
    none, nothing = np.zeros(0), np.zeros((0, 3, _DEGREE + 1))
    return body_table(
        designation=none, identifiers=none, magnitude=none, error=none, span=view.held,
        objects=nothing, observer=np.zeros((3, _DEGREE + 1)),
    )  # fmt: skip


def covers(bodies: Table | None, mjd: float) -> bool:
    """Tell whether a prediction holds at a time, MJD TAI; Rubin's, without bodies, does not say."""
    if bodies is None:
        return False
    begin, end = bodies.meta.get("begin"), bodies.meta.get("end")
    if begin is None and len(bodies):
        begin, end = float(bodies["tmin"][0]), float(bodies["tmax"][0])
    return begin is not None and end is not None and begin <= mjd <= end


def sky_of(bodies: Table, mjd: float) -> tuple[Floats, Floats, Floats]:
    """Find where bodies are seen.

    Parameters
    ----------
    bodies
        As `predict` makes them.
    mjd
        TAI.

    Returns
    -------
    ra, dec, distance
        Degrees ICRS, and au from the observer.
    """
    days = mjd - np.asarray(bodies["tmin"], dtype=float)
    x, y, z = (
        _value(bodies[f"obj_{name}_poly"], days) - _value(bodies[f"obs_{name}_poly"], days) for name in "xyz"
    )
    return (
        np.degrees(np.arctan2(y, x)) % 360.0,
        np.degrees(np.arctan2(z, np.hypot(x, y))),
        np.sqrt(x**2 + y**2 + z**2),
    )


def _value(coefficients: object, days: Floats) -> Floats:
    return np.asarray(
        chebyshev.chebval(days, np.atleast_2d(np.asarray(coefficients, dtype=float)).T, tensor=False)
    )


def _fitted(days: Floats, places: Floats) -> Floats:
    flat = chebyshev.chebfit(days, places.reshape(len(days), -1), _DEGREE)
    return np.asarray(flat.reshape(_DEGREE + 1, *places.shape[1:]))


def _near(orbits: Orbits, view: View, planets: Planets) -> Orbits:
    """Take the orbits that may be in the view, by their motion about the Sun alone."""
    tt = np.full(len(orbits), view.middle + _TT_FROM_TAI)
    place, velocity = elliptic(orbits, tt)
    earth, sun = planets.state(_EARTH, tt[0]), planets.state(_SUN, tt[0])
    seen = place - (earth[0] - sun[0])
    distance = np.linalg.norm(seen, axis=1)
    lon, lat = np.radians(view.ra), np.radians(view.dec)
    towards = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    apart = np.degrees(np.arccos(np.clip(seen @ towards / distance, -1.0, 1.0)))
    moved = np.linalg.norm(velocity - (earth[1] - sun[1]), axis=1) * (
        _BEFORE_AND_AFTER + view.end - view.begin
    )
    margin = _NEAR + _DRIFT * np.abs(tt - orbits.epoch) / _YEAR
    return orbits.take(apart < view.radius + margin + np.degrees((_EARTH_RADIUS + moved) / distance))


def _within(table: Table, view: View) -> Table:
    lat = np.radians(view.dec)
    ra, dec = np.radians(table["ra"] - view.ra), np.radians(table["dec"])
    cosine = np.sin(dec) * np.sin(lat) + np.cos(dec) * np.cos(lat) * np.cos(ra)
    apart = np.degrees(np.arccos(np.clip(np.asarray(cosine, dtype=float), -1.0, 1.0)))
    return table[apart < view.radius + np.asarray(table["Err(arcsec)"], dtype=float) / 3600.0 + _NEAR]


def _when_light_left(place: Floats, velocity: Floats, observer: Floats, sun: Floats) -> Floats:
    heliocentric = place - sun
    pull = -GM_SUN * heliocentric / np.linalg.norm(heliocentric, axis=-1, keepdims=True) ** 3
    left = place
    for _ in range(3):
        ago = np.linalg.norm(left - observer, axis=-1, keepdims=True) / LIGHT
        left = place - velocity * ago + 0.5 * pull * ago**2
    return left


def _magnitude(orbits: Orbits, from_sun: Floats, from_observer: Floats, observer: Floats) -> Floats:
    """Give V by the IAU's system of H and G (Bowell et al. 1989)."""
    r, delta = np.linalg.norm(from_sun, axis=-1), np.linalg.norm(from_observer, axis=-1)
    cosine = (r**2 + delta**2 - observer @ observer) / (2.0 * r * delta)
    half = np.tan(np.arccos(np.clip(cosine, -1.0, 1.0)) / 2.0)
    phases = [np.exp(-a * half**b) for a, b in ((3.33, 0.63), (1.87, 1.22))]
    phase = (1.0 - orbits.slope) * phases[0] + orbits.slope * phases[1]
    return np.asarray(orbits.magnitude + 5.0 * np.log10(r * delta) - 2.5 * np.log10(np.maximum(phase, 1e-9)))


def _identifiers(orbits: Orbits) -> np.ndarray:
    return np.array([_identifier(str(one)) for one in orbits.designation], dtype=np.int64)


def _identifier(designation: str) -> int:
    try:
        return ss_object_id(packed(designation))
    except BadDesignationError:
        return 0
