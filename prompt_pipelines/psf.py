"""The point-spread function: measured from stars, and fitted to sources."""

import numpy as np
from attrs import frozen
from scipy.ndimage import map_coordinates, spline_filter
from scipy.spatial import KDTree

from prompt_pipelines.arrays import Flags, Floats, Pixels, Planes

__all__ = [
    "PsfFit",
    "PsfModel",
    "PsfShift",
    "cut_stamps",
    "fit_fluxes",
    "fit_shifts",
    "gaussian_psf",
    "isolated",
    "measure_psf",
]

HALF_WIDTH = 12
"""Pixels from a stamp's middle to its edge."""
_MAX_STARS = 80
_BORDER = 2  # pixels at a stamp's edge that hold only sky
_TINY = 1e-30
_REJECTION = 3.0  # times the median misfit: doubles and variables


@frozen(eq=False)
class PsfModel:
    """How a point of light is spread over pixels."""

    stamp: Pixels
    """Odd and square, its peak in the middle; light within the flux aperture sums to 1."""
    stars: int
    """How many it was measured from; 0 if it is a guess."""

    @property
    def fwhm(self) -> float:
        """Full width at half maximum, pixels, of the Gaussian with the same noise-equivalent area."""
        return 2.354820 * float(np.sqrt(self.area / (4.0 * np.pi)))

    @property
    def area(self) -> float:
        """Pixels of sky whose noise the flux of a faint point has."""
        return float(self.stamp.sum()) ** 2 / float((self.stamp**2).sum())


@frozen(eq=False)
class PsfFit:
    """Fluxes of sources at given positions."""

    flux: Floats
    flux_err: Floats
    chi2: Floats
    n_pixels: Floats
    """Usable pixels in the fit."""
    share: Floats
    """Of the model's weight that lies on them."""


@frozen(eq=False)
class PsfShift:
    """How far from given positions sources are."""

    dx: Floats
    dy: Floats
    chi2: Floats
    """Once that is allowed for."""
    n_pixels: Floats


def gaussian_psf(fwhm: float) -> PsfModel:
    """Make a round Gaussian."""
    offsets = np.arange(-HALF_WIDTH, HALF_WIDTH + 1)
    profile = np.exp(-0.5 * (offsets * 2.354820 / fwhm) ** 2)
    stamp = np.outer(profile, profile)
    return PsfModel((stamp / stamp.sum()).astype(np.float32), 0)


def isolated(x: Floats, y: Floats, flux: Floats, radius: float, share: float = 0.05) -> Flags:
    """Tell which sources have no neighbour within `radius` that has more than `share` of their flux."""
    alone = np.ones(len(x), dtype=bool)
    positions = np.column_stack([x, y])
    if len(x) > 1:
        for one, other in KDTree(positions).query_pairs(radius):
            alone[one] &= flux[other] <= share * flux[one]
            alone[other] &= flux[one] <= share * flux[other]
    return alone


def cut_stamps(pixels: Pixels, x: Floats, y: Floats, half_width: int = HALF_WIDTH) -> Floats:
    """Cut squares whose middles are at (x, y), by cubic interpolation; 0 beyond the image."""
    offsets = np.arange(-half_width, half_width + 1)
    rows = y[:, None, None] + offsets[None, :, None] + 0.0 * offsets[None, None, :]
    columns = x[:, None, None] + offsets[None, None, :] + 0.0 * offsets[None, :, None]
    return np.asarray(map_coordinates(pixels, [rows, columns], order=3, output=np.float64))


def measure_psf(pixels: Pixels, x: Floats, y: Floats, flux: Floats, aperture: float) -> PsfModel | None:
    """Average the images of stars.

    Parameters
    ----------
    pixels
        The image, background subtracted.
    x, y, flux
        Of sources that are bright, unsaturated, unmasked and alone.
    aperture
        Radius within which the model's light sums to 1.

    Returns
    -------
    model
        None if there is not one.
    """
    chosen = np.argsort(-flux)[:_MAX_STARS]
    if not len(chosen):
        return None
    # Stamps are cut from a window each, since the spline of a whole image costs more.
    stamps = np.stack([_one_stamp(pixels, x[i], y[i]) for i in chosen])
    edge = np.ones(stamps.shape[1:], dtype=bool)
    edge[_BORDER:-_BORDER, _BORDER:-_BORDER] = False
    stamps -= np.median(stamps[:, edge], axis=1)[:, None, None]
    circle = _circle(aperture)
    sums = (stamps * circle).sum(axis=(1, 2))
    stamps = stamps[sums > 0] / sums[sums > 0, None, None]
    if not len(stamps):
        return None
    misfit = ((stamps - np.median(stamps, axis=0)) ** 2).sum(axis=(1, 2))
    kept = stamps[misfit <= _REJECTION * np.median(misfit)] if len(stamps) > 2 else stamps
    model = np.median(kept, axis=0) if len(kept) > 4 else kept.mean(axis=0)
    model[~_circle(HALF_WIDTH + 0.5)] = 0.0
    return PsfModel((model / (model * circle).sum()).astype(np.float32), len(kept))


