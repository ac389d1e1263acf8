"""Matching one image's point-spread function to another's.

The method of Alard & Lupton (1998, ApJ 503, 325): the kernel is a sum of
Gaussians times polynomials, whose coefficients vary linearly over the image
and follow from a linear least-squares fit to the stamps of stars.
"""

import numpy as np
from attrs import frozen
from scipy import fft

from prompt_pipelines.arrays import Floats, Pixels, Planes
from prompt_pipelines.errors import UnusableImageError

__all__ = ["MatchingKernel", "convolve", "fit_kernel", "whitening_kernel"]

KERNEL_HALF_WIDTH = 10
_WHITENING_HALF_WIDTH = 12
_FLOOR = 0.03  # of the noise on large scales, that is thought to be on the smallest at least
_STAMP_HALF_WIDTH = 10  # pixels of a star that take part in the fit
_GAUSSIANS = ((0.7, 4), (1.5, 2), (3.0, 2))
"""Widths in units of the quadratic difference of the two PSFs (at least a pixel), and polynomial degrees."""
_SPATIAL_TERMS = 3  # constant, x, y
_MIN_STAMPS_LINEAR = 12  # fewer stars cannot tell how the kernel varies
_ROUNDS = 3
_CONSTANT = 0.05  # a star that changes by less is no variable here
_REJECTION = 3.0  # robust standard deviations: variables, movers, doubles


@frozen(eq=False)
class MatchingKernel:
    """A kernel that varies linearly over the image."""

    kernels: Floats
    """One for each spatial term, indexed ``[term, y, x]``."""
    shape: tuple[int, int]
    """Of the image."""
    stamps: int
    """How many stars it was fitted to."""
    residual: float
    """Reduced chi squared of the fit."""

    def at(self, x: float, y: float) -> Floats:
        """Evaluate the kernel at a pixel."""
        terms = _spatial_terms(np.array([x]), np.array([y]), self.shape)[: len(self.kernels), 0]
        return np.asarray(np.tensordot(terms, self.kernels, axes=1))


def fit_kernel(image: Pixels, target: Planes, stars: tuple[Floats, Floats], width: float) -> MatchingKernel:
    """Fit the kernel that makes stars in `image` look as in `target`.

    Parameters
    ----------
    image
        The sharper image, background subtracted.
    target
        What it should look like, with the variance of the difference; pixels
        that are unusable in either image are unusable.
    stars
        Their x and y.
    width
        Standard deviation in pixels of the Gaussian that makes up for the
        difference of the two PSFs.

    Raises
    ------
    UnusableImageError
        Raised if no star can be used.
    """
    basis = _basis(width)
    stamps = _stamps(image, target, stars, basis)
    if not stamps:
        raise UnusableImageError(
            "no star is usable in both science image and template", candidates=len(stars[0])
        )
    kept = _constant([stamp.ratio for stamp in stamps])
    for round_ in range(_ROUNDS):
        terms = _SPATIAL_TERMS if len(kept) >= _MIN_STAMPS_LINEAR else 1
        solution = _solve([stamps[i] for i in kept], terms, image.shape)
        misfit = np.array([_misfit(stamps[i], solution, terms, image.shape) for i in kept])
        middle = float(np.median(misfit))
        spread = 1.4826 * float(np.median(np.abs(misfit - middle)))
        better = [i for i, value in zip(kept, misfit, strict=True) if value <= middle + _REJECTION * spread]
        if round_ == _ROUNDS - 1 or len(better) == len(kept):
            break
        kept = better
    coefficients = solution[: terms * len(basis)].reshape(terms, len(basis))
    kernels = np.tensordot(coefficients, basis, axes=1)
    return MatchingKernel(kernels, (image.shape[0], image.shape[1]), len(kept), middle)


def convolve(image: Pixels, kernel: MatchingKernel) -> Pixels:
    """Convolve an image with a kernel that varies over it."""
    rows, columns = image.shape
    half = kernel.kernels.shape[-1] // 2
    size = [fft.next_fast_len(n + 2 * half, real=True) for n in image.shape]
    transformed = fft.rfft2(image, size)
    y, x = np.arange(rows, dtype=np.float32), np.arange(columns, dtype=np.float32)
    result = np.zeros(image.shape, dtype=np.float32)
    factors = (np.ones((1, 1), np.float32), _scaled(x, columns)[None, :], _scaled(y, rows)[:, None])
    for one, factor in zip(kernel.kernels, factors, strict=False):
        product = fft.irfft2(transformed * fft.rfft2(one.astype(np.float32), size), size)
        result += factor * product[half : half + rows, half : half + columns]
    return result


def whitening_kernel(kernel: Floats, fixed: float, spread: float) -> Floats:
    """Make what takes the correlation of neighbours out of a difference's noise.

    The noise of the image that was convolved is correlated, that of the other
    is not (Reiss & Lupton 2016, DMTN-021; Zackay, Ofek & Gal-Yam 2016, ApJ 830, 27).

    Parameters
    ----------
    kernel
        With which one image was convolved.
    fixed, spread
        Variance of a pixel of the image that was not convolved, and of the one that was, before.
    """
    half = _WHITENING_HALF_WIDTH
    size = 4 * half + 1
    power = fixed + spread * np.abs(np.fft.fft2(kernel, (size, size))) ** 2
    # Where a deep template is the blurred one, hardly any noise is left to be raised: what the kernel is
    # wrong by would be.
    power += _FLOOR * power[0, 0]
    gain = np.sqrt(power[0, 0] / power)
    whitening = np.fft.fftshift(np.fft.ifft2(gain).real)
    inner = slice(half, 3 * half + 1)
    return np.asarray(whitening[inner, inner])


