"""The mask planes of the images here, named and meant as lsst-images does."""

import numpy as np
import numpy.typing as npt
from lsst.images import Mask, MaskPlane, MaskSchema

__all__ = ["UNUSABLE_PLANES", "any_of", "image_schema"]

UNUSABLE_PLANES = ("BAD", "SATURATED", "NO_DATA", "COSMIC_RAY")
"""Planes whose pixels hold no measurement of the sky."""


def image_schema() -> MaskSchema:
    """Make the schema of all masks, so that any two can be combined."""
    return MaskSchema(
        [
            MaskPlane("BAD", "Bad pixel in the instrument: no usable bias or flat."),
            MaskPlane("SATURATED", "Pixel was saturated."),
            MaskPlane("NO_DATA", "No data was available for this pixel."),
            MaskPlane("VIGNETTED", "Pixel got much less light than the detector's median, by the flat."),
            MaskPlane("COSMIC_RAY", "A cosmic ray affected this pixel."),
            MaskPlane("INTERPOLATED", "Original pixel value was interpolated."),
            MaskPlane("DETECTED", "Pixel was part of a detected source."),
            MaskPlane("DETECTED_NEGATIVE", "Pixel was part of a detected source with negative flux."),
        ]
    )


def any_of(mask: Mask, planes: tuple[str, ...] = UNUSABLE_PLANES) -> npt.NDArray[np.bool_]:
    """Find the pixels that are in any of the planes."""
    return np.asarray(np.logical_or.reduce([mask.get(plane) for plane in planes]), dtype=bool)
