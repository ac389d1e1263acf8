"""Tracklets among sources that are false, fixed or fading."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from domain.movers.linking import LinkChoices, link
from domain.movers.tracklet import Tracklet
from domain.results.sources import DiaSource

_EXPOSURES: Final = 12
_SIDE: Final = 900.0  # arcseconds, of 1 arcsecond a pixel
_BEGIN: Final = 61000.1
_STEP: Final = 0.0125  # days

_seeds = st.integers(0, 2**32 - 1)


class _Sky:
    """Puts sightings around a place."""

    def __init__(self, seed: int, ra: float = 124.6, dec: float = 25.4) -> None:
        self.random = np.random.default_rng(seed)
        self._ra, self._dec = ra, dec
        self.sources: list[DiaSource] = []

    def put(
        self, exposure: int, east: float, north: float, error: float = 0.1, **changes: float
    ) -> DiaSource:
        """See something; offsets in arcseconds, and what is seen is off by its error."""
        x, y = np.array([east, north]) + self.random.normal(0.0, error, 2)
        dec, number = self._dec + y / 3600.0, len(self.sources) + 1
        ra = (self._ra + x / 3600.0 / np.cos(np.radians(dec))) % 360.0
        found = DiaSource(
            source_id=number, object_id=number, visit=100 + exposure, detector=0, band="r",
            mjd=_BEGIN + exposure * _STEP, ra=ra, dec=dec, x=x, y=y, snr=10.0,
            flux=changes.get("flux", 1000.0), flux_err=100.0, science_flux=1000.0,
            ra_err=error / 3600.0, dec_err=error / 3600.0,
        )  # fmt: skip
        self.sources.append(found)
        return found

    def mover(
        self, exposures: Sequence[int], rate: float, angle: float, east: float, north: float
    ) -> set[int]:
        """See one that moves by some arcseconds a minute; gives its sightings."""
        way = np.array([np.sin(angle), np.cos(angle)]) * rate * _STEP * 1440.0
        return {self.put(i, *((east, north) + way * (i - _EXPOSURES / 2))).source_id for i in exposures}

    def noise(self, each: int) -> None:
        for exposure in range(_EXPOSURES):
            for _ in range(self.random.poisson(each)):
                self.put(exposure, *self.random.uniform(-_SIDE / 2, _SIDE / 2, 2))

    def fixed(self, count: int) -> None:
        for _ in range(count):
            place = self.random.uniform(-_SIDE / 2, _SIDE / 2, 2)
            for exposure in np.flatnonzero(self.random.random(_EXPOSURES) < 0.6):
                self.put(int(exposure), *place)


def _members(found: Sequence[Tracklet]) -> list[set[int]]:
    return [{one.source_id for one in each.sightings} for each in found]


@given(_seeds, st.floats(0.05, 2.0), st.floats(0.0, 6.28), st.integers(5, _EXPOSURES))
def test_a_mover_is_found_among_what_is_false_and_what_is_fixed(
    seed: int, rate: float, angle: float, count: int
) -> None:
    sky = _Sky(seed)
    sky.noise(4)
    sky.fixed(6)
    seen = sorted(sky.random.choice(_EXPOSURES, count, replace=False).tolist())
    mover = sky.mover(seen, rate, angle, *sky.random.uniform(-100, 100, 2))
    found = _members(link(sky.sources))
    # One sighting may be taken by chance where something false lies closer to the line.
    assert any(len(each & mover) >= count - 1 and len(each - mover) <= 1 for each in found)


@given(_seeds)
def test_nothing_is_linked_of_what_is_false_or_fixed(seed: int) -> None:
    sky = _Sky(seed)
    sky.noise(6)
    sky.fixed(8)
    # One such night in a hundred has one by chance.
    assert len(link(sky.sources)) <= 1


def test_the_worst_frames_of_a_real_night_have_no_tracklet_by_chance() -> None:
    found: list[Tracklet] = []
    for seed in range(5):
        sky = _Sky(seed)
        sky.noise(20)
        found += link(sky.sources)
    assert found == []


@given(_seeds)
def test_the_order_of_sources_does_not_matter(seed: int) -> None:
    sky = _Sky(seed)
    sky.noise(2)
    for angle in (0.3, 2.0):
        sky.mover(range(_EXPOSURES), 0.3, angle, 0.0, 0.0)
    shuffled = [sky.sources[i] for i in sky.random.permutation(len(sky.sources))]
    assert link(shuffled) == link(sky.sources)


def test_paths_that_cross_share_no_sighting() -> None:
    sky = _Sky(4)
    first = sky.mover(range(_EXPOSURES), 0.3, 0.3, 0.0, 0.0)
    second = sky.mover(range(_EXPOSURES), 0.3, 2.0, 0.0, 0.0)
    found = _members(link(sky.sources))
    assert sum(map(len, found)) == len(set().union(*found))
    assert all(any(len(each & one) >= _EXPOSURES - 1 for each in found) for one in (first, second))


@pytest.mark.parametrize(("ra", "dec"), [(0.0, 0.0), (359.99, -60.0), (200.0, 85.0)])
def test_rate_and_angle_are_those_on_the_sky(ra: float, dec: float) -> None:
    sky = _Sky(1, ra, dec)
    sky.mover(range(_EXPOSURES), 0.5, np.radians(120.0), 0.0, 0.0)
    (found,) = link(sky.sources)
    assert found.rate == pytest.approx(0.5, rel=0.01)
    assert found.position_angle == pytest.approx(120.0, abs=0.5)
    assert len(found.sightings) == _EXPOSURES
    assert found.arc == pytest.approx((_EXPOSURES - 1) * _STEP * 1440.0)
    assert found.rms < 0.3
    assert 0.1 < found.chi_squared < 1.0
    assert found.magnitude == pytest.approx(23.9)


def test_two_sightings_are_a_tracklet_where_nothing_else_is() -> None:
    sky = _Sky(2)
    pair = sky.mover([0, 1], 0.5, 1.0, 0.0, 0.0)
    assert _members(link(sky.sources)) == [pair]
    sky.noise(20)
    assert all(each != pair for each in _members(link(sky.sources)))


def test_pixels_of_other_exposures_tell_no_scale() -> None:
    """Exposures are dithered, so that the same place lies on other pixels of each."""
    sky = _Sky(4)
    sky.mover(range(_EXPOSURES), 0.5, 1.0, 0.0, 0.0)
    dithered = [evolve(one, x=one.x + 900.0 * (one.visit % 2)) for one in sky.sources]
    [undithered], [found] = link(sky.sources), link(dithered)
    assert found.chi_squared == undithered.chi_squared


def test_one_that_is_seen_in_eighty_exposures_is_one_tracklet() -> None:
    """The line through its first sightings does not reach the last."""
    sky = _Sky(1)
    mover = sky.mover(range(80), 0.3, 1.0, 0.0, 0.0)
    assert _members(link(sky.sources)) == [mover]


def test_a_body_that_passes_the_earth_is_followed_over_the_sky() -> None:
    """Twenty degrees of a great circle are no straight line in a plane."""
    sky = _Sky(1, dec=0.0)
    sky.mover(range(_EXPOSURES), 400.0, np.radians(90.0), 0.0, 0.0)
    (found,) = link(sky.sources, LinkChoices(fastest=500.0))
    assert len(found.sightings) == _EXPOSURES
    assert found.rate == pytest.approx(400.0, rel=1e-5)
    assert found.rms < 0.3


def test_nothing_is_faster_than_is_allowed() -> None:
    sky = _Sky(1)
    sky.mover(range(_EXPOSURES), 0.5, 1.0, 0.0, 0.0)
    (found,) = link(sky.sources)
    assert link(sky.sources, LinkChoices(fastest=found.rate * 1.0002)) == [found]
    assert not link(sky.sources, LinkChoices(fastest=found.rate * 0.9998))


@pytest.mark.parametrize("rate", [0.0, 0.001])
def test_what_stands_still_is_no_tracklet(rate: float) -> None:
    sky = _Sky(3)
    sky.mover(range(_EXPOSURES), rate, 1.0, 0.0, 0.0)
    assert not link(sky.sources)


def test_what_fades_is_no_tracklet() -> None:
    sky = _Sky(3)
    for exposure in range(_EXPOSURES):
        sky.put(exposure, 10.0 * exposure, 0.0, flux=-1000.0)
    assert not link(sky.sources)


def test_nights_are_linked_each_by_itself() -> None:
    sky = _Sky(5)
    for begin in (0, 80):
        sky.mover(range(begin, begin + 5), 0.5, 1.0, 0.0, 0.0)
    assert [len(one.sightings) for one in link(sky.sources)] == [5, 5]
