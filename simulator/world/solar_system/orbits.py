"""A mover's orbit as the Minor Planet Center would publish it."""

import datetime

import numpy as np

from simulator.world.arrays import Floats
from simulator.world.solar_system.movers import GM_SUN, Movers

__all__ = ["brightest_near", "mpcorb_line"]

_OBLIQUITY = np.radians(84381.448 / 3600)
"""Of the ecliptic that elements refer to, J2000 (IAU 1976)."""
_TT_FROM_TAI = 32.184
_DAY = 86_400.0
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def brightest_near(movers: Movers, place: tuple[float, float], radius: float, band: str) -> int:
    """Find the brightest mover within a radius of a place at the epoch, degrees; if none is, the closest.

    Returns
    -------
    index
        Among the movers, of which there must be one.
    """
    ra, dec = movers.sky(movers.epoch)
    apart = np.hypot((ra - place[0]) * np.cos(np.radians(place[1])), dec - place[1])
    flux = np.where(apart < radius, movers.brightness[band], 0.0)
    return int(np.argmax(flux) if flux.any() else np.argmin(apart))


def mpcorb_line(movers: Movers, index: int, designation: str, band: str) -> str:
    """Write a mover as a line of MPCORB, for the day of the movers' epoch.

    Parameters
    ----------
    movers, index
        Which.
    designation
        Packed.
    band
        In which its magnitude is that of the line.
    """
    # Elements are for the beginning of a day TT.
    day = int((movers.epoch + _TT_FROM_TAI) // _DAY)
    days = np.full(movers.number.shape, (day * _DAY - _TT_FROM_TAI - movers.epoch) / _DAY)
    position, velocity = (one[index] for one in movers.states(days))
    m, perihelion, node, inclination, e, axis = _elements(position, velocity)
    date = datetime.date(1970, 1, 1) + datetime.timedelta(day)
    epoch = f"{_DIGITS[date.year // 100]}{date.year % 100:02d}{_DIGITS[date.month]}{_DIGITS[date.day]}"
    magnitude = _absolute(movers, index, band, position)
    motion = np.degrees(np.sqrt(GM_SUN / axis**3))
    return (
        f"{designation:<7} {magnitude:5.2f}  0.15 {epoch} {m:9.5f}  {perihelion:9.5f}  {node:9.5f}"
        f"  {inclination:9.5f}  {e:9.7f} {motion:11.8f} {axis:11.7f}  0"
    )


def _elements(position: Floats, velocity: Floats) -> tuple[float, ...]:
    """Turn place and velocity into mean anomaly, perihelion, node, inclination (degrees), e and a."""
    c, s = np.cos(_OBLIQUITY), np.sin(_OBLIQUITY)
    turn = np.array([[1, 0, 0], [0, c, s], [0, -s, c]])
    r, v = turn @ position, turn @ velocity
    distance = float(np.linalg.norm(r))
    pole = np.cross(r, v)
    towards = np.cross(v, pole) / GM_SUN - r / distance
    e = float(np.linalg.norm(towards))
    axis = 1 / (2 / distance - float(v @ v) / GM_SUN)
    node = np.array([-pole[1], pole[0], 0.0])
    up = pole / np.linalg.norm(pole)
    perihelion = np.arctan2(np.cross(node, towards) @ up, node @ towards)
    anomaly = np.arctan2(float(r @ v) / np.sqrt(GM_SUN * axis), 1 - distance / axis)
    angles = (anomaly - e * np.sin(anomaly), perihelion, np.arctan2(node[1], node[0]), np.arccos(up[2]))
    return (*(float(np.degrees(one) % 360.0) for one in angles), e, axis)


def _absolute(movers: Movers, index: int, band: str, position: Floats) -> float:
    """Give H for the slope 0.15, of what shines as brightly as the mover at the epoch."""
    apparent = 31.4 - 2.5 * np.log10(movers.brightness[band][index])
    earth = movers.earth()
    r, delta = np.linalg.norm(position), np.linalg.norm(position - earth)
    cosine = (r**2 + delta**2 - earth @ earth) / (2 * r * delta)
    half = np.tan(np.arccos(np.clip(cosine, -1, 1)) / 2)
    phase = 0.85 * np.exp(-3.33 * half**0.63) + 0.15 * np.exp(-1.87 * half**1.22)
    return float(apparent - 5 * np.log10(r * delta) + 2.5 * np.log10(phase))
