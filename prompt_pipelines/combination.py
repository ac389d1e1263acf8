"""Frames of one kind, made one.

With few frames an outlier widens the scatter by which it would be judged, so
frames are judged by the noise that the detector is known to have
(docs/decisions/calibrations.md).
"""

import logging
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from prompt_pipelines.arrays import Pixels
from prompt_pipelines.assembly import assemble
from prompt_pipelines.camera import DetectorDict
from prompt_pipelines.errors import CalibrationError, UnusableImageError
from prompt_pipelines.raw import RawFrame

__all__ = ["CLIP", "clipped_mean", "lower_median", "median", "row_blocks", "usable", "valid_pixels"]

_log = logging.getLogger(__name__)

_ROWS = 256  # of frames that are combined at a time

CLIP = 4.0
"""Standard deviations from the median: rejects cosmic rays, keeps 99.99 % of the noise."""


def usable[T](
    frames: Sequence[RawFrame], use: Callable[[RawFrame], T], what: str, detector: int
) -> Sequence[T]:
    """Prepare frames; one that cannot be used is left out, and named in the log.

    Raises
    ------
    CalibrationError
        Raised if none is left.
    """
    used, reasons = [], []
    for frame in frames:
        try:
            used.append(use(frame))
        except UnusableImageError as error:
            _log.warning("%s is left out: %s", frame.name or f"one of the {what}", error)
            reasons.append(str(error))
    if not used:
        why = f": {'; '.join(dict.fromkeys(reasons))}" if reasons else ""
        raise CalibrationError(f"no usable {what} among {len(frames)} for detector {detector}{why}")
    return used


def valid_pixels(frame: RawFrame, description: DetectorDict) -> Pixels:
    """Assemble a frame, ADU; NaN where it is saturated.

    Raises
    ------
    UnusableImageError
        Raised if it is of another size, or holds nothing that a camera reads.
    """
    assembled = assemble(frame, description)
    if assembled.unread:
        _log.warning("%s is used without amplifier %s", frame.name or "a frame", assembled.unread)
    pixels = np.where(assembled.saturated, np.float32(np.nan), assembled.pixels)
    if not np.isfinite(pixels).any():
        raise UnusableImageError("none of its pixels is a number below saturation")
    return pixels


def clipped_mean(stack: Pixels, noise: Pixels) -> Pixels:
    """Average frames (their index first) where they are as close to their median as noise allows."""
    mean = np.empty(stack.shape[1:], dtype=np.float32)
    noise = np.broadcast_to(noise, mean.shape)
    for rows in row_blocks(stack):
        block = stack[:, rows]
        middle = np.take_along_axis(block, lower_median(block), axis=0)
        # The median is a frame, so the difference has the noise of two.
        kept = np.abs(block - middle) <= CLIP * np.float32(np.sqrt(2.0)) * noise[rows]
        with np.errstate(invalid="ignore"):
            mean[rows] = np.where(kept, block, np.float32(0.0)).sum(axis=0) / kept.sum(axis=0)
    return mean


def row_blocks(stack: Pixels) -> Iterator[slice]:
    """Cut frames into blocks of rows, so that what is reckoned from them takes less memory than they do."""
    for first in range(0, stack.shape[1], _ROWS):
        yield slice(first, first + _ROWS)


def lower_median(stack: Pixels) -> npt.NDArray[np.intp]:
    """Find the frame of each pixel's median; of an even number the lower of two, which no ray has hit."""
    rising = np.argsort(stack, axis=0)  # NaN last
    numbers = np.isfinite(stack).sum(axis=0)
    return np.asarray(np.take_along_axis(rising, np.maximum(numbers - 1, 0)[None] // 2, axis=0))


def median(pixels: Pixels) -> float:
    """Take the median of the numbers; 0 if there are none."""
    finite = pixels[np.isfinite(pixels)]
    return float(np.median(finite)) if finite.size else 0.0
