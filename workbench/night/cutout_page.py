"""A page of cutouts: a row for each object with its science image, its template and their difference."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from astropy.visualization import AsymmetricPercentileInterval
from PIL import Image

__all__ = ["cut", "write_page"]

type Pixels = npt.NDArray[np.floating]
type Grey = npt.NDArray[np.uint8]

_SIZE = 31  # pixels of a cutout from edge to edge
_ENLARGED = 4  # times
_MARGIN = 4  # pixels of the page
_ACROSS = 4  # objects side by side
_PAPER = 255


def cut(image: Pixels, x: float, y: float) -> Pixels:
    """Cut a square around a position (pixels from 0); NaN beyond the image."""
    half = _SIZE // 2
    padded = np.pad(image.astype(float), half, constant_values=np.nan)
    left, low = round(x), round(y)
    stamp = padded[max(low, 0) : max(low, 0) + _SIZE, max(left, 0) : max(left, 0) + _SIZE]
    return np.pad(
        stamp,
        [(0, _SIZE - stamp.shape[0]), (0, _SIZE - stamp.shape[1])],
        constant_values=np.nan,
    )


def write_page(file: Path, objects: Iterable[Sequence[Pixels]]) -> None:
    """Write cutouts as a grey PNG, row by row from the left, four objects to a row.

    Each cutout is stretched between its own 1st and 99.5th percentile; the
    first row of an image is at the bottom, as astronomers are used to.
    """
    strips = [_strip(cutouts) for cutouts in objects]
    if not strips:
        return
    blank = np.full_like(strips[0], _PAPER)
    strips += [blank] * (-len(strips) % _ACROSS)
    rows = [np.hstack(strips[begin : begin + _ACROSS]) for begin in range(0, len(strips), _ACROSS)]
    Image.fromarray(np.vstack(rows)).save(file)


def _strip(cutouts: Sequence[Pixels]) -> Grey:
    stamps = [np.pad(_grey(one), ((_MARGIN, _MARGIN), (1, 1)), constant_values=_PAPER) for one in cutouts]
    return np.pad(np.hstack(stamps), ((0, 0), (_MARGIN, _MARGIN)), constant_values=_PAPER)


def _grey(cutout: Pixels) -> Grey:
    known = np.isfinite(cutout)
    if not known.any():
        return np.full((_SIZE * _ENLARGED,) * 2, _PAPER // 2, np.uint8)
    low, high = AsymmetricPercentileInterval(1.0, 99.5).get_limits(cutout[known])
    scaled = np.clip((np.where(known, cutout, low) - low) / max(high - low, 1e-9), 0.0, 1.0)
    enlarged: Grey = np.kron(np.rint(255 * scaled[::-1]), np.ones((_ENLARGED, _ENLARGED))).astype(np.uint8)
    return enlarged