@frozen(eq=False)
class _Stamp:
    x: float
    y: float
    basis: Floats
    """The image convolved with each basis kernel; one row for each usable pixel."""
    data: Floats
    weight: Floats
    """Square root of the inverse variance."""
    ratio: float
    """Light in the target over that in the image."""


def _basis(width: float) -> Floats:
    half = KERNEL_HALF_WIDTH
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(float)
    kernels = []
    for factor, degree in _GAUSSIANS:
        sigma = factor * max(width, 1.0)
        envelope = np.exp(-(x**2 + y**2) / (2.0 * sigma**2))
        for power_x in range(degree + 1):
            for power_y in range(degree + 1 - power_x):
                kernel = envelope * (x / sigma) ** power_x * (y / sigma) ** power_y
                kernels.append(kernel / np.abs(kernel).sum())
    return np.array(kernels)


def _stamps(image: Pixels, target: Planes, stars: tuple[Floats, Floats], basis: Floats) -> list[_Stamp]:
    reach = _STAMP_HALF_WIDTH + KERNEL_HALF_WIDTH
    size = fft.next_fast_len(2 * reach + 1, real=True)
    transformed = fft.rfft2(basis, (size, size))
    whole = slice(
        2 * KERNEL_HALF_WIDTH, 2 * reach + 1
    )  # where a kernel lies on the stamp with all its pixels
    stamps = []
    for column, row in zip(*(np.rint(place).astype(int) for place in stars), strict=True):
        if not (reach <= row < image.shape[0] - reach and reach <= column < image.shape[1] - reach):
            continue
        wide = (slice(row - reach, row + reach + 1), slice(column - reach, column + reach + 1))
        half = _STAMP_HALF_WIDTH
        inner = (slice(row - half, row + half + 1), slice(column - half, column + half + 1))
        if target.unusable[inner].any():
            continue
        product = transformed * fft.rfft2(image[wide].astype(float), (size, size))
        convolved = fft.irfft2(product, (size, size))[:, whole, whole]
        weight = 1.0 / np.sqrt(target.variance[inner].astype(float).ravel())
        stamps.append(
            _Stamp(
                float(column),
                float(row),
                _centred(convolved.reshape(len(basis), -1).T, weight),
                _centred(target.pixels[inner].astype(float).reshape(-1, 1), weight)[:, 0],
                weight,
                _light(target.pixels[inner]) / max(_light(image[inner]), 1e-9),
            )
        )
    return stamps


def _light(stamp: Pixels) -> float:
    """Sum a star's light over its stamp's surroundings' median."""
    values = stamp.astype(float)
    border = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    return float((values - np.median(border)).sum())


def _constant(ratios: list[float]) -> list[int]:
    """Leave out stars that are brighter or fainter in one image than in the other, as others are not."""
    values = np.array(ratios)
    middle = float(np.median(values))
    spread = 1.4826 * float(np.median(np.abs(values - middle)))
    limit = max(_REJECTION * spread, _CONSTANT * abs(middle))
    return [i for i, value in enumerate(values) if abs(value - middle) <= limit]


def _centred(columns: Floats, weight: Floats) -> Floats:
    """Take out the sky that background subtraction left around this star, whatever it is."""
    mean = np.average(columns, axis=0, weights=weight**2)
    return np.asarray(columns - mean)


def _design(stamp: _Stamp, terms: int, shape: tuple[int, ...]) -> Floats:
    spatial = _spatial_terms(np.array([stamp.x]), np.array([stamp.y]), shape)[:terms, 0]
    return np.concatenate([value * stamp.basis for value in spatial], axis=1)


def _solve(stamps: list[_Stamp], terms: int, shape: tuple[int, ...]) -> Floats:
    size = terms * stamps[0].basis.shape[1]
    normal, right = np.zeros((size, size)), np.zeros(size)
    for stamp in stamps:
        weighted = _design(stamp, terms, shape) * stamp.weight[:, None]
        normal += weighted.T @ weighted
        right += weighted.T @ (stamp.data * stamp.weight)
    return np.linalg.lstsq(normal, right, rcond=1e-10)[0]


def _misfit(stamp: _Stamp, solution: Floats, terms: int, shape: tuple[int, ...]) -> float:
    residual = (stamp.data - _design(stamp, terms, shape) @ solution) * stamp.weight
    return float(np.mean(residual**2))


def _scaled(values: Floats | Pixels, size: int) -> Floats:
    return np.asarray(2.0 * values / max(size - 1, 1) - 1.0, dtype=np.float32)


def _spatial_terms(x: Floats, y: Floats, shape: tuple[int, ...]) -> Floats:
    return np.stack([np.ones(len(x)), _scaled(x, shape[1]), _scaled(y, shape[0])])
