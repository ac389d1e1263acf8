"""Cosmic rays, by astroscrappy: the Laplacian edge detection of van Dokkum (2001, PASP 113, 1420).

Only pixels that are sharp to begin with can be cosmic rays, and what is decided of them depends on their
surroundings alone. So astroscrappy sees windows around them: the same rays as in the whole image, in a
quarter of the time.
"""

from collections.abc import Iterator

import astroscrappy
import numpy as np
from attrs import frozen
from scipy.ndimage import find_objects, label, maximum_filter, minimum_filter

from prompt_pipelines.arrays import Flags, Pixels

__all__ = ["CosmicRays", "find_cosmic_rays"]

_MEDIANS_REACH = 6  # pixels: astroscrappy's median over 5 pixels, and that over 9 of them
_ROUND_REACH = 3  # pixels: a round looks at what the last one replaced, and grows
_NOISE_WIDTH = 7  # pixels of the median that astroscrappy smooths the noise with


@frozen(eq=False)
class CosmicRays:
    """What was found in one image."""

    mask: Flags
    cleaned: Pixels
    """The image with the pixels of the mask replaced by the median around them."""


def find_cosmic_rays(
    pixels: Pixels, variance: Pixels, unusable: Flags, *, threshold: float, contrast: float, iterations: int
) -> CosmicRays:
    """Find pixels that are too sharp to be light.

    Parameters
    ----------
    pixels
        Electrons, sky included; every value finite.
    variance
        Of `pixels`.
    unusable
        Pixels to leave out.
    threshold
        In standard deviations.
    contrast
        How much sharper than the sharpest star a pixel must be.
    iterations
        Rounds, each growing what the last has found.
    """
    # astroscrappy wants the noise squared; where there is none known it has its mask.
    noise = np.where(np.isfinite(variance), variance, np.float32(1.0)).astype(np.float32)
    mask, cleaned = np.zeros(pixels.shape, dtype=bool), pixels.astype(np.float32)
    sharp = _are_sharp(pixels, noise, unusable, threshold)
    for window, around in _windows(sharp, _MEDIANS_REACH + _ROUND_REACH * iterations):
        found, replaced = astroscrappy.detect_cosmics(
            pixels[window],
            inmask=unusable[window],
            invar=noise[window],
            sigclip=threshold,
            objlim=contrast,
            niter=iterations,
            satlevel=np.inf,
            sepmed=True,
            cleantype="medmask",
        )
        found &= around
        mask[window] |= found
        cleaned[window][found] = replaced[found]
    return CosmicRays(mask, cleaned)


def _are_sharp(pixels: Pixels, noise: Pixels, unusable: Flags, threshold: float) -> Flags:
    """Tell which pixels may be cosmic rays: those whose Laplacian is above what the noise around may be."""
    padded = np.pad(pixels, 1, mode="edge")
    above, below = padded[:-2, 1:-1], padded[2:, 1:-1]
    left, right = padded[1:-1, :-2], padded[1:-1, 2:]
    # Of each quarter of a pixel two neighbours are the pixel itself: the paper's subsampling.
    quarters = (
        np.maximum(2 * pixels - upright - level, 0) for upright in (above, below) for level in (left, right)
    )
    laplacian = sum(quarters, np.zeros_like(pixels)) / 4
    least_noise = minimum_filter(np.where(unusable, np.inf, noise), _NOISE_WIDTH)
    return np.asarray(laplacian > threshold * 2 * np.sqrt(least_noise)) & ~unusable


def _windows(sharp: Flags, reach: int) -> Iterator[tuple[tuple[slice, slice], Flags]]:
    """Cut out what lies within `reach` of sharp pixels; the flags tell which pixels of a window do."""
    groups, _ = label(maximum_filter(sharp, 2 * reach + 1))
    for number, window in enumerate(find_objects(groups), start=1):
        yield window, groups[window] == number