def fit_fluxes(
    image: Planes, psf: PsfModel, x: Floats, y: Floats, radius: float, *, with_sky: bool = False
) -> PsfFit:
    """Fit the model's height at each position, weighting pixels by their noise.

    Parameters
    ----------
    image
        Pixels that are unusable are left out.
    psf
        The model.
    x, y
        Positions.
    radius
        Pixels around a position that take part.
    with_sky
        Whether the fit allows for light that is the same in all of them.

    Returns
    -------
    fit
        Flux and error are NaN where no pixel is usable.
    """
    stamps = _stamps(image, psf, x, y, radius)
    weight, model, data = stamps.weight, stamps.model, stamps.data
    if with_sky:
        total = np.maximum(weight.sum(axis=(1, 2), keepdims=True), _TINY)
        model = model - (weight * model).sum(axis=(1, 2), keepdims=True) / total
        data = data - (weight * data).sum(axis=(1, 2), keepdims=True) / total
    norm = (weight * model**2).sum(axis=(1, 2))
    known = norm > 0
    flux = np.full(len(x), np.nan)
    error = np.full(len(x), np.nan)
    flux[known] = (weight * model * data).sum(axis=(1, 2))[known] / norm[known]
    error[known] = norm[known] ** -0.5
    residual = data - np.nan_to_num(flux)[:, None, None] * model
    chi2 = (weight * residual**2).sum(axis=(1, 2))
    return PsfFit(flux, error, chi2, stamps.n_pixels, stamps.share)


def fit_shifts(image: Planes, psf: PsfModel, x: Floats, y: Floats, radius: float) -> PsfShift:
    """Fit the model with its slopes at each position: how far from there it fits best.

    What is left of a star that is subtracted in a slightly wrong place is such a slope too.
    """
    stamps = _stamps(image, psf, x, y, radius)
    step = 0.25  # pixels
    rows, columns = stamps.rows - y[:, None, None], stamps.columns - x[:, None, None]
    slopes = [
        (_model(psf, rows - dy, columns - dx) - _model(psf, rows + dy, columns + dx)) / (2.0 * step)
        for dx, dy in ((step, 0.0), (0.0, step))
    ]
    parts = np.stack([stamps.model, *slopes], axis=1)
    weighted = parts * stamps.weight[:, None]
    normal = np.einsum("siyx,sjyx->sij", weighted, parts)
    normal += _TINY * np.eye(3) + 1e-9 * normal[:, :1, :1] * np.eye(3)
    right = np.einsum("siyx,syx->si", weighted, stamps.data)
    solution = np.linalg.solve(normal, right[..., None])[..., 0]
    residual = stamps.data - np.einsum("si,siyx->syx", solution, parts)
    chi2 = (stamps.weight * residual**2).sum(axis=(1, 2))
    flux = np.where(solution[:, 0] == 0.0, np.nan, solution[:, 0])
    return PsfShift(solution[:, 1] / flux, solution[:, 2] / flux, chi2, stamps.n_pixels)


@frozen(eq=False)
class _Stamps:
    """The pixels around positions, indexed ``[position, y, x]``."""

    rows: np.ndarray
    columns: np.ndarray
    model: Floats
    data: Floats
    weight: Floats
    n_pixels: Floats
    share: Floats


def _stamps(image: Planes, psf: PsfModel, x: Floats, y: Floats, radius: float) -> _Stamps:
    """Cut out the pixels around positions, with the model there."""
    pixels, variance, unusable = image.pixels, image.variance, image.unusable
    half = int(np.ceil(radius))
    offsets = np.arange(-half, half + 1)
    column, row = np.rint(x).astype(int), np.rint(y).astype(int)
    rows = row[:, None, None] + offsets[None, :, None] + 0 * offsets[None, None, :]
    columns = column[:, None, None] + offsets[None, None, :] + 0 * offsets[None, :, None]
    inside = (rows >= 0) & (rows < pixels.shape[0]) & (columns >= 0) & (columns < pixels.shape[1])
    at = (np.clip(rows, 0, pixels.shape[0] - 1), np.clip(columns, 0, pixels.shape[1] - 1))
    near = np.hypot(rows - y[:, None, None], columns - x[:, None, None]) <= radius
    good = inside & near & ~unusable[at] & np.isfinite(variance[at]) & (variance[at] > 0)
    weight = np.where(good, 1.0 / np.where(good, variance[at], 1.0), 0.0)
    data = np.where(good, pixels[at], 0.0)
    model = _model(psf, rows - y[:, None, None], columns - x[:, None, None])
    share = (good * model**2).sum(axis=(1, 2)) / np.maximum((near * model**2).sum(axis=(1, 2)), _TINY)
    return _Stamps(rows, columns, model, data, weight, good.sum(axis=(1, 2)).astype(float), share)


def _model(psf: PsfModel, dy: Floats, dx: Floats) -> Floats:
    """Read the model off at distances from its middle, in pixels."""
    middle = psf.stamp.shape[0] // 2
    places = [dy + middle, dx + middle]
    return np.asarray(map_coordinates(spline_filter(psf.stamp.astype(np.float64)), places, prefilter=False))


def _one_stamp(pixels: Pixels, x: float, y: float) -> Floats:
    margin = HALF_WIDTH + 4
    left, low = int(x) - margin, int(y) - margin
    column, row = max(left, 0), max(low, 0)
    window = pixels[row : low + 2 * margin + 2, column : left + 2 * margin + 2]
    stamps = cut_stamps(window, np.array([x - column]), np.array([y - row]))
    return np.asarray(stamps[0], dtype=np.float64)


def _circle(radius: float) -> Flags:
    y, x = np.mgrid[-HALF_WIDTH : HALF_WIDTH + 1, -HALF_WIDTH : HALF_WIDTH + 1]
    return np.asarray(np.hypot(x, y) <= radius)
