"""Signal to noise at empty places is normal, whatever else the image shows."""

import numpy as np
import pytest

from prompt_pipelines.arrays import Floats, Planes
from prompt_pipelines.dia_significance import measure_significance
from prompt_pipelines.psf import HALF_WIDTH, gaussian_psf

SIZE, NOISE = 512, 10.0


def _widths(pixels: Floats, empty: Floats, fwhm: float) -> tuple[float, float]:
    """Half the distance of the percentiles of a standard deviation, and a sixth of that of three."""
    shape = (SIZE, SIZE)
    image = Planes(
        pixels.astype(np.float32), np.full(shape, NOISE**2, np.float32), np.zeros(shape, dtype=bool)
    )
    score = measure_significance(image, gaussian_psf(fwhm)).score[empty.astype(bool)]
    low, high, lowest, highest = np.percentile(score, (15.865, 84.135, 0.135, 99.865))
    return (high - low) / 2.0, (highest - lowest) / 6.0


def test_bright_sources_do_not_make_the_noise_of_empty_places_seem_greater() -> None:
    rng = np.random.default_rng(1)
    pixels, empty = rng.normal(0.0, NOISE, (SIZE, SIZE)), np.ones((SIZE, SIZE))
    psf = gaussian_psf(6.0)
    for x, y in rng.integers(2 * HALF_WIDTH, SIZE - 2 * HALF_WIDTH, (40, 2)):
        box = np.s_[y - HALF_WIDTH : y + HALF_WIDTH + 1, x - HALF_WIDTH : x + HALF_WIDTH + 1]
        pixels[box] += rng.choice((-1, 1)) * 200.0 * NOISE * np.sqrt(psf.area) * psf.stamp
        empty[y - 20 : y + 21, x - 20 : x + 21] = 0.0
    assert _widths(pixels, empty, 6.0)[0] == pytest.approx(1.0, abs=0.03)


def test_ghosts_are_no_points_of_light() -> None:
    """Rings with edges as sharp as a PSF or two."""
    rng = np.random.default_rng(2)
    pixels = rng.normal(0.0, NOISE, (SIZE, SIZE))
    y, x = np.indices((SIZE, SIZE))
    for _ in range(6):
        x0, y0, radius = *rng.uniform(0.0, SIZE, 2), rng.uniform(20.0, 60.0)
        pixels += 1.2 * NOISE / (1.0 + np.exp((np.hypot(x - x0, y - y0) - radius) / 3.0))
    assert _widths(pixels, np.ones((SIZE, SIZE)), 3.0) == pytest.approx((1.0, 1.0), abs=0.05)
