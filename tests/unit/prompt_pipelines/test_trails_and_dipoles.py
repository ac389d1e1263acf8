"""What is no point and yet on the sky: trails, what has moved since the template, and satellites."""

from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st

from prompt_pipelines.arrays import Planes
from prompt_pipelines.dia_tables import source_rows
from prompt_pipelines.positions import sky_positions
from prompt_pipelines.psf import gaussian_psf
from prompt_pipelines.streaks import find_streaks
from tests.unit.prompt_pipelines.chain import Made, catalogue, facts, process, template_of
from tests.unit.prompt_pipelines.pictures import SCALE, Sky, field, picture, projection_of

SIZE = 256
FIELD = field(SIZE, 36)
REFERENCE = catalogue(FIELD, picture(FIELD, SIZE))
FWHM = 3.77


def _line(x: float, y: float, length: float, angle: float, flux: float) -> Sky:
    """Draw what moves: points close to one another."""
    along = np.linspace(-0.5, 0.5, 60) * length
    return Sky(x + along * np.cos(angle), y + along * np.sin(angle), np.full(60, flux / 60))


def _together(one: Sky, other: Sky) -> Sky:
    return Sky(*(np.append(getattr(one, name), getattr(other, name)) for name in ("x", "y", "flux")))


def _process(now: Sky, before: Sky = FIELD) -> Made:
    return process(picture(now, SIZE), REFERENCE, [template_of(before, SIZE)])


def _bearing(x: tuple[float, float], y: tuple[float, float]) -> float:
    """From the first place to the second, degrees east of north."""
    ra, dec = sky_positions(projection_of(SIZE), np.array(x), np.array(y))
    east = (ra[1] - ra[0]) * np.cos(np.radians(dec[0]))
    return float(np.degrees(np.arctan2(east, dec[1] - dec[0])) % 360.0)


def _rows(sources: Table) -> Any:
    count = len(sources)
    science = (np.zeros(count), np.ones(count))
    return source_rows(sources, np.asarray(sources["id"]), science, SCALE, facts())


def _turned(one: float, other: float, period: float) -> float:
    return abs((one - other + period / 2.0) % period - period / 2.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("length", "angle", "electrons"), [(10.0, 0.4, 12_000.0), (30.0, 2.2, 25_000.0), (70.0, 1.4, 40_000.0)]
)
def test_a_trail_is_one_source_with_its_length_and_angle(
    length: float, angle: float, electrons: float
) -> None:
    x, y = 118.4, 150.7
    made = _process(_together(FIELD, _line(x, y, length, angle, electrons)))
    (row,) = _rows(made.accepted()).to_dict("records")
    assert np.hypot(row["x"] - x, row["y"] - y) < 1.0
    assert row["trailLength"] == pytest.approx(length * SCALE, rel=0.1)
    step = (np.cos(angle), np.sin(angle))
    assert _turned(row["trailAngle"], _bearing((x, x + step[0]), (y, y + step[1])), 180.0) < 3.0
    assert row["trailFlux"] == pytest.approx(2.0 * electrons, rel=0.1)
    assert row["psfFlux"] < row["trailFlux"]
    assert row["trailNdata"] > 50
    assert not row["trail_flag_edge"]
    assert row["reliability"] > 0.5


@pytest.mark.slow
def test_a_point_is_no_trail_and_no_dipole() -> None:
    (row,) = _rows(_process(FIELD.and_also(110.4, 150.2, 20_000.0)).accepted()).to_dict("records")
    assert np.isnan([row["trailLength"], row["dipoleLength"], row["trailFlux"]]).all()
    assert not row["isDipole"]
    assert row["trailNdata"] == row["dipoleNdata"] == 0


@pytest.mark.slow
def test_what_has_moved_since_the_template_is_a_dipole() -> None:
    before, now = (110.4, 150.2), (114.0, 153.1)
    made = _process(FIELD.and_also(*now, 30_000.0), FIELD.and_also(*before, 30_000.0))
    (row,) = _rows(made.accepted()).to_dict("records")
    assert np.hypot(row["x"] - now[0], row["y"] - now[1]) < 0.5
    assert row["isDipole"]
    assert row["dipoleLength"] == pytest.approx(SCALE * np.hypot(3.6, 2.9), rel=0.1)
    wanted = _bearing((before[0], now[0]), (before[1], now[1]))
    assert _turned(row["dipoleAngle"], wanted, 360.0) < 3.0
    assert row["dipoleMeanFlux"] == pytest.approx(60_000.0, rel=0.1)
    assert abs(row["dipoleFluxDiff"]) < 6_000.0


@pytest.mark.slow
def test_a_star_that_was_subtracted_in_a_wrong_place_has_not_moved() -> None:
    made = _process(FIELD.and_also(110.4, 150.2, 60_000.0), FIELD.and_also(110.7, 150.2, 60_000.0))
    assert made.dia_sources["flag_dipole"].any()
    assert (made.dia_sources["dipole_n_pixels"] > 0).any()
    assert len(made.accepted()) == 0


@pytest.mark.slow
def test_a_satellite_s_streak_is_masked_and_its_peaks_are_flagged() -> None:
    made = _process(_together(FIELD, _line(128.0, 100.0, 500.0, 0.35, 400_000.0)))
    streak = made.difference_image.mask.get("STREAK")
    assert streak[100, 128]
    assert streak[round(100 + 80 * np.tan(0.35)), 208]
    assert 0.02 < streak.mean() < 0.15
    assert made.dia_sources["flag_streak"].any()
    assert len(made.accepted()) == 0


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_noise_holds_no_streak(seed: int) -> None:
    pixels = np.random.default_rng(seed).normal(0.0, 10.0, (300, 400)).astype(np.float32)
    planes = Planes(pixels, np.full_like(pixels, 100.0), np.zeros(pixels.shape, dtype=bool))
    fwhm = gaussian_psf(3.0).fwhm
    assert not find_streaks(planes, fwhm, 30.0 * fwhm).any()
