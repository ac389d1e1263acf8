"""Single pixels of no use, filled in from around them.

A camera may have a hot pixel in every star's neighbourhood. Were stars left out
for it, none would be left; were it left in, a convolution would spread it.
"""

import numpy as np
from scipy.ndimage import label

from prompt_pipelines.arrays import Flags, Pixels

__all__ = ["fill_in"]

_LARGEST = 4  # pixels that touch one another; more than a few hold what nobody can guess
_HALF = 2  # pixels around one that it is filled in from
_SIGMA = 1.0  # pixels, of their weights
_FEWEST = 8  # of them that must be known


def fill_in(pixels: Pixels, variance: Pixels, unusable: Flags) -> Flags:
    """Fill in pixels, in place, where but a few that touch are unusable; returns which were.

    The value is the mean of those around, by their nearness. The variance is
    theirs, and how far they differ among themselves: large where a star is.
    """
    groups, _ = label(unusable, structure=np.ones((3, 3)))
    sizes = np.bincount(groups.ravel())
    y, x = np.nonzero(unusable & (sizes[groups] <= _LARGEST))
    filled = np.zeros(unusable.shape, dtype=bool)
    if not len(y):
        return filled
    offsets = np.arange(-_HALF, _HALF + 1)
    rows, columns = y[:, None, None] + offsets[:, None], x[:, None, None] + offsets
    inside = (rows >= 0) & (rows < unusable.shape[0]) & (columns >= 0) & (columns < unusable.shape[1])
    around = np.where(inside, rows, 0), np.where(inside, columns, 0)
    known = inside & ~unusable[around] & np.isfinite(pixels[around]) & np.isfinite(variance[around])
    nearness = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2.0 * _SIGMA**2))
    weights = np.where(known, nearness, 0.0)
    enough = known.sum(axis=(1, 2)) >= _FEWEST
    total = np.where(enough, weights.sum(axis=(1, 2)), 1.0)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.where(known, weights * values, 0.0).sum(axis=(1, 2)) / total)

    value = mean(pixels[around])
    spread = mean((pixels[around] - value[:, None, None]) ** 2)
    noise = mean(variance[around])
    y, x = y[enough], x[enough]
    pixels[y, x], variance[y, x] = value[enough], noise[enough] + spread[enough]
    filled[y, x] = True
    return filled
