"""Cosmic rays: windows around what is sharp show the same as the whole image."""

import astroscrappy
import numpy as np
import pytest

from prompt_pipelines.cosmics import find_cosmic_rays
from tests.unit.prompt_pipelines.pictures import field, picture

pytestmark = pytest.mark.slow

SIZE = 300
EDGE = 6  # pixels that astroscrappy's medians leave as they are


@pytest.mark.parametrize("iterations", [1, 2, 4])
@pytest.mark.parametrize("stars", [1, 25, 400])
def test_windows_show_what_the_whole_image_shows(stars: int, iterations: int) -> None:
    image = picture(field(SIZE, stars, seed=stars), SIZE, sky_level=300.0, sigma=1.3, seed=5)
    pixels, variance = image.image.array, image.variance.array
    rng = np.random.default_rng(stars)
    for y, x in rng.integers(EDGE, SIZE - EDGE - 5, (20, 2)):
        pixels[y, x : x + rng.integers(1, 5)] += rng.uniform(500, 20000)
    unusable = np.zeros(pixels.shape, dtype=bool)
    unusable[:, 40:42] = True
    unusable[100:130, 200:230] = True
    rays = find_cosmic_rays(pixels, variance, unusable, threshold=5.0, contrast=20.0, iterations=iterations)
    mask, cleaned = astroscrappy.detect_cosmics(
        pixels,
        inmask=unusable,
        invar=variance,
        sigclip=5.0,
        objlim=20.0,
        niter=iterations,
        satlevel=np.inf,
        sepmed=True,
        cleantype="medmask",
    )
    assert rays.mask.sum() > 20
    np.testing.assert_array_equal(rays.mask, mask)
    np.testing.assert_array_equal(rays.cleaned, cleaned)


def test_where_nothing_is_sharp_nothing_changes() -> None:
    pixels = np.full((50, 60), 100.0, np.float32)
    rays = find_cosmic_rays(
        pixels, pixels, np.zeros(pixels.shape, bool), threshold=5.0, contrast=20.0, iterations=2
    )
    assert not rays.mask.any()
    np.testing.assert_array_equal(rays.cleaned, pixels)
