"""New sources in images that somebody took."""

import numpy as np
from scipy.ndimage import shift

from benchmarks.sky.chain import Single, Truth
from prompt_pipelines.psf import HALF_WIDTH
from simulator.world.stamps import effective_area

__all__ = ["inject"]

_FAINTEST, _BRIGHTEST = 0.6, 2.5  # powers of ten of signal to noise


def inject(rng: np.random.Generator, single: Single, number: int) -> Truth:
    """Put new sources into an image, with the noise of their light, and tell where they are."""
    pixels, variance = single.image.image.array, single.image.variance.array
    rows, columns = pixels.shape
    border = HALF_WIDTH + 1
    x = rng.uniform(border, columns - 1 - border, number)
    y = rng.uniform(border, rows - 1 - border, number)
    snr = 10.0 ** rng.uniform(_FAINTEST, _BRIGHTEST, number)
    noise = effective_area(single.psf.fwhm) * float(np.nanmedian(variance))
    flux = 0.5 * snr**2 + snr * np.sqrt(0.25 * snr**2 + noise)
    for x0, y0, electrons in zip(x, y, flux, strict=True):
        column, row = round(x0), round(y0)
        box = np.s_[row - HALF_WIDTH : row + HALF_WIDTH + 1, column - HALF_WIDTH : column + HALF_WIDTH + 1]
        stamp = np.maximum(shift(single.psf.stamp.astype(float), (y0 - row, x0 - column)), 0.0)
        light = rng.poisson(electrons * stamp).astype(np.float32)
        pixels[box] += light
        variance[box] += light
    return Truth(x=x, y=y, snr=snr)
