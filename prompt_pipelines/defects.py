"""Pixels of no use: found in darks and flats and kept as boxes, or seen in an image itself.

The dataset ``defects`` is ``{"boxes": [[x_min, x_max, y_min, y_max], ...]}`` in the
trimmed frame, counted from 0, the upper ends excluded.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from lsst.images import Image, MaskedImage
from numpy.lib.stride_tricks import sliding_window_view

from prompt_pipelines.arrays import Flags, Pixels
from prompt_pipelines.assembly import cut
from prompt_pipelines.combination import median
from prompt_pipelines.errors import UnusableImageError

__all__ = ["boxes_of", "defect_pixels", "find_dark_pixels", "find_defects"]

_HOT = 10.0  # times the scatter of a dark's pixels, above their median
_COLUMN = 0.5  # share of a column's pixels that are defects, from which all of it is one
_AROUND = 5  # pixels on a side of the square whose median a dark pixel is below
_SIGMA_PER_MAD = 1.482602  # of a Gaussian


def find_defects(shape: tuple[int, int], dark: MaskedImage | None, flats: Iterable[Image]) -> Flags:
    """Find hot pixels in a dark, and those that flats cannot correct; whole columns of them.

    Where a dark is warm it is corrected, and its noise is known: hot is what is
    10 standard deviations of its pixels above their median. What responds a
    little more or less to light is corrected by the flat.
    """
    found = np.zeros(shape, dtype=bool)
    if dark is not None:
        rate = dark.image.array
        level = median(rate)
        scatter = _SIGMA_PER_MAD * median(np.abs(rate - level))
        found |= ~np.isfinite(rate) | (rate - level > _HOT * scatter)
    for flat in flats:
        found |= ~np.isfinite(flat.array)
    found[:, found.mean(axis=0) > _COLUMN] = True
    return found


def find_dark_pixels(pixels: Pixels, sky: Pixels, unusable: Flags, depth: float) -> Flags:
    """Find pixels that see less than the sky: dead ones and dead columns, where no flat told of them.

    Parameters
    ----------
    pixels
        The image.
    sky
        Its brightness without sources.
    unusable
        Pixels to leave out.
    depth
        How much darker than the sky, and than the pixels around, one must be: the
        shadow of dust and the vignetted edge are dark, but so are their surroundings.
    """
    missing = np.where(unusable, np.float32(0.0), sky - pixels)
    dark = missing > depth
    y, x = np.nonzero(dark)
    around = sliding_window_view(np.pad(missing, _AROUND // 2), (_AROUND, _AROUND))[y, x]
    dark[y, x] = missing[y, x] - np.median(around, axis=(1, 2)) > depth
    return np.asarray(dark)


def boxes_of(defects: Flags) -> list[list[int]]:
    """Write pixels as boxes: runs along columns, those of the same rows side by side as one."""
    open_runs: dict[tuple[int, int], list[int]] = {}
    boxes: list[list[int]] = []
    for x in np.flatnonzero(np.append(defects.any(axis=0), False)):
        column = np.diff(np.pad(defects[:, x].astype(np.int8), 1))
        runs = zip(np.flatnonzero(column == 1).tolist(), np.flatnonzero(column == -1).tolist(), strict=True)
        still_open: dict[tuple[int, int], list[int]] = {}
        for run in runs:
            box = open_runs.get(run)
            if box is not None and box[1] == x:
                box[1] = int(x) + 1
            else:
                box = [int(x), int(x) + 1, *run]
                boxes.append(box)
            still_open[run] = box
        open_runs = still_open
    return boxes


def defect_pixels(defects: Mapping[str, list[list[int]]], shape: tuple[int, ...]) -> Flags:
    """Mark the pixels of the dataset.

    Raises
    ------
    UnusableImageError
        Raised if a box leaves the image.
    """
    found = np.zeros(shape, dtype=bool)
    for box in defects["boxes"]:
        if box[1] > shape[1] or box[3] > shape[0]:
            raise UnusableImageError(f"the defect {box} leaves an image of {shape[1]} x {shape[0]} pixels")
        found[cut(box)] = True
    return found
