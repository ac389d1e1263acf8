"""Stars: where they are on the sky, and how bright."""

from collections.abc import Mapping, Sequence

import numpy as np
from attrs import frozen

from simulator.world.arrays import Floats, Integers
from simulator.world.photometry import flux_from_magnitude

__all__ = ["Patch", "Stars", "colours", "make_stars", "scatter"]

_BRIGHTEST, _FAINTEST = 16.5, 23.5
"""AB magnitudes: from the saturation of a 15 s exposure to its detection limit."""
_COUNTS_SLOPE = 0.3
"""Of the logarithm of star counts by magnitude, about that of the Galactic halo at these magnitudes."""
_COLOUR_SCATTER = 0.4
"""Magnitudes by which a star's bands differ, one standard deviation."""


@frozen(kw_only=True)
class Patch:
    """A round piece of sky."""

    ra: float
    """Degrees ICRS, of its centre."""
    dec: float
    """Degrees ICRS, of its centre."""
    radius: float
    """Degrees."""

    @property
    def area(self) -> float:
        """Square degrees."""
        return float(2 * np.pi * (1 - np.cos(np.radians(self.radius))) * np.degrees(1) ** 2)


@frozen(kw_only=True, eq=False)
class Stars:
    """Stars that neither move nor vary: columns of equal length."""

    number: Integers
    ra: Floats
    """Degrees ICRS."""
    dec: Floats
    """Degrees ICRS."""
    flux: Mapping[str, Floats]
    """nJy, by band."""


def make_stars(
    generator: np.random.Generator, patch: Patch, bands: Sequence[str], *, count: int, first: int
) -> Stars:
    """Scatter stars evenly over a patch of sky.

    Parameters
    ----------
    generator
        Of all that is random.
    patch
        Where.
    bands
        In which stars have a flux.
    count
        How many.
    first
        Number of the first of them.
    """
    ra, dec = scatter(generator, patch, count)
    # Counts grow as 10^(slope * magnitude): the inverse of that distribution.
    low, high = 10 ** (_COUNTS_SLOPE * np.array([_BRIGHTEST, _FAINTEST]))
    magnitude = np.log10(generator.uniform(low, high, count)) / _COUNTS_SLOPE
    flux = colours(generator, magnitude, bands)
    return Stars(number=np.arange(first, first + count), ra=ra, dec=dec, flux=flux)


def colours(generator: np.random.Generator, magnitude: Floats, bands: Sequence[str]) -> dict[str, Floats]:
    """Draw fluxes in nJy for each band, about a magnitude common to all."""
    return {
        band: flux_from_magnitude(magnitude + generator.normal(0.0, _COLOUR_SCATTER, magnitude.size))
        for band in bands
    }


def scatter(generator: np.random.Generator, patch: Patch, count: int) -> tuple[Floats, Floats]:
    """Draw points evenly over a patch of sky.

    Returns
    -------
    ra, dec
        Degrees ICRS, shape (count,).
    """
    depth = generator.uniform(np.cos(np.radians(patch.radius)), 1.0, count)
    around = generator.uniform(0.0, 2 * np.pi, count)
    off = np.sqrt(1 - depth**2)
    # About the north pole first, then the pole is brought to the centre.
    lat0 = np.radians(patch.dec)
    x = depth * np.cos(lat0) - off * np.cos(around) * np.sin(lat0)
    y = off * np.sin(around)
    z = depth * np.sin(lat0) + off * np.cos(around) * np.cos(lat0)
    return (patch.ra + np.degrees(np.arctan2(y, x))) % 360.0, np.degrees(np.arcsin(z))
