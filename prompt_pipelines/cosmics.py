"""Cosmic rays, by astroscrappy: the Laplacian edge detection of van Dokkum (2001, PASP 113, 1420)."""

import astroscrappy
import numpy as np
from attrs import frozen

from prompt_pipelines.arrays import Flags, Pixels

__all__ = ["CosmicRays", "find_cosmic_rays"]


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
    mask, cleaned = astroscrappy.detect_cosmics(
        pixels,
        inmask=unusable,
        invar=noise,
        sigclip=threshold,
        objlim=contrast,
        niter=iterations,
        satlevel=np.inf,
        sepmed=True,
        cleantype="medmask",
    )
    return CosmicRays(np.asarray(mask, dtype=bool), np.asarray(cleaned, dtype=np.float32))
