"""Pixels of no use, filled in from around them where there are but few side by side.

A camera may have a hot pixel in every star's neighbourhood, and dead columns from edge to
edge. Were stars left out for them, few would be left; were they left in, a convolution would
spread them.
"""

from collections.abc import Callable

import numpy as np
from scipy.ndimage import label

from prompt_pipelines.arrays import Flags, Floats, Pixels

__all__ = ["fill_in"]

_LARGEST = 4  # pixels that touch one another; more than a few hold what nobody can guess
_WIDEST = 2  # pixels of a line, such as a dead column, from side to side
_HALF = 2  # pixels around one that it is filled in from
_ERROR = 1.5  # times the cubic's difference from a line, that it may be wrong by in a star's core
_SIGMA = 1.0  # pixels, of their weights
_FEWEST = 8  # of them that must be known

type _Filling = tuple[np.ndarray, np.ndarray, Floats, Floats]
"""Rows, columns, and the values and variances there."""


def fill_in(pixels: Pixels, variance: Pixels, unusable: Flags) -> Flags:
    """Fill in pixels, in place, where but a few that touch or lie side by side are unusable.

    A few that touch get the mean of those around, by their nearness; their variance is that of those, and
    how far these differ among themselves: large where a star is. Lines get the cubic
    through two pixels on either side, and how far that differs from the straight line
    between the nearest two.

    Returns
    -------
    filled
        Which were.
    """
    groups, _ = label(unusable, structure=np.ones((3, 3)))
    few = unusable & (np.bincount(groups.ravel())[groups] <= _LARGEST)
    lines = unusable & ~few
    fillings = [
        _from_around(pixels, variance, unusable, few),
        _across(pixels, variance, unusable, lines),
        # Rows, where columns did not do.
        _turned(_across, pixels, variance, unusable, lines),
    ]
    filled = np.zeros(unusable.shape, dtype=bool)
    for y, x, values, noise in fillings:
        new = ~filled[y, x]
        at = y[new], x[new]
        pixels[at], variance[at], filled[at] = values[new], noise[new], True
    return filled


def _from_around(pixels: Pixels, variance: Pixels, unusable: Flags, wanted: Flags) -> _Filling:
    y, x = np.nonzero(wanted)
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
    return y[enough], x[enough], value[enough], (noise + spread)[enough]


def _across(pixels: Pixels, variance: Pixels, unusable: Flags, wanted: Flags) -> _Filling:
    """Interpolate along rows, through lines of unusable pixels that are narrow there."""
    rows, firsts = np.nonzero(wanted)
    found: list[_Filling] = []
    for width in range(1, _WIDEST + 1):
        reach = np.array([-2, -1, width, width + 1])
        inside = (firsts >= 2) & (firsts < unusable.shape[1] - width - 1)
        y, first = rows[inside], firsts[inside]
        around = y[:, None], first[:, None] + reach
        light, noise = pixels[around].astype(float), variance[around].astype(float)
        known = (~unusable[around] & np.isfinite(light) & np.isfinite(noise)).all(axis=1)
        known &= wanted[y[:, None], first[:, None] + np.arange(width)].all(axis=1)
        y, first, light, noise = y[known], first[known], light[known], noise[known]
        for place in range(width):
            cubic, straight = _lagrange(reach, place), np.zeros(4)
            straight[1:3] = _lagrange(reach[1:3], place)
            value = light @ cubic
            # What a star does between the pixels is seen where cubic and line differ.
            error = _ERROR * (value - light @ straight)
            found.append((y, first + place, value, noise @ cubic**2 + error**2))
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))  # type: ignore[return-value]  # four


def _turned(fill: Callable[[Pixels, Pixels, Flags, Flags], _Filling], *planes: np.ndarray) -> _Filling:
    x, y, values, noise = fill(*(plane.T for plane in planes))
    return y, x, values, noise


def _lagrange(places: np.ndarray, at: float) -> Floats:
    """Find the weights of values at places in the polynomial through them."""
    weights = []
    for i, place in enumerate(places):
        others = np.delete(places, i)
        weights.append(np.prod((at - others) / (place - others)))
    return np.array(weights)
