"""Bodies of the Solar System on true orbits about the Sun."""

from collections.abc import Mapping, Sequence

import astropy.units as u
import numpy as np
from astropy.coordinates import get_body_barycentric, solar_system_ephemeris
from astropy.time import Time
from attrs import frozen

from domain.times import TaiSeconds
from simulator.world.arrays import Floats, Integers
from simulator.world.stars import Patch, colours, scatter

__all__ = ["GM_SUN", "Movers", "make_movers"]

GM_SUN = 2.9591220828559093e-4
"""au^3 / day^2: the square of Gauss's constant."""
_LIGHT = 173.1446326847
"""au / day."""
_DAY = 86_400.0
_OBLIQUITY = np.radians(84381.406 / 3600)
"""Of the ecliptic at J2000 (IAU 2006)."""
_MAGNITUDES = (18.5, 21.5)
_DISTANCES = (0.8, 2.5)  # au, from the Earth
_SPEEDS = (0.9, 1.05)  # of that on a circle: ellipses, eccentricities to 0.2
_INCLINATIONS = 8.0  # degrees, one standard deviation, as in the main belt
_ROUNDS = 10  # of Newton's method; orbits are nearly round and steps short


@frozen(kw_only=True, eq=False)
class Movers:
    """Asteroids, each by place and velocity at the epoch: columns of equal length."""

    number: Integers
    position: Floats
    """au from the Sun, ICRS axes, shape (n, 3)."""
    velocity: Floats
    """au a day, ICRS axes, shape (n, 3)."""
    brightness: Mapping[str, Floats]
    """nJy, by band; they neither spin nor wax."""
    epoch: TaiSeconds

    def heliocentric(self, days: Floats) -> Floats:
        """Follow the orbits.

        Parameters
        ----------
        days
            From the epoch, shape (n,).

        Returns
        -------
        position
            au from the Sun, ICRS axes, shape (n, 3).
        """
        return self.states(days)[0]

    def states(self, days: Floats) -> tuple[Floats, Floats]:
        """Follow the orbits, as `heliocentric` does; gives places and velocities, au a day."""
        return _follow(self.position, self.velocity, days)

    def earth(self) -> Floats:
        """Give the Earth's place at the epoch, au from the Sun, ICRS axes."""
        return _earth(self.epoch)

    def sky(self, instant: TaiSeconds) -> tuple[Floats, Floats]:
        """Find where they are seen from the centre of the Earth.

        Their light's way is allowed for; aberration is left out, as it is the
        same for the stars around them.

        Returns
        -------
        ra, dec
            Degrees ICRS.
        """
        earth = _earth(instant)
        days = np.full(self.number.shape, (instant - self.epoch) / _DAY)
        seen = self.heliocentric(days) - earth
        # Twice is enough: they move 1e-4 of the speed of light.
        for _ in range(2):
            seen = self.heliocentric(days - np.linalg.norm(seen, axis=1) / _LIGHT) - earth
        x, y, z = seen.T
        return np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arctan2(z, np.hypot(x, y)))


def make_movers(
    generator: np.random.Generator,
    patch: Patch,
    bands: Sequence[str],
    *,
    count: int,
    first: int,
    epoch: TaiSeconds,
) -> Movers:
    """Send asteroids through a patch of sky, where they are at the epoch.

    Parameters
    ----------
    generator
        Of all that is random.
    patch
        Where they are at the epoch; those near the ecliptic have likely
        orbits.
    bands
        In which they have a flux.
    count
        How many.
    first
        Number of the first of them.
    epoch
        When.
    """
    ra, dec = np.radians(scatter(generator, patch, count))
    towards = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)
    distance = generator.uniform(*_DISTANCES, count)
    # The light that arrives at the epoch left them there a little earlier.
    seen = _earth(epoch) + distance[:, None] * towards
    position, velocity = _follow(seen, _velocities(generator, seen), distance / _LIGHT)
    return Movers(
        number=np.arange(first, first + count),
        position=position,
        velocity=velocity,
        brightness=colours(generator, generator.uniform(*_MAGNITUDES, count), bands),
        epoch=epoch,
    )


def _velocities(generator: np.random.Generator, position: Floats) -> Floats:
    """Draw velocities of nearly round orbits, eastwards and near the plane of the ecliptic."""
    count = len(position)
    radius = np.linalg.norm(position, axis=1, keepdims=True)
    outwards = position / radius
    pole = np.array([0.0, -np.sin(_OBLIQUITY), np.cos(_OBLIQUITY)])
    eastwards = np.cross(pole, outwards)
    eastwards /= np.linalg.norm(eastwards, axis=1, keepdims=True)
    tilt = np.radians(generator.normal(0.0, _INCLINATIONS, (count, 1)))
    direction = np.cos(tilt) * eastwards + np.sin(tilt) * np.cross(outwards, eastwards)
    return np.asarray(np.sqrt(GM_SUN / radius) * generator.uniform(*_SPEEDS, (count, 1)) * direction)


def _follow(position: Floats, velocity: Floats, days: Floats) -> tuple[Floats, Floats]:
    """Follow elliptic orbits by Lagrange's coefficients.

    Kepler's equation is solved for the change of eccentric anomaly (Battin
    1999, An Introduction to the Mathematics and Methods of Astrodynamics,
    section 4.3).

    Parameters
    ----------
    position, velocity
        au and au a day, shape (n, 3).
    days
        How long, shape (n,).

    Returns
    -------
    position, velocity
        Afterwards.
    """
    start = np.linalg.norm(position, axis=1)
    axis = 1 / (2 / start - np.sum(velocity**2, axis=1) / GM_SUN)
    motion = np.sqrt(GM_SUN / axis**3)
    cosine = 1 - start / axis
    sine = np.sum(position * velocity, axis=1) / np.sqrt(GM_SUN * axis)
    change = motion * days
    for _ in range(_ROUNDS):
        excess = change - cosine * np.sin(change) + sine * (1 - np.cos(change)) - motion * days
        change -= excess / (1 - cosine * np.cos(change) + sine * np.sin(change))
    f = 1 - axis / start * (1 - np.cos(change))
    g = days - (change - np.sin(change)) / motion
    end = axis * (1 - cosine * np.cos(change) + sine * np.sin(change))
    f_rate = -np.sqrt(GM_SUN * axis) / (end * start) * np.sin(change)
    g_rate = 1 - axis / end * (1 - np.cos(change))
    return (
        f[:, None] * position + g[:, None] * velocity,
        f_rate[:, None] * position + g_rate[:, None] * velocity,
    )


def _earth(instant: TaiSeconds) -> Floats:
    """Return the Earth's place in au from the Sun, ICRS axes, by ERFA's own ephemeris."""
    time = Time(instant, format="unix_tai", scale="tai")
    with solar_system_ephemeris.set("builtin"):
        earth, sun = get_body_barycentric("earth", time), get_body_barycentric("sun", time)
    return np.asarray((earth - sun).xyz.to_value(u.au))
