"""Science image minus template, once both are on the same pixels."""

import numpy as np
from attrs import evolve, frozen
from lsst.images import MaskedImage
from scipy.ndimage import convolve as convolve_stamp

from prompt_pipelines.arrays import Flags, Floats, Pixels, Planes
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.masks import any_of
from prompt_pipelines.matching import MatchingKernel, convolve, fit_kernel, whitening_kernel
from prompt_pipelines.psf import PsfModel
from prompt_pipelines.warp import Warped

__all__ = ["Difference", "Pair", "make_pair", "subtract"]

_SIGMA_PER_FWHM = 1.0 / 2.354820


@frozen(eq=False)
class Pair:
    """Science image (nJy) and template (its own unit) on the same pixels."""

    science: Pixels
    template: Pixels
    science_variance: Pixels
    template_variance: Pixels
    unusable: Flags
    """In either."""
    science_missing: Flags
    """Where the science image shows nothing of the sky; where it is saturated it shows a little."""
    template_missing: Flags


@frozen(eq=False)
class Difference:
    """What subtraction makes, nJy."""

    pixels: Pixels
    variance: Pixels
    psf: PsfModel
    template_scale: float
    """What makes the template's unit nJy; 1 if it was nJy and both are calibrated well."""
    kernel: MatchingKernel
    kernel_sum: float
    blurred: str
    """``science`` or ``template``: which image was the sharper one."""


def make_pair(image: MaskedImage, warped: Warped, scale: float) -> Pair:
    """Bring both images to finite numbers; pixels without any are 0, and unusable ones have variance 1.

    Parameters
    ----------
    image
        Science image, electrons.
    warped
        Template on its pixels.
    scale
        nJy for each electron.
    """
    finite = np.isfinite(image.variance.array) & np.isfinite(image.image.array)
    template_missing = warped.unusable | ~np.isfinite(warped.variance)
    unusable = any_of(image.mask) | template_missing | ~finite
    factor = np.float32(scale)
    zero, one = np.float32(0.0), np.float32(1.0)
    return Pair(
        np.where(finite, image.image.array * factor, zero),
        np.where(template_missing, zero, warped.pixels),
        np.where(unusable, one, image.variance.array * factor**2),
        np.where(unusable, one, warped.variance),
        unusable,
        any_of(image.mask, ("BAD", "NO_DATA", "COSMIC_RAY")) | ~finite,
        template_missing,
    )


def subtract(
    pair: Pair, psf: PsfModel, template_psf: PsfModel, stars: tuple[Floats, Floats], matching_error: float
) -> Difference:
    """Blur the sharper image to the other's PSF, subtract, and make the noise white again.

    Parameters
    ----------
    pair
        The images.
    psf, template_psf
        Their PSFs.
    stars
        x and y of stars that the kernel is fitted to.
    matching_error
        Share of the template's light that the match may leave.

    Raises
    ------
    UnusableImageError
        Raised if no star is usable in both, or what fits them is no kernel.
    """
    blur_template = psf.fwhm >= template_psf.fwhm
    width = _SIGMA_PER_FWHM * float(np.sqrt(abs(psf.fwhm**2 - template_psf.fwhm**2)))
    sharp, target = (pair.template, pair.science) if blur_template else (pair.science, pair.template)
    both = Planes(target, pair.science_variance + pair.template_variance, pair.unusable)
    kernel = fit_kernel(sharp, both, stars, width)
    middle = kernel.at(sharp.shape[1] / 2.0, sharp.shape[0] / 2.0)
    total = float(middle.sum())
    if not total > 0.0:
        raise UnusableImageError("the kernel that fits the stars has no light", kernel_sum=total)
    # What one image lacks would be spread as if it were dark: the other tells better what is there.
    missing = pair.template_missing if blur_template else pair.science_missing
    sharp = np.where(missing, target / np.float32(total), sharp)
    pixels = np.where(pair.unusable, np.float32(0.0), target - convolve(sharp, kernel))
    variances = (pair.science_variance, pair.template_variance)
    fixed, spread = variances if blur_template else variances[::-1]
    whitening = whitening_kernel(middle, _typical(fixed, pair.unusable), _typical(spread, pair.unusable))
    pixels = convolve(pixels, evolve(kernel, kernels=whitening[np.newaxis]))
    # Where a pixel is known badly, such as one that was filled in, those around are too once it is spread.
    both_kernels = convolve_stamp(whitening, middle, mode="constant")
    noise = convolve(spread, evolve(kernel, kernels=both_kernels[np.newaxis] ** 2))
    variance = np.float32((whitening**2).sum()) * fixed + np.maximum(noise, np.float32(0.0))
    stamp = psf.stamp if blur_template else _convolved(psf.stamp, middle / total)
    matched = PsfModel(_convolved(stamp, whitening), psf.stars)
    # The difference comes in the unit of the image that was not blurred: to the science image's.
    factor = np.float32(1.0 if blur_template else -1.0 / total)
    scale = total if blur_template else 1.0 / total
    variance *= factor**2
    light = pair.template * np.float32(scale)
    variance += (np.float32(matching_error) * light) ** 2
    blurred = "template" if blur_template else "science"
    return Difference(pixels * factor, variance, matched, scale, kernel, total, blurred)


def _typical(variance: Pixels, unusable: Flags) -> float:
    good = variance[~unusable]
    return float(np.median(good)) if good.size else 1.0


def _convolved(stamp: Pixels | Floats, kernel: Floats) -> Pixels:
    return np.asarray(convolve_stamp(stamp, kernel, output=np.float32, mode="constant"))
