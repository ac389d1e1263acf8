"""Sources of a difference image: where it is brighter or fainter than its noise allows."""

import numpy as np
import sep
from attrs import frozen
from scipy import fft
from scipy.ndimage import find_objects, label
from scipy.spatial import KDTree

from prompt_pipelines.arrays import Flags, Floats, Pixels, Planes
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.psf import PsfModel

__all__ = [
    "Peaks",
    "Significance",
    "dipole_pairs",
    "find_accompanied",
    "find_dipoles",
    "find_peaks",
    "measure_significance",
]

_NOISE_CELL = 24  # pixels; small enough for the halo of a bright star, large enough for statistics
_NOISE_CELL_WIDTHS = 8.0  # the same in full widths of the PSF
_SAMPLED = 3  # of so many pixels one tells the noise
_LOCAL_NOISE = 1.25  # times that of the image; less is what so few pixels differ by
_MIN_USABLE_FRACTION = 0.02
_MIN_WEIGHT = 0.5  # share of the PSF's weight that must be on usable pixels


@frozen(eq=False)
class Significance:
    """The signal to noise of a point of light at every pixel."""

    score: Pixels
    """Negative where the science image is fainter; 0 where it is not known."""
    known: Flags
    noise_scale: float
    """The noise that was measured over that which the variance predicts."""


@frozen(eq=False)
class Peaks:
    """Places where the PSF fits significantly."""

    x: Floats
    y: Floats
    score: Floats
    """Signal to noise; negative where the science image is fainter."""
    extent: Floats
    """Pixels along the longer side of the significant region around the peak."""
    noise_scale: float
    """Of `Significance`."""


def measure_significance(image: Planes, psf: PsfModel) -> Significance:
    """Fit the PSF at every pixel.

    The noise is measured, and where it is clearly more than in the rest of the image, around each place:
    the halo of a bright star never subtracts as its photons tell.

    Raises
    ------
    UnusableImageError
        Raised if hardly a pixel is usable.
    """
    good = ~image.unusable & np.isfinite(image.variance) & (image.variance > 0)
    if np.count_nonzero(good) < _MIN_USABLE_FRACTION * good.size:
        raise UnusableImageError("hardly a pixel of the difference image is usable")
    weight = np.where(good, 1.0 / np.where(good, image.variance, 1.0), 0.0).astype(np.float32)
    signal = _correlate(weight * np.where(good, image.pixels, np.float32(0.0)), psf.stamp)
    norm = _correlate(weight, psf.stamp**2)
    known = good & (norm > _MIN_WEIGHT * weight * np.sum(psf.stamp**2))
    score = np.where(known, signal / np.sqrt(np.maximum(norm, np.finfo(np.float32).tiny)), np.float32(0.0))
    cell = max(_NOISE_CELL, round(_NOISE_CELL_WIDTHS * psf.fwhm))
    statistics = sep.Background(np.ascontiguousarray(score, dtype=np.float32), mask=~known, bw=cell, bh=cell)
    score -= statistics.back()
    local = statistics.rms()
    typical = max(float(np.median(local[known])), 0.01) if known.any() else 1.0
    # Cells are too few to tell the noise to a per cent; together they are not, unless sources are everywhere.
    scale = _half_width(score[known]) if known.any() else 1.0
    scale = scale if scale < _LOCAL_NOISE * typical else typical
    local /= np.float32(typical)
    noise = np.float32(scale) * np.where(local > _LOCAL_NOISE, local, np.float32(1.0))
    score = np.where(known, score / noise, np.float32(0.0))
    return Significance(score, known, scale)


def find_peaks(significance: Significance, threshold: float) -> Peaks:
    """Find positive and negative peaks of the significance."""
    score = significance.score
    size = np.abs(score)
    row, column = _summits(size, threshold)
    x, y = _refine(score, row, column)
    extent = _extents(size >= threshold, row, column)
    return Peaks(x, y, score[row, column].astype(float), extent, significance.noise_scale)


