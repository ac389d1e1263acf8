"""Science image minus template, once both are on the same pixels."""

import numpy as np
from attrs import evolve, frozen
from lsst.images import MaskedImage
from scipy.ndimage import convolve as convolve_stamp

from prompt_pipelines.arrays import Flags, Floats, Pixels, Planes
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.masks import any_of
from prompt_pipelines.matching import MatchingKernel, convolve, fit_kernel
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
    """Bring both images to finite numbers; unusable pixels are 0 with variance 1.

    Parameters
    ----------
    image
        Science image, electrons.
    warped
        Template on its pixels.
    scale
        nJy for each electron.
    """
    unusable = any_of(image.mask) | warped.unusable | ~np.isfinite(image.variance.array)
    unusable |= ~np.isfinite(warped.variance)
    factor = np.float32(scale)
    zero, one = np.float32(0.0), np.float32(1.0)
    return Pair(
        np.where(unusable, zero, image.image.array * factor),
        np.where(unusable, zero, warped.pixels),
        np.where(unusable, one, image.variance.array * factor**2),
        np.where(unusable, one, warped.variance),
        unusable,
    )


def subtract(
    pair: Pair, psf: PsfModel, template_psf: PsfModel, stars: tuple[Floats, Floats], matching_error: float
) -> Difference:
    """Blur the sharper image to the other's PSF and subtract the template from the science image.

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
    blurred = convolve(sharp, kernel)
    # Where a pixel is known badly, such as one that was filled in, those around are too once it is spread.
    spread = evolve(kernel, kernels=(middle**2)[np.newaxis])
    noise = convolve(pair.template_variance if blur_template else pair.science_variance, spread)
    noise = np.maximum(noise, np.float32(0.0))
    if blur_template:
        scale, matched = total, psf
        pixels, template = pair.science - blurred, blurred
        variance = pair.science_variance + noise
    else:
        # The difference comes in the template's unit: back to the science image's.
        scale, factor = 1.0 / total, np.float32(1.0 / total)
        pixels, template = (blurred - pair.template) * factor, pair.template * factor
        variance = (noise + pair.template_variance) * factor**2
        stamp = convolve_stamp(psf.stamp, middle / total, output=np.float32, mode="constant")
        matched = PsfModel(stamp, psf.stars)
    variance = variance + (np.float32(matching_error) * template) ** 2
    blurred_name = "template" if blur_template else "science"
    return Difference(pixels, variance, matched, scale, kernel, total, blurred_name)
