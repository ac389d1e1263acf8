"""Sources of a difference image: where it is brighter or fainter than its noise allows."""

import numpy as np
from attrs import frozen
from scipy.ndimage import find_objects, label
from scipy.spatial import KDTree

from prompt_pipelines.arrays import Flags, Floats, Pixels
from prompt_pipelines.dia_significance import Significance

__all__ = ["Peaks", "dipole_pairs", "find_accompanied", "find_dipoles", "find_peaks"]


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
