"""Warping, matching and the PSF."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lsst.images import Box
from scipy.ndimage import binary_dilation

from prompt_pipelines.arrays import Planes
from prompt_pipelines.matching import convolve, fit_kernel
from prompt_pipelines.psf import fit_fluxes, gaussian_psf, isolated, measure_psf
from prompt_pipelines.sky_matching import match_one_to_one
from prompt_pipelines.templates import Contribution, combine_template
from prompt_pipelines.warp import seen_box, warp
from tests.unit.prompt_pipelines.pictures import READ_NOISE, field, picture, projection_of

pytestmark = pytest.mark.slow

SIZE = 200
FIELD = field(SIZE, 25)


@pytest.mark.parametrize("rotation", [10.0, 40.0, 190.0])
def test_warped_stars_are_where_the_new_projection_says_with_their_flux(rotation: float) -> None:
    source = picture(FIELD, SIZE, sky_level=0.0, sigma=2.0, seed=None)
    target = projection_of(SIZE, rotation)
    assert source.sky_projection is not None
    warped = warp(source, target, (SIZE, SIZE))
    place = target.sky_to_pixel(source.sky_projection.pixel_to_sky(x=FIELD.x, y=FIELD.y))
    inside = (np.minimum(place.x, place.y) > 20) & (np.maximum(place.x, place.y) < SIZE - 21)
    assert inside.sum() > 5
    planes = Planes(warped.pixels, np.ones_like(warped.pixels), warped.unusable)
    fit = fit_fluxes(planes, gaussian_psf(2.0 * 2.35482), place.x[inside], place.y[inside], 7.0)
    np.testing.assert_allclose(fit.flux, FIELD.flux[inside], rtol=0.01)


def test_masked_pixels_stay_masked_where_they_went() -> None:
    source = picture(FIELD, SIZE, seed=None)
    source.mask.set("BAD", np.arange(SIZE)[None, :] * np.ones((SIZE, 1)) == 100)
    warped = warp(source, projection_of(SIZE), (SIZE, SIZE))
    assert warped.unusable[:, 98:103].all()
    assert not warped.unusable[:, 90].any()


def test_an_image_that_covers_a_part_says_the_same_of_it() -> None:
    whole = picture(FIELD, SIZE, seed=None)
    part = whole[Box.factory[90:SIZE, 0:70]]
    target = projection_of(SIZE, 13.0)
    of_whole, of_part = (warp(one, target, (SIZE, SIZE)) for one in (whole, part))
    usable = ~of_part.unusable
    assert 0.9 * 110 * 70 < usable.sum() <= 110 * 70
    assert not (usable & of_whole.unusable).any()
    inner = usable & ~binary_dilation(of_part.unusable, iterations=10)
    np.testing.assert_allclose(of_part.pixels[inner], of_whole.pixels[inner], rtol=1e-4, atol=1e-2)
    np.testing.assert_array_equal(of_part.variance[inner], of_whole.variance[inner])
    assert not of_part.pixels[~usable].any()


@pytest.mark.parametrize("rotation", [0.0, 13.0, 200.0])
def test_what_is_seen_of_an_image_is_all_that_is_looked_at(rotation: float) -> None:
    whole = picture(field(4 * SIZE, 200), 4 * SIZE, seed=1)
    assert whole.sky_projection is not None
    target = projection_of(SIZE, rotation)
    box = seen_box(whole.bbox, whole.sky_projection, target, (SIZE, SIZE))
    assert box is not None
    assert box.area < 0.4 * whole.bbox.area
    of_whole, of_part = (warp(one, target, (SIZE, SIZE)) for one in (whole, whole[box]))
    np.testing.assert_array_equal(of_part.unusable, of_whole.unusable)
    np.testing.assert_allclose(of_part.pixels, of_whole.pixels, rtol=1e-5, atol=1e-3)


def test_of_another_part_of_the_sky_nothing_is_usable() -> None:
    elsewhere = projection_of(SIZE)
    far = picture(FIELD, 10 * SIZE, seed=None)[Box.factory[9 * SIZE : 10 * SIZE, 0:SIZE]]
    assert far.sky_projection is not None
    assert warp(far, elsewhere, (SIZE, SIZE)).unusable.all()
    assert seen_box(far.bbox, far.sky_projection, elsewhere, (SIZE, SIZE)) is None


@settings(max_examples=10, deadline=None)
@given(narrow=st.floats(1.2, 2.0), extra=st.floats(0.5, 1.6))
def test_the_kernel_makes_one_seeing_of_another(narrow: float, extra: float) -> None:
    wide = float(np.hypot(narrow, extra))
    sharp = picture(FIELD, SIZE, sky_level=0.0, sigma=narrow, seed=None)
    soft = picture(FIELD, SIZE, sky_level=0.0, sigma=wide, seed=None)
    target = Planes(soft.image.array, soft.variance.array, np.zeros((SIZE, SIZE), bool))
    kernel = fit_kernel(sharp.image.array, target, (FIELD.x, FIELD.y), extra)
    difference = convolve(sharp.image.array, kernel) - soft.image.array
    inner = (slice(25, -25), slice(25, -25))
    assert np.abs(difference[inner]).max() < 0.01 * soft.image.array.max()
    assert kernel.at(100.0, 100.0).sum() == pytest.approx(1.0, rel=0.01)


@pytest.mark.parametrize("sigma", [1.0, 1.6, 2.5])
def test_the_psf_has_the_width_of_the_stars(sigma: float) -> None:
    image = picture(FIELD, SIZE, sky_level=100.0, sigma=sigma)
    good = isolated(FIELD.x, FIELD.y, FIELD.flux, 15.0) & (FIELD.flux > 20000)
    pixels = image.image.array - np.float32(100.0)
    psf = measure_psf(pixels, FIELD.x[good], FIELD.y[good], FIELD.flux[good], 8.0)
    assert psf is not None
    assert psf.fwhm == pytest.approx(2.3548 * sigma, rel=0.06)


def test_a_flux_where_no_pixel_is_usable_is_nan() -> None:
    ones = np.ones((50, 50), np.float32)
    planes = Planes(ones, ones, np.ones((50, 50), bool))
    fit = fit_fluxes(planes, gaussian_psf(3.0), np.array([25.0, -40.0]), np.array([25.0, 10.0]), 5.0)
    assert np.isnan(fit.flux).all()
    assert np.isnan(fit.flux_err).all()


def test_a_mover_is_not_in_the_template() -> None:
    parts = []
    for i in range(5):
        sky = FIELD.and_also(60.0 + 25.0 * i, 103.0, 50000.0)
        image = picture(sky, SIZE, sky_level=0.0, seed=i)
        parts.append(Contribution(image, 2.0))
    template = combine_template(parts)
    quiet = combine_template(
        [Contribution(picture(FIELD, SIZE, sky_level=0.0, seed=i), 2.0) for i in range(5)]
    )
    difference = (template.image.array - quiet.image.array) / np.sqrt(template.variance.array)
    assert np.abs(difference).max() < 8
    assert not template.mask.get("NO_DATA")[20:-20, 20:-20].any()


@pytest.mark.parametrize("levels", [[300.0] * 8, [300.0] * 4 + [3000.0] * 4, [300.0] * 3])
def test_a_template_is_as_deep_as_its_images_allow(levels: list[float]) -> None:
    clean = 2.0 * picture(FIELD, SIZE, sky_level=0.0, seed=None).image.array
    parts = []
    for number, level in enumerate(levels):
        image = picture(FIELD, SIZE, sky_level=level, seed=number)
        image.image.array[:] -= level
        parts.append(Contribution(image, 2.0))
    template = combine_template(parts)
    dark, stars = clean < 1.0, clean > 2000.0
    difference = template.image.array - clean
    best = 2.0 * np.sum([1.0 / (level + READ_NOISE**2) for level in levels]) ** -0.5
    assert difference[dark].std() == pytest.approx(best, rel=0.02)
    assert np.sqrt(np.median(template.variance.array[dark])) == pytest.approx(best, rel=0.02)
    assert abs(difference[stars].sum()) < 1e-3 * clean[stars].sum()


@given(
    st.lists(st.tuples(st.floats(0, 360, exclude_max=True), st.floats(-85, 85)), max_size=20),
    st.integers(0, 1000),
)
def test_shuffled_positions_match_themselves(places: list[tuple[float, float]], seed: int) -> None:
    ra = np.array([round(place[0], 2) % 360.0 for place in places])
    dec = np.array([round(place[1], 2) for place in places])
    keep = np.unique(np.column_stack([ra, dec]), axis=0) if places else np.zeros((0, 2))
    order = np.random.default_rng(seed).permutation(len(keep))
    matches = match_one_to_one((keep[:, 0], keep[:, 1]), (keep[order, 0], keep[order, 1]), 1.0)
    assert len(matches.first) == len(keep)
    np.testing.assert_array_equal(order[matches.second], matches.first)
    assert np.all(matches.separation < 1e-3)


def test_no_object_gets_two_sources() -> None:
    matches = match_one_to_one(
        (np.array([10.0, 10.0001]), np.array([0.0, 0.0])), (np.array([10.00001]), np.array([0.0])), 1.0
    )
    assert matches.first.tolist() == [0]
    assert matches.second.tolist() == [0]
