"""Trails: what has moved during the exposure, fitted with the PSF drawn out along a line."""

from collections.abc import Sequence

import numpy as np
from attrs import evolve, frozen
from scipy.ndimage import find_objects, label, map_coordinates, spline_filter
from scipy.optimize import least_squares

from prompt_pipelines.arrays import Floats, Pixels, Planes
from prompt_pipelines.psf import PsfModel

__all__ = ["Trail", "as_points", "find_trails"]

_ELONGATED = 1.25  # ratio of the axes of a region that may be a trail
_FEWEST_SIGMA = 15.0  # of a trail as a whole
_SHORTEST = 1.0  # full widths; what moves less looks like the PSF
_GROWN = 0.65  # of the threshold, down to which a region goes: a faint trail is broken
_MOST = 12  # regions that are fitted, the most significant ones
_SAMPLES = 2.5  # for each full width of a trail's length
_REACH = 2.0  # full widths around a trail that take part in the fit
_MIN_SHARE = 0.7  # of the pixels there must be usable
_MAX_CHI2 = 1.3
_BETTER = 40.0  # by which chi squared must be less than a point's
_MODEL_ERROR = 0.05  # of a pixel's light by which the PSF may be wrong


@frozen(kw_only=True)
class Trail:
    """One trail, in pixels."""

    x: float
    y: float
    """Of its middle."""
    length: float
    angle: float
    """Radians from x to y; 0 to pi."""
    flux: float
    x_err: float
    y_err: float
    length_err: float
    angle_err: float
    flux_err: float
    chi2: float
    n_pixels: int
    at_edge: bool
    """Whether it may go on beyond the image or into pixels without data."""


@frozen(eq=False)
class _Window:
    """The pixels around a region."""

    rows: Floats
    columns: Floats
    data: Floats
    noise: Floats
    good: np.ndarray


def find_trails(image: Planes, psf: PsfModel, score: Pixels, threshold: float, longest: float) -> list[Trail]:
    """Find trails and measure them.

    Parameters
    ----------
    image
        A difference image.
    psf
        Its PSF.
    score
        Signal to noise of the PSF at each pixel.
    threshold
        That makes a region significant.
    longest
        Pixels; what is longer is no trail.
    """
    regions, _ = label(score >= _GROWN * threshold, structure=np.ones((3, 3)))
    candidates = []
    for number, box in enumerate(find_objects(regions), start=1):
        sides = [piece.stop - piece.start for piece in box]
        if max(sides) < (0.5 + _SHORTEST) * psf.fwhm or np.hypot(*sides) > longest + 2.0 * psf.fwhm:
            continue
        light = np.where(regions[box] == number, score[box], 0.0)
        if light.max() >= threshold and (start := _moments(light, box)) is not None:
            candidates.append((float(light.max()), start))
    candidates.sort(key=lambda candidate: -candidate[0])
    spline = spline_filter(psf.stamp.astype(np.float64))
    trails = (_fit(image, psf, spline, start, longest) for _, start in candidates[:_MOST])
    return [trail for trail in trails if trail is not None]


