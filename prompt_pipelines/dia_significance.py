"""The signal to noise of a point of light at every pixel of a difference image."""

import numpy as np
import sep
from attrs import frozen
from scipy import fft
from scipy.ndimage import maximum_filter1d

from prompt_pipelines.arrays import Flags, Pixels, Planes
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.psf import PsfModel

__all__ = ["Significance", "measure_significance"]

_CELL = 24  # pixels; small enough for the halo of a bright star, large enough for statistics
_CELL_WIDTHS = 8.0  # the same in full widths of the PSF
_LOCAL_NOISE = 1.25  # times that of the image, over 3 x 3 cells; less is what so few pixels differ by
_NOISE_OF_ONE = 1.4  # the same of one cell
_LOCAL_SKY = 3.0  # errors by which one cell's sky must differ from that of those around it
_MIN_USABLE_FRACTION = 0.02
_MIN_WEIGHT = 0.5  # share of the PSF's weight that must be on usable pixels
_SOURCE = 4.0  # times the noise
_LIT = 1.3  # times the variance of the sky
_MIN_EMPTY = 0.1  # of the usable pixels
_SAMPLED = 3  # of so many pixels one tells the noise


@frozen(eq=False)
class Significance:
    """The signal to noise of a point of light at every pixel."""

    score: Pixels
    """Negative where the science image is fainter; 0 where it is not known."""
    known: Flags
    noise_scale: float
    """The noise that was measured at empty places over that which the variance predicts."""


def measure_significance(image: Planes, psf: PsfModel) -> Significance:
    """Fit the PSF at every pixel.

    The noise is measured at empty places, and where it is clearly more than in the rest of the image, around
    each place: the halo of a bright star never subtracts as its photons tell. What is bright over a cell of
    several full widths is no point, but a ghost or a halo, and is taken out.

    Raises
    ------
    UnusableImageError
        Raised if hardly a pixel is usable.
    """
    score, known = _fit_everywhere(image, psf)
    if not known.any():
        return Significance(score, known, 1.0)
    cell = max(_CELL, round(_CELL_WIDTHS * psf.fwhm))
    wide = sep.Background(score, mask=~known, bw=cell, bh=cell)
    score -= wide.back()
    narrow = sep.Background(score, mask=~known, bw=cell, bh=cell, fw=1, fh=1)
    local = wide.rms()
    typical = max(float(np.median(local[known])), 0.01)
    score -= _beyond(narrow.back(), _LOCAL_SKY * typical * np.sqrt(psf.area) / cell)
    # Cells are too few to tell the noise to a per cent; together they are not, unless sources are everywhere.
    scale = _half_width(score[_empty(image, score, known, typical, round(psf.fwhm))])
    scale = scale if scale < _LOCAL_NOISE * typical else typical
    noise = np.full_like(score, scale)
    for measured, least in ((local, _LOCAL_NOISE), (narrow.rms(), _NOISE_OF_ONE)):
        relative = measured / np.float32(typical)
        np.maximum(noise, np.float32(scale) * relative, out=noise, where=relative > least)
    score = np.where(known, score / noise, np.float32(0.0))
    return Significance(score, known, scale)


def _fit_everywhere(image: Planes, psf: PsfModel) -> tuple[Pixels, Flags]:
    """Divide the PSF's height by the error that the variance predicts, and tell where that is known."""
    good = ~image.unusable & np.isfinite(image.variance) & (image.variance > 0)
    if np.count_nonzero(good) < _MIN_USABLE_FRACTION * good.size:
        raise UnusableImageError("hardly a pixel of the difference image is usable")
    weight = np.where(good, 1.0 / np.where(good, image.variance, 1.0), 0.0).astype(np.float32)
    signal = _correlate(weight * np.where(good, image.pixels, np.float32(0.0)), psf.stamp)
    norm = _correlate(weight, psf.stamp**2)
    known = good & (norm > _MIN_WEIGHT * weight * np.sum(psf.stamp**2))
    score = np.where(known, signal / np.sqrt(np.maximum(norm, np.finfo(np.float32).tiny)), np.float32(0.0))
    return np.ascontiguousarray(score, dtype=np.float32), known


def _beyond(sky: Pixels, error: float) -> Pixels:
    """Keep of a sky what is more than its error, little of what is hardly so."""
    size = np.maximum(np.abs(sky), np.float32(error))
    return np.asarray(sky * (np.float32(1.0) - (np.float32(error) / size) ** 2))


def _empty(image: Planes, score: Pixels, known: Flags, noise: float, reach: int) -> Flags:
    """Tell where there is no light: neither a subtracted star nor, within `reach` pixels, a source."""
    near = (np.abs(score) > _SOURCE * noise).astype(np.uint8)
    for axis in (0, 1):
        near = maximum_filter1d(near, 2 * reach + 1, axis=axis)
    dark = image.variance < _LIT * np.median(image.variance[known])
    empty = known & (near == 0) & dark
    enough = np.count_nonzero(empty) >= _MIN_EMPTY * np.count_nonzero(known)
    return np.asarray(empty if enough else known)


def _half_width(values: Pixels) -> float:
    """Measure the standard deviation of a normal distribution with a few others among it."""
    low, high = np.percentile(values[::_SAMPLED], [15.865, 84.135])
    return max(float(high - low) / 2.0, 0.01)


def _correlate(image: Pixels, stamp: Pixels) -> Pixels:
    half = stamp.shape[0] // 2
    rows, columns = image.shape
    size = [fft.next_fast_len(n + 2 * half, real=True) for n in (rows, columns)]
    turned = np.ascontiguousarray(stamp[::-1, ::-1], dtype=np.float32)
    product = fft.irfft2(fft.rfft2(image.astype(np.float32), size) * fft.rfft2(turned, size), size)
    return np.asarray(product[half : half + rows, half : half + columns])
