import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.times import TaiSeconds
from simulator.errors import SimulatorError
from simulator.world.sky import Kind, PointSources, Sky, SkyDensity, make_sky
from simulator.world.stars import Patch

EPOCH = TaiSeconds(1_795_000_000.0)
DAY = 86_400.0
SMALL = SkyDensity(stars=2000, variables=400, transients=400, movers=400)


def sky_of(patch: Patch, seed: int = 1) -> Sky:
    return make_sky(patch, ("g", "r"), seed=seed, epoch=EPOCH, density=SMALL)


SKY = sky_of(Patch(ra=149.9, dec=2.2, radius=0.5))


def later(days: float) -> TaiSeconds:
    return TaiSeconds(EPOCH + days * DAY)


def of_kind(sources: PointSources, kind: Kind) -> PointSources:
    return sources.where(sources.kind == kind)


@settings(max_examples=20)
@given(st.floats(0, 360), st.floats(-90, 90), st.floats(0.1, 1.0), st.integers(0, 100))
def test_everything_is_within_the_patch_at_the_epoch(ra: float, dec: float, radius: float, seed: int) -> None:
    sources = sky_of(Patch(ra=ra, dec=dec, radius=radius), seed).sources("r", EPOCH)
    places = SkyCoord(sources.ra, sources.dec, unit="deg")
    away = places.separation(SkyCoord(ra, dec, unit="deg")).deg
    assert (away < radius * (1 + 1e-6) + 1e-7).all()


def test_stars_are_spread_evenly_and_as_many_as_asked_for() -> None:
    sources = of_kind(SKY.sources("r", EPOCH), Kind.STAR)
    expected = 2000 * np.pi * 0.5**2
    assert sources.number.size == pytest.approx(expected, abs=5 * np.sqrt(expected))
    away = SkyCoord(sources.ra, sources.dec, unit="deg").separation(SkyCoord(149.9, 2.2, unit="deg")).deg
    assert np.mean(away < 0.25) == pytest.approx(0.25, abs=0.06)


def test_every_source_has_a_number_of_its_own_at_all_times() -> None:
    now, tomorrow = SKY.sources("g", EPOCH), SKY.sources("r", later(1))
    assert len(set(now.number)) == now.number.size
    assert set(now.kind) == set(Kind)
    assert (now.number == tomorrow.number).all()
    assert (now.kind == tomorrow.kind).all()


def test_the_same_seed_gives_the_same_sky_and_another_another() -> None:
    patch = Patch(ra=10.0, dec=-30.0, radius=0.5)
    first, again, other = (sky_of(patch, seed).sources("g", EPOCH) for seed in (5, 5, 6))
    assert (first.flux == again.flux).all()
    assert (first.ra == again.ra).all()
    assert first.number.size != other.number.size or (first.ra != other.ra).any()


def test_in_a_quiet_sky_nothing_is_new_and_variables_are_at_their_mean() -> None:
    quiet = SKY.quiet("r")
    assert set(quiet.kind) == {Kind.STAR, Kind.VARIABLE}
    assert (quiet.flux == quiet.quiet).all()
    now = SKY.sources("r", EPOCH)
    fixed = now.where((now.kind == Kind.STAR) | (now.kind == Kind.VARIABLE))
    assert (fixed.quiet == quiet.flux).all()
    assert (of_kind(now, Kind.STAR).flux == of_kind(now, Kind.STAR).quiet).all()
    assert (of_kind(now, Kind.TRANSIENT).quiet == 0).all()


def test_variables_go_around_their_mean_within_their_amplitude() -> None:
    days = np.random.default_rng(1).uniform(0, 200, 3000)
    light = np.array([SKY.variables.flux("g", later(day)) for day in days]) / SKY.variables.mean["g"]
    assert light.mean(axis=0) == pytest.approx(1.0, abs=0.04)
    assert light.max(axis=0) == pytest.approx(1 + SKY.variables.amplitude, abs=0.01)
    assert light.min() > 0


def test_transients_are_brightest_at_their_maximum_and_fade_away() -> None:
    number = int(np.argmax(SKY.transients.time))
    time = SKY.transients.time[number]
    flux = [SKY.transients.flux("r", later(day))[number] for day in (time - 3, time, time + 20, time + 1000)]
    maximum = SKY.transients.maximum["r"][number]
    assert flux == pytest.approx([maximum / np.e, maximum, maximum / np.e, 0.0], rel=1e-6, abs=1e-9)


def test_an_unknown_band_is_an_error_that_names_it() -> None:
    with pytest.raises(SimulatorError, match="no band 'z', only g, r"):
        SKY.sources("z", EPOCH)
    with pytest.raises(SimulatorError, match="no band 'z'"):
        SKY.quiet("z")