def dipole_pairs(peaks: Peaks, radius: float) -> list[tuple[int, int]]:
    """List the pairs of a positive and a negative peak within `radius`, neither twice as significant."""
    if len(peaks.x) < 2:
        return []
    pairs = KDTree(np.column_stack([peaks.x, peaks.y])).query_pairs(radius)
    ordered = ((one, other) if peaks.score[one] > 0 else (other, one) for one, other in sorted(pairs))
    return [pair for pair in ordered if -2.0 <= peaks.score[pair[0]] / peaks.score[pair[1]] <= -0.5]


def find_dipoles(peaks: Peaks, radius: float) -> Flags:
    """Tell which peaks have one of the other sign within `radius`, at least half as significant.

    Such pairs are stars that were not subtracted in the right place.
    """
    dipole = np.zeros(len(peaks.x), dtype=bool)
    if len(peaks.x) < 2:
        return dipole
    for one, other in KDTree(np.column_stack([peaks.x, peaks.y])).query_pairs(radius):
        ratio = peaks.score[one] / peaks.score[other]
        dipole[one] |= -2.0 <= ratio <= 0.0
        dipole[other] |= ratio < 0.0 and ratio <= -0.5
    return dipole


def find_accompanied(peaks: Peaks, doubtful: Flags, radius: float) -> np.ndarray:
    """Count for each peak the doubtful ones within `radius` that are at least half as significant.

    Sources of the sky seldom stand among such; what is left of a star that is
    masked, of a ghost or of a failed match does.
    """
    company = np.zeros(len(peaks.x), dtype=int)
    size = np.abs(peaks.score)
    if len(peaks.x) > 1:
        pairs = KDTree(np.column_stack([peaks.x, peaks.y])).query_pairs(radius, output_type="ndarray")
        for one, other in (pairs.T, pairs.T[::-1]):
            np.add.at(company, one, doubtful[other] & (size[other] >= 0.5 * size[one]))
    return company


def _half_width(values: Pixels) -> float:
    """Measure the standard deviation of a normal distribution with a few others among it."""
    low, high = np.percentile(values[::_SAMPLED], [15.865, 84.135])
    return max(float(high - low) / 2.0, 0.01)


def _summits(size: Pixels, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Find the pixels above the threshold that none of the 24 around them exceeds."""
    row, column = np.nonzero(size >= threshold)
    offsets = np.arange(-2, 3)
    rows = np.clip(row[:, None] + offsets, 0, size.shape[0] - 1)
    columns = np.clip(column[:, None] + offsets, 0, size.shape[1] - 1)
    highest = size[rows[:, :, None], columns[:, None, :]].max(axis=(1, 2), initial=0.0)
    top = size[row, column] >= highest
    return row[top], column[top]


def _extents(significant: Flags, row: np.ndarray, column: np.ndarray) -> Floats:
    regions, _ = label(significant, structure=np.ones((3, 3)))
    sides = [max(piece.stop - piece.start for piece in region) for region in find_objects(regions)]
    return np.array([sides[regions[r, c] - 1] for r, c in zip(row, column, strict=True)], dtype=float)


def _correlate(image: Pixels, stamp: Pixels) -> Pixels:
    half = stamp.shape[0] // 2
    rows, columns = image.shape
    size = [fft.next_fast_len(n + 2 * half, real=True) for n in (rows, columns)]
    turned = np.ascontiguousarray(stamp[::-1, ::-1], dtype=np.float32)
    product = fft.irfft2(fft.rfft2(image.astype(np.float32), size) * fft.rfft2(turned, size), size)
    return np.asarray(product[half : half + rows, half : half + columns])


def _refine(score: Pixels, row: np.ndarray, column: np.ndarray) -> tuple[Floats, Floats]:
    """Move each peak to the top of the parabola through it and its neighbours."""
    rows, columns = score.shape
    inner_row, inner_column = np.clip(row, 1, rows - 2), np.clip(column, 1, columns - 2)
    here = score[inner_row, inner_column].astype(float)
    shifts = []
    for step in ((0, 1), (1, 0)):
        before = score[inner_row - step[0], inner_column - step[1]].astype(float)
        after = score[inner_row + step[0], inner_column + step[1]].astype(float)
        curvature = before - 2.0 * here + after
        shift = 0.5 * (before - after) / np.where(curvature == 0.0, 1.0, curvature)
        shifts.append(np.clip(shift, -0.5, 0.5))
    return column + shifts[0], row + shifts[1]
