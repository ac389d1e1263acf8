"""Dipoles: a bright and a dark point side by side, fitted as two PSFs."""

import numpy as np
from attrs import evolve, frozen
from scipy.ndimage import map_coordinates, spline_filter
from scipy.optimize import least_squares

from prompt_pipelines.arrays import Floats, Planes
from prompt_pipelines.dia_detection import Peaks, dipole_pairs
from prompt_pipelines.dia_fits import Searched
from prompt_pipelines.psf import PsfModel, fit_fluxes

__all__ = ["Dipole", "fit_dipoles"]

_MOST = 20  # that are fitted, the most significant ones
_REACH = 1.5  # full widths around either lobe that take part
_MODEL_ERROR = 0.05  # of a pixel's light by which the PSF may be wrong
_MAX_CHI2 = 1.5
_ALL_OF_IT = (0.7, 1.4)  # of what the template shows is gone from where something has moved away
_APART = 0.6  # full widths; of lobes that are closer together only flux times distance is known


@frozen(kw_only=True)
class Dipole:
    """One dipole, in pixels."""

    peak: int
    """Number of the peak that is its bright lobe."""
    positive: tuple[float, float, float]
    """x, y, flux."""
    negative: tuple[float, float, float]
    """The same; its flux is less than 0."""
    flux_err: tuple[float, float]
    chi2: float
    n_pixels: int
    moved: bool
    """Whether it is something that left the place where the template has it, not what a wrong match left."""


def fit_dipoles(image: Searched, peaks: Peaks, radius: float) -> list[Dipole]:
    """Fit the pairs of peaks of opposite signs within `radius`, pixels."""
    pairs = dipole_pairs(peaks, radius)
    size = np.abs(peaks.score)
    pairs = sorted(pairs, key=lambda pair: -(size[pair[0]] + size[pair[1]]))[:_MOST]
    spline = spline_filter(image.psf.stamp.astype(np.float64))
    fitted = (_fit(image.difference, image.psf, spline, peaks, pair) for pair in pairs)
    return [_judged(dipole, image.template, image.psf) for dipole in fitted if dipole is not None]


def _fit(image: Planes, psf: PsfModel, spline: Floats, peaks: Peaks, pair: tuple[int, int]) -> Dipole | None:
    bright, dark = pair
    start = np.array([peaks.x[bright], peaks.y[bright], peaks.x[dark], peaks.y[dark]])
    rows, columns = _around(image, start, _REACH * psf.fwhm)
    if len(rows) < 2 * len(start):
        return None
    data = image.pixels[rows, columns].astype(np.float64)
    noise = np.hypot(np.sqrt(image.variance[rows, columns]), _MODEL_ERROR * np.abs(data))
    middle = spline.shape[0] // 2

    def solved(places: Floats) -> tuple[Floats, Floats, Floats]:
        lobes = [
            map_coordinates(spline, [rows - y + middle, columns - x + middle], prefilter=False) / noise
            for x, y in (places[:2], places[2:])
        ]
        model = np.stack(lobes, axis=1)
        normal = model.T @ model + 1e-30 * np.eye(2)
        fluxes = np.linalg.solve(normal, model.T @ (data / noise))
        return fluxes, np.sqrt(np.diag(np.linalg.pinv(normal))), data / noise - model @ fluxes

    reach = 0.7 * psf.fwhm
    result = least_squares(
        lambda places: solved(places)[2], start, bounds=(start - reach, start + reach), max_nfev=30, xtol=1e-4
    )
    fluxes, errors, residual = solved(result.x)
    if not (fluxes[0] > 0 > fluxes[1]):
        return None
    return Dipole(
        peak=bright,
        positive=(float(result.x[0]), float(result.x[1]), float(fluxes[0])),
        negative=(float(result.x[2]), float(result.x[3]), float(fluxes[1])),
        flux_err=(float(errors[0]), float(errors[1])),
        chi2=float(residual @ residual),
        n_pixels=len(residual),
        moved=False,
    )


def _around(image: Planes, places: Floats, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """List the usable pixels around either of two places."""
    x, y = places[0::2], places[1::2]
    height, width = image.pixels.shape
    low, high = int(max(y.min() - reach, 0)), int(min(y.max() + reach + 2, height))
    left, right = int(max(x.min() - reach, 0)), int(min(x.max() + reach + 2, width))
    rows, columns = np.mgrid[low:high, left:right]
    near = np.minimum(*(np.hypot(columns - x0, rows - y0) for x0, y0 in zip(x, y, strict=True))) <= reach
    used = near & ~image.unusable[low:high, left:right]
    return rows[used], columns[used]


def _judged(dipole: Dipole, template: Planes, psf: PsfModel) -> Dipole:
    """Tell what has moved from what was subtracted in a slightly wrong place: of that most is still there."""
    x, y, flux = dipole.negative
    below = fit_fluxes(template, psf, np.array([x]), np.array([y]), _REACH * psf.fwhm)
    share = -flux / max(float(np.nan_to_num(below.flux[0])), 1e-30)
    gone = _ALL_OF_IT[0] < share < _ALL_OF_IT[1]
    apart = np.hypot(x - dipole.positive[0], y - dipole.positive[1]) >= _APART * psf.fwhm
    good = dipole.chi2 <= _MAX_CHI2 * max(dipole.n_pixels - 6, 1)
    return evolve(dipole, moved=bool(gone and apart and good))
