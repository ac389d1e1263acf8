"""Orbits against Newton's law, solved in another way."""

import numpy as np
import pytest
from astropy.coordinates import SkyCoord, get_body_barycentric
from astropy.time import Time
from scipy.integrate import solve_ivp

from domain.times import TaiSeconds
from simulator.world.arrays import Floats
from simulator.world.solar_system.movers import make_movers
from simulator.world.stars import Patch

EPOCH = TaiSeconds(1_795_000_000.0)
DAY = 86_400.0
GM_SUN = 0.01720209895**2  # Gauss's constant
MOVERS = make_movers(
    np.random.default_rng(1), Patch(ra=60.0, dec=20.0, radius=1.0), ("r",), count=20, first=1, epoch=EPOCH
)


def days(value: float) -> Floats:
    return np.full(20, value)


@pytest.mark.parametrize("span", [-200.0, 0.01, 3.0, 400.0])
def test_orbits_obey_newtons_law(span: float) -> None:
    def law(_: float, state: Floats) -> Floats:
        place = state[:3]
        return np.concatenate([state[3:], -GM_SUN * place / np.linalg.norm(place) ** 3])

    there = MOVERS.heliocentric(days(span))
    for number in range(5):
        start = np.concatenate([MOVERS.position[number], MOVERS.velocity[number]])
        solution = solve_ivp(law, (0.0, span), start, rtol=1e-11, atol=1e-13)
        assert there[number] == pytest.approx(solution.y[:3, -1], abs=1e-7)


def test_orbits_are_ellipses_that_close() -> None:
    energy = np.sum(MOVERS.velocity**2, axis=1) / 2 - GM_SUN / np.linalg.norm(MOVERS.position, axis=1)
    assert (energy < 0).all()
    period = 2 * np.pi * np.sqrt((-GM_SUN / (2 * energy)) ** 3 / GM_SUN)
    assert MOVERS.heliocentric(period) == pytest.approx(MOVERS.position, abs=1e-7)


def test_orbits_are_like_asteroids() -> None:
    axis = np.cross(MOVERS.position, MOVERS.velocity)
    pole = np.array([0.0, -np.sin(np.radians(23.4393)), np.cos(np.radians(23.4393))])
    inclination = np.degrees(np.arccos(axis @ pole / np.linalg.norm(axis, axis=1)))
    assert np.median(inclination) < 15
    assert inclination.max() < 40


def test_they_move_across_the_sky_as_asteroids_do_and_bend() -> None:
    places = [SkyCoord(*MOVERS.sky(TaiSeconds(EPOCH + day * DAY)), unit="deg") for day in (0.0, 1.0, 2.0)]
    rate = places[0].separation(places[1]).deg
    assert (rate > 0.01).all()
    assert (rate < 2.0).all()
    # The path is the Earth's motion as well as theirs: no straight line, but a smooth one.
    second = places[1].separation(places[2]).deg
    assert (np.abs(second / rate - 1) < 0.2).all()
    assert (np.abs(second / rate - 1) > 1e-6).all()


def test_they_are_seen_where_they_were_when_the_light_left() -> None:
    instant = TaiSeconds(EPOCH + 5 * DAY)
    time = Time(instant, format="unix_tai", scale="tai")
    earth, sun = get_body_barycentric("earth", time), get_body_barycentric("sun", time)
    observer = (earth - sun).xyz.to_value("au")
    ra, dec = MOVERS.sky(instant)
    for number in range(20):

        def seen_from(delay: float, one: int = number) -> Floats:
            return np.asarray(MOVERS.heliocentric(days(5.0 - delay))[one] - observer)

        delay = 0.0
        for _ in range(5):
            delay = float(np.linalg.norm(seen_from(delay))) * 499.004784 / DAY  # s, of light over 1 au
        x, y, z = seen_from(delay)
        place = SkyCoord(x, y, z, representation_type="cartesian").spherical
        assert ra[number] == pytest.approx(place.lon.deg, abs=1e-8)
        assert dec[number] == pytest.approx(place.lat.deg, abs=1e-8)
