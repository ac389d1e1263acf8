"""A tracklet: sightings of one night that move evenly along a great circle."""

import math
from collections.abc import Sequence

from attrs import frozen

from domain.results.sources import DiaSource

__all__ = ["Residual", "Tracklet", "ab_magnitude"]


@frozen(kw_only=True)
class Residual:
    """How far a sighting is off the even motion."""

    east: float
    """Arcseconds on the sky."""
    north: float
    """Arcseconds on the sky."""

    @property
    def size(self) -> float:
        """Arcseconds."""
        return math.hypot(self.east, self.north)


@frozen(kw_only=True)
class Tracklet:
    """Sightings of something that moves, in the order of time, at most one of each exposure."""

    sightings: tuple[DiaSource, ...]
    residuals: tuple[Residual, ...]
    """One of each sighting."""
    mjd: float
    """In the middle, days TAI."""
    ra: float
    """At that time, degrees ICRS."""
    dec: float
    """At that time, degrees ICRS."""
    rate: float
    """Arcseconds a minute."""
    position_angle: float
    """Of the motion, degrees from north through east."""
    chi_squared: float
    """Of the fit, for each degree of freedom; 0 of two sightings, which fit always."""
    by_chance: float
    """How many tracklets as good as this one a night as crowded as this one has by chance."""

    @property
    def identifier(self) -> int:
        """That of its first sighting."""
        return self.sightings[0].source_id

    @property
    def rms(self) -> float:
        """Of the residuals, arcseconds."""
        return math.sqrt(sum(one.size**2 for one in self.residuals) / len(self.residuals))

    @property
    def strongest(self) -> DiaSource:
        """The sighting with the highest signal to noise."""
        return max(self.sightings, key=lambda one: (one.snr, -one.source_id))

    @property
    def arc(self) -> float:
        """Minutes from the first sighting to the last."""
        return (self.sightings[-1].mjd - self.sightings[0].mjd) * 1440.0

    @property
    def magnitude(self) -> float:
        """AB, of the mean flux of the differences: all that a mover shines is new where it is."""
        return ab_magnitude([one.flux for one in self.sightings])


def ab_magnitude(fluxes: Sequence[float]) -> float:
    """Give the AB magnitude of the mean of fluxes in nJy; NaN if that is not positive."""
    mean = sum(fluxes) / len(fluxes)
    return 31.4 - 2.5 * math.log10(mean) if mean > 0 else math.nan
