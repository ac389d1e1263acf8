"""Streaks of satellites: straight lines, longer than anything on the sky moves in an exposure."""

import numpy as np
from attrs import frozen

from prompt_pipelines.arrays import Flags, Floats, Pixels, Planes

__all__ = ["find_streaks"]

_LARGEST = 512  # cells across in which lines are looked for
_THRESHOLD = 2.5  # standard deviations of a cell
_MOST_POINTS = 6000
_MOST_STREAKS = 8
_COVERED = 0.6  # of a streak's length must be seen
_STEP = 2  # cells along a line that count as one
_FEWEST_CELLS = 30.0  # along a line; fewer may come together by chance
_CONTRAST = 3.0  # times as many points as beside it
_HALF_WIDTH = 2.5  # full widths of the PSF on either side that are masked


@frozen(eq=False, kw_only=True)
class _Line:
    """In cells: where it is nearest to the image's corner, and from where to where along it."""

    angle: float
    """Of its normal, radians."""
    distance: float
    begin: float
    end: float


def find_streaks(image: Planes, fwhm: float, min_length: float) -> Flags:
    """Find the pixels of bright straight lines at least so long, by a Hough transform.

    Parameters
    ----------
    image
        A difference image.
    fwhm
        Of its PSF, pixels.
    min_length
        Pixels; shorter ones may be asteroids.
    """
    size = max(int(np.ceil(fwhm)), int(np.ceil(max(image.pixels.shape) / _LARGEST)))
    cells = _binned(image, size)
    row, column = np.nonzero(cells > _THRESHOLD)
    if len(row) > _MOST_POINTS:
        brightest = np.argsort(-cells[row, column])[:_MOST_POINTS]
        row, column = row[brightest], column[brightest]
    points = np.column_stack([column, row]).astype(float)
    shortest = max(min_length / size, _FEWEST_CELLS)
    streaks = np.zeros(image.pixels.shape, dtype=bool)
    for _ in range(_MOST_STREAKS):
        line = _strongest(points, cells.shape, shortest)
        if line is None:
            break
        streaks |= _drawn(line, image.pixels.shape, size, _HALF_WIDTH * fwhm)
        points = points[np.abs(_offsets(points, line.angle, line.distance)) > 3.0]
    return streaks


def _binned(image: Planes, size: int) -> Pixels:
    """Reckon the signal to noise of squares of pixels, about their median."""
    rows, columns = (length // size for length in image.pixels.shape)
    good = ~image.unusable

    def summed(pixels: np.ndarray) -> np.ndarray:
        trimmed = pixels[: rows * size, : columns * size]
        return np.asarray(trimmed.reshape(rows, size, columns, size).sum(axis=(1, 3), dtype=np.float64))

    light = summed(np.where(good, image.pixels, np.float32(0.0)))
    noise = np.sqrt(summed(np.where(good, image.variance, np.float32(0.0))))
    seen = summed(good) > 0.5 * size**2
    cells = np.where(seen, light / np.where(noise > 0, noise, 1.0), 0.0)
    if not seen.any():
        return np.asarray(cells, dtype=np.float32)
    low, middle, high = np.percentile(cells[seen], (15.865, 50.0, 84.135))
    cells = np.where(seen, (cells - middle) / max((high - low) / 2.0, 1.0), 0.0)
    return np.asarray(cells, dtype=np.float32)


def _strongest(points: Floats, shape: tuple[int, int], min_length: float) -> _Line | None:
    """Find the line on which most points are, if they make a streak."""
    if len(points) < _COVERED * min_length / _STEP:
        return None
    reach = int(np.ceil(np.hypot(*shape)))
    angles = np.arange(0.0, np.pi, 1.0 / reach)
    best, found = 0, (0.0, 0.0)
    for angle in angles:
        distances = points @ (np.cos(angle), np.sin(angle))
        counts = np.bincount(np.rint(distances).astype(int) + reach, minlength=2 * reach + 2)
        pairs = counts[:-1] + counts[1:]
        top = int(pairs.argmax())
        if pairs[top] > best:
            best, found = int(pairs[top]), (float(angle), top - reach + 0.5)
    return _as_streak(points, *_refined(points, *found), min_length)


def _refined(points: Floats, angle: float, distance: float) -> tuple[float, float]:
    """Lay the line through the points on it by least squares."""
    for _ in range(2):
        on = points[np.abs(_offsets(points, angle, distance)) <= 1.5]
        if len(on) < 3:
            break
        middle = on.mean(axis=0)
        _, _, directions = np.linalg.svd(on - middle, full_matrices=False)
        normal = np.array([-directions[0][1], directions[0][0]])
        angle, distance = float(np.arctan2(normal[1], normal[0])), float(normal @ middle)
    return angle, distance


def _as_streak(points: Floats, angle: float, distance: float, min_length: float) -> _Line | None:
    offsets = _offsets(points, angle, distance)
    along = points @ (-np.sin(angle), np.cos(angle))
    steps = np.unique(np.floor(along[np.abs(offsets) <= 1.5] / _STEP).astype(int))
    begin, end = _longest_run(steps)
    length = (end - begin + 1) * _STEP
    inside = (along >= begin * _STEP) & (along < (end + 1) * _STEP)
    on = np.count_nonzero(inside & (np.abs(offsets) <= 1.5))
    beside = np.count_nonzero(inside & (np.abs(offsets) > 4.0) & (np.abs(offsets) <= 7.0)) / 2.0
    if length < min_length or on < _CONTRAST * beside + _COVERED * length / 2.0:
        return None
    return _Line(angle=angle, distance=distance, begin=begin * _STEP, end=(end + 1) * _STEP)


def _longest_run(steps: np.ndarray) -> tuple[int, int]:
    """Find the longest way of which enough steps are seen."""
    best = (0, -1)
    for first in range(len(steps)):
        seen = np.arange(1, len(steps) - first + 1) / (steps[first:] - steps[first] + 1)
        last = first + int(np.flatnonzero(seen >= _COVERED).max())
        if steps[last] - steps[first] > best[1] - best[0]:
            best = (int(steps[first]), int(steps[last]))
    return best


def _offsets(points: Floats, angle: float, distance: float) -> Floats:
    return np.asarray(points @ (np.cos(angle), np.sin(angle)) - distance)


def _drawn(line: _Line, shape: tuple[int, int], size: int, half_width: float) -> Flags:
    """Mark the pixels close to a line."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    column, row = (x + 0.5) / size - 0.5, (y + 0.5) / size - 0.5
    away = column * np.cos(line.angle) + row * np.sin(line.angle) - line.distance
    along = row * np.cos(line.angle) - column * np.sin(line.angle)
    margin = half_width / size
    near = np.abs(away) <= margin
    return np.asarray(near & (along >= line.begin - margin) & (along <= line.end + margin))
