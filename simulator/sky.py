"""The simulated sky: what there is, where it is and how bright, at any time."""

from collections.abc import Mapping, Sequence

import numpy as np
from attrs import field, frozen

from simulator.arrays import Floats, Integers
from simulator.errors import SimulatorError
from simulator.photometry import flux_from_magnitude

__all__ = ["PointSources", "Sky", "Stars", "make_sky", "make_stars"]

_BRIGHTEST, _FAINTEST = 16.5, 23.5
"""AB magnitudes of stars: from the saturation of a 15 s exposure to its detection limit."""
_COUNTS_SLOPE = 0.3
"""Of the logarithm of star counts by magnitude, about that of the Galactic halo at these magnitudes."""
_COLOUR_SCATTER = 0.4
"""Magnitudes by which a star's bands differ, one standard deviation."""


@frozen(kw_only=True, eq=False)
class PointSources:
    """What can be seen at one time in one band: columns of equal length."""

    number: Integers
    """Unique over the whole sky and all kinds."""
    ra: Floats
    """Degrees ICRS."""
    dec: Floats
    """Degrees ICRS."""
    flux: Floats
    """nJy, above the atmosphere."""


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


@frozen(kw_only=True, eq=False)
class Sky:
    """Everything in a patch of sky.

    The same object gives the images and the truth to compare them with.
    """

    centre: tuple[float, float]
    """Right ascension and declination, degrees ICRS."""
    radius: float
    """Degrees; there is nothing beyond."""
    stars: Stars
    bands: tuple[str, ...] = field(init=False)

    @bands.default
    def _bands(self) -> tuple[str, ...]:
        return tuple(self.stars.flux)

    def sources(self, band: str) -> PointSources:
        """List what can be seen in a band.

        Raises
        ------
        SimulatorError
            Raised if the sky knows nothing of the band.
        """
        if band not in self.stars.flux:
            raise SimulatorError(f"the simulated sky has no band {band!r}, only {', '.join(self.bands)}")
        stars = self.stars
        return PointSources(number=stars.number, ra=stars.ra, dec=stars.dec, flux=stars.flux[band])


def make_sky(
    centre: tuple[float, float],
    radius: float,
    bands: Sequence[str],
    *,
    seed: int,
    density: float = 100_000.0,
) -> Sky:
    """Fill a patch of sky; the same arguments give the same sky.

    Parameters
    ----------
    centre
        Right ascension and declination, degrees ICRS.
    radius
        Degrees.
    bands
        In which anything has a flux.
    seed
        Of all that is random.
    density
        Stars per square degree. The default puts some 80 of them on the
        1.7 arcminutes of a small sensor.
    """
    generator = np.random.default_rng([seed, 0])
    stars = make_stars(generator, centre, radius, bands, density=density)
    return Sky(centre=centre, radius=radius, stars=stars)


def make_stars(
    generator: np.random.Generator,
    centre: tuple[float, float],
    radius: float,
    bands: Sequence[str],
    *,
    density: float,
) -> Stars:
    """Scatter stars evenly over a cap of the sky.

    Parameters
    ----------
    generator
        Of all that is random.
    centre, radius
        The cap, degrees.
    bands
        In which stars have a flux.
    density
        Stars per square degree.
    """
    cap = 2 * np.pi * (1 - np.cos(np.radians(radius))) * np.degrees(1) ** 2
    count = int(generator.poisson(density * cap))
    ra, dec = scatter(generator, centre, radius, count)
    # Counts grow as 10^(slope * magnitude): the inverse of that distribution.
    low, high = 10 ** (_COUNTS_SLOPE * np.array([_BRIGHTEST, _FAINTEST]))
    magnitude = np.log10(generator.uniform(low, high, count)) / _COUNTS_SLOPE
    flux = {
        band: np.asarray(flux_from_magnitude(magnitude + generator.normal(0.0, _COLOUR_SCATTER, count)))
        for band in bands
    }
    return Stars(number=np.arange(1, count + 1), ra=ra, dec=dec, flux=flux)


def scatter(
    generator: np.random.Generator, centre: tuple[float, float], radius: float, count: int
) -> tuple[Floats, Floats]:
    """Draw points evenly over a cap of the sky.

    Parameters
    ----------
    generator
        Of all that is random.
    centre, radius
        The cap, degrees.
    count
        How many.

    Returns
    -------
    ra, dec
        Degrees.
    """
    depth = generator.uniform(np.cos(np.radians(radius)), 1.0, count)
    around = generator.uniform(0.0, 2 * np.pi, count)
    off = np.sqrt(1 - depth**2)
    # About the north pole first, then the pole is brought to the centre.
    lat0 = np.radians(centre[1])
    x = depth * np.cos(lat0) - off * np.cos(around) * np.sin(lat0)
    y = off * np.sin(around)
    z = depth * np.sin(lat0) + off * np.cos(around) * np.cos(lat0)
    return (centre[0] + np.degrees(np.arctan2(y, x))) % 360.0, np.degrees(np.arcsin(z))
