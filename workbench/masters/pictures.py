"""Images as pictures for people: stretched, reduced, in PNG."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from astropy.visualization import AsinhStretch, ZScaleInterval
from PIL import Image, ImageDraw

__all__ = ["write_picture"]

_LARGEST = 1024  # pixels of a picture from edge to edge
_UNUSABLE = (200, 40, 40)  # red, of pixels without a number
_MARK = (80, 220, 80)
_MARK_RADIUS = 6  # pixels of the picture


def write_picture(
    file: Path,
    pixels: npt.NDArray[np.floating],
    *,
    asinh: bool = False,
    marks: Iterable[tuple[float, float]] = (),
) -> None:
    """Write an image as a PNG, its first row at the bottom, as astronomers are used to.

    Parameters
    ----------
    file
        Written anew.
    pixels
        Indexed ``[y, x]``; those without a number are red.
    asinh
        Show faint and bright alike, as for the sky; else in proportion.
    marks
        Places (x, y) to draw circles around.
    """
    step = max(1, -(-max(pixels.shape) // _LARGEST))
    small = _reduced(pixels, step)
    known = np.isfinite(small)
    low, high = ZScaleInterval().get_limits(small[known]) if known.any() else (0.0, 1.0)
    if asinh and known.any():
        high = max(high, float(np.percentile(small[known], 99.8)))
    scaled = np.clip((np.where(known, small, low) - low) / max(high - low, 1e-9), 0.0, 1.0)
    if asinh:
        scaled = AsinhStretch(0.1)(scaled)
    colours = np.repeat(np.rint(255.0 * scaled).astype(np.uint8)[..., None], 3, axis=2)
    colours[~known] = _UNUSABLE
    picture = Image.fromarray(colours[::-1].copy())
    draw = ImageDraw.Draw(picture)
    for x, y in marks:
        centre = ((x + 0.5) / step, small.shape[0] - (y + 0.5) / step)
        draw.circle(centre, _MARK_RADIUS, outline=_MARK)
    file.parent.mkdir(parents=True, exist_ok=True)
    picture.save(file)


def _reduced(pixels: npt.NDArray[np.floating], step: int) -> npt.NDArray[np.float64]:
    """Average squares of so many pixels on a side; one that cannot be used shows in its square."""
    rows, columns = (size - size % step for size in pixels.shape)
    if not rows or not columns:
        return pixels.astype(np.float64)
    squares = pixels[:rows, :columns].astype(np.float64).reshape(rows // step, step, columns // step, step)
    return np.asarray(squares.mean(axis=(1, 3)))
