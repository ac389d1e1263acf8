"""Even motion along a great circle, fitted to positions."""

from collections.abc import Sequence
from typing import Self

import numpy as np
import numpy.typing as npt
from attrs import frozen

from domain.results.sources import DiaSource

__all__ = ["ARCSEC", "Motion", "Places", "unit_vectors"]

type Floats = npt.NDArray[np.float64]

ARCSEC = 180.0 * 3600.0 / np.pi
"""In a radian."""


@frozen(kw_only=True, eq=False)
class Places:
    """Sightings as columns of equal length."""

    vectors: Floats
    """On the unit sphere, shape (n, 3)."""
    days: Floats
    """MJD TAI."""
    errors: Floats
    """Arcseconds, in each direction."""
    visits: npt.NDArray[np.int64]

    @classmethod
    def of(cls, sources: Sequence[DiaSource], floor: float, unknown: float) -> Self:
        """Take the columns of sources.

        Parameters
        ----------
        sources
            In the order of the columns.
        floor
            Arcseconds that no position is better than, whatever its noise.
        unknown
            Arcseconds of positions without an error.
        """
        known = np.array([[one.ra_err, one.dec_err] for one in sources]).reshape(-1, 2).max(axis=1) * 3600.0
        noise = np.where(np.isfinite(known), known, unknown)
        return cls(
            vectors=unit_vectors([one.ra for one in sources], [one.dec for one in sources]),
            days=np.array([one.mjd for one in sources], float),
            errors=np.hypot(noise, floor),
            visits=np.array([one.visit for one in sources], np.int64),
        )


def unit_vectors(ra: Sequence[float], dec: Sequence[float]) -> Floats:
    """Turn degrees into vectors, shape (n, 3)."""
    east, north = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=-1)


@frozen(kw_only=True, eq=False)
class Motion:
    """A fit.

    Positions are offsets from the middle of the arc at their true distances and directions from it, where a
    great circle through the middle is a straight line at a constant rate.
    """

    middle: Floats
    """Unit vector."""
    epoch: float
    """MJD TAI."""
    start: Floats
    """East and north at the epoch, arcseconds."""
    rate: Floats
    """East and north, arcseconds a day."""
    spread: tuple[float, float]
    """Errors of both in each direction, arcseconds and arcseconds a day; independent at the epoch."""
    chi_squared: float
    """The sum."""
    still: float
    """The sum for one that stands still."""

    @classmethod
    def fit(cls, places: Places, members: npt.NDArray[np.int64]) -> Self:
        """Fit two sightings or more, of different times."""
        vectors, days = places.vectors[members], places.days[members]
        weights = places.errors[members] ** -2.0
        total = weights.sum()
        middle = vectors.sum(axis=0)
        middle /= np.linalg.norm(middle)
        epoch = float(weights @ days / total)
        offsets, elapsed = _offsets(middle, vectors), days - epoch
        lever = float(weights @ elapsed**2)
        start = weights @ offsets / total
        rate = (weights * elapsed) @ offsets / lever
        off = offsets - start - elapsed[:, None] * rate
        still = offsets - start
        return cls(
            middle=middle,
            epoch=epoch,
            start=start,
            rate=rate,
            spread=(float(total**-0.5), float(lever**-0.5)),
            chi_squared=float(weights @ (off**2).sum(axis=1)),
            still=float(weights @ (still**2).sum(axis=1)),
        )

    def residuals(self, places: Places) -> Floats:
        """Tell how far places are off, east and north in arcseconds, shape (n, 2)."""
        elapsed = (places.days - self.epoch)[:, None]
        return _offsets(self.middle, places.vectors) - self.start - elapsed * self.rate

    def errors(self, places: Places) -> Floats:
        """Tell how exactly it is known where this is at the times of places, arcseconds in each direction."""
        start, rate = self.spread
        return np.hypot(start, rate * (places.days - self.epoch))

    def position(self) -> tuple[float, float]:
        """Give RA and Dec at the epoch, degrees ICRS."""
        east, north = _axes(self.middle)
        there = self.middle + (self.start[0] * east + self.start[1] * north) / ARCSEC
        x, y, z = there / np.linalg.norm(there)
        return float(np.degrees(np.arctan2(y, x)) % 360.0), float(np.degrees(np.arcsin(z)))


def _axes(middle: Floats) -> tuple[Floats, Floats]:
    """Give the directions of east and north; at a pole those of RA 0."""
    x, y, z = middle
    ra = np.arctan2(y, x)
    sine, cosine = np.sin(ra), np.cos(ra)
    return np.array([-sine, cosine, 0.0]), np.array([-z * cosine, -z * sine, x * cosine + y * sine])


def _offsets(middle: Floats, vectors: Floats) -> Floats:
    east, north = _axes(middle)
    plane = np.stack([vectors @ east, vectors @ north], axis=-1)
    sine = np.linalg.norm(plane, axis=-1)
    angle = np.arctan2(sine, vectors @ middle)
    stretched = np.divide(angle, sine, out=np.ones_like(sine), where=sine > 0)
    return plane * stretched[:, None] * ARCSEC