def as_points(image: Planes, psf: PsfModel, trails: Sequence[Trail]) -> Planes:
    """Put a point of the same light in the place of each trail, so that it is judged as others are."""
    pixels = image.pixels.copy()
    spline = spline_filter(psf.stamp.astype(np.float64))
    for trail in trails:
        window = _window(image, (trail.x, trail.y), trail.length / 2.0 + psf.stamp.shape[0] // 2)
        drawn, point = (
            _model(spline, psf.fwhm, window.rows, window.columns, (trail.x, trail.y, *shape))
            for shape in ((trail.length, trail.angle), (0.0, 0.0))
        )
        rows, columns = window.rows[:, 0].astype(int), window.columns[0].astype(int)
        pixels[np.ix_(rows, columns)] += (trail.flux * (point - drawn)).astype(np.float32)
    return evolve(image, pixels=np.where(image.unusable, image.pixels, pixels))


def _moments(light: Floats, box: tuple[slice, slice]) -> Floats | None:
    """Guess place, length and angle of an elongated region."""
    rows, columns = np.indices(light.shape)
    total = light.sum()
    x, y = (light * columns).sum() / total, (light * rows).sum() / total
    dx, dy = columns - x, rows - y
    xx, yy, xy = ((light * product).sum() / total for product in (dx * dx, dy * dy, dx * dy))
    small, large = np.linalg.eigvalsh([[xx, xy], [xy, yy]])
    if large < _ELONGATED**2 * max(small, 0.1):
        return None
    angle = 0.5 * np.arctan2(2.0 * xy, xx - yy)
    return np.array([x + box[1].start, y + box[0].start, np.sqrt(12.0 * (large - small)), angle])


def _window(image: Planes, place: tuple[float, float], reach: float) -> _Window:
    x, y = place
    height, width = image.pixels.shape
    row = np.arange(max(int(y - reach), 0), min(int(y + reach) + 2, height))
    column = np.arange(max(int(x - reach), 0), min(int(x + reach) + 2, width))
    at = np.ix_(row, column)
    good = ~image.unusable[at]
    noise = np.sqrt(np.where(good, image.variance[at], 1.0)).astype(np.float64)
    rows, columns = np.meshgrid(row.astype(float), column.astype(float), indexing="ij")
    return _Window(rows, columns, np.where(good, image.pixels[at], 0.0).astype(np.float64), noise, good)


def _model(
    spline: Floats, fwhm: float, rows: Floats, columns: Floats, shape: Sequence[float] | Floats
) -> Floats:
    """Draw a trail whose light sums to 1 as the PSF's does."""
    x, y, length, angle = shape
    count = int(np.ceil(_SAMPLES * abs(length) / fwhm)) + 1
    middle = spline.shape[0] // 2
    total = np.zeros(rows.shape)
    for step in (np.arange(count) + 0.5 - count / 2.0) / count * length:
        places = [rows - y - step * np.sin(angle) + middle, columns - x - step * np.cos(angle) + middle]
        total += map_coordinates(spline, places, prefilter=False)
    return np.asarray(total / count)


def _fit(image: Planes, psf: PsfModel, spline: Floats, start: Floats, longest: float) -> Trail | None:
    """Fit place, length, angle and flux; None if that is no trail."""
    reach = _REACH * psf.fwhm
    window = _window(image, (start[0], start[1]), start[2] / 2.0 + reach)
    away = _distances(window, start)
    used = window.good & (away <= reach)
    if np.count_nonzero(used) < _MIN_SHARE * np.count_nonzero(away <= reach):
        return None

    rows, columns, data = window.rows[used], window.columns[used], window.data[used]
    noise = np.hypot(window.noise, _MODEL_ERROR * np.abs(window.data))[used]

    def fitted(shape: Floats) -> tuple[float, float, Floats]:
        model = _model(spline, psf.fwhm, rows, columns, shape) / noise
        norm = max(float(model @ model), 1e-30)
        flux = float(model @ (data / noise)) / norm
        return flux, norm**-0.5, data / noise - flux * model

    step = np.array([1.0, 1.0, 1.0, 0.1])
    result = least_squares(
        lambda shape: fitted(shape)[2], start, x_scale=step, diff_step=1e-3, max_nfev=30, xtol=1e-4
    )
    x, y, length, angle = result.x
    flux, flux_err, residual = fitted(result.x)
    point = fitted(np.array([x, y, 0.0, 0.0]))[2]
    chi2, freedom = float(residual @ residual), max(len(residual) - 5, 1)
    if (
        not _SHORTEST * psf.fwhm <= abs(length) <= longest
        or flux < _FEWEST_SIGMA * flux_err
        or chi2 > _MAX_CHI2 * freedom
        or float(point @ point) - chi2 < _BETTER
        or np.hypot(x - start[0], y - start[1]) > 0.5 * abs(length) + psf.fwhm
    ):
        return None
    errors = np.sqrt(np.diag(np.linalg.pinv(result.jac.T @ result.jac)))
    return Trail(
        x=float(x),
        y=float(y),
        length=float(abs(length)),
        angle=float(angle % np.pi),
        flux=flux,
        x_err=float(errors[0]),
        y_err=float(errors[1]),
        length_err=float(errors[2]),
        angle_err=float(errors[3]),
        flux_err=flux_err,
        chi2=chi2,
        n_pixels=len(residual),
        at_edge=_reaches_edge(image, result.x, psf.fwhm),
    )


def _distances(window: _Window, shape: Floats) -> Floats:
    """Measure how far pixels are from the line."""
    x, y, length, angle = shape
    dx, dy = window.columns - x, window.rows - y
    along = dx * np.cos(angle) + dy * np.sin(angle)
    beyond = np.maximum(np.abs(along) - abs(length) / 2.0, 0.0)
    return np.asarray(np.hypot(beyond, dy * np.cos(angle) - dx * np.sin(angle)))


def _reaches_edge(image: Planes, shape: Floats, fwhm: float) -> bool:
    x, y, length, angle = shape
    half = np.array([-1.0, 1.0]) * (abs(length) / 2.0 + fwhm)
    column, row = np.rint(x + half * np.cos(angle)).astype(int), np.rint(y + half * np.sin(angle)).astype(int)
    height, width = image.pixels.shape
    if ((column < 0) | (column >= width) | (row < 0) | (row >= height)).any():
        return True
    return bool(image.unusable[row, column].any())
