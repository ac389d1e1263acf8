"""The mask planes of the images here, named and meant as lsst-images does."""

import numpy as np
from lsst.images import Mask, MaskedImage, MaskPlane, MaskSchema

from prompt_pipelines.arrays import Flags, Floats, Planes

__all__ = ["UNUSABLE_PLANES", "any_of", "image_schema", "planes_of", "touches"]

UNUSABLE_PLANES = ("BAD", "SATURATED", "NO_DATA", "COSMIC_RAY")
"""Planes whose pixels hold no measurement of the sky."""


def image_schema() -> MaskSchema:
    """Make the schema of all masks, so that any two can be combined."""
    return MaskSchema(
        [
            MaskPlane("BAD", "Bad pixel in the instrument: a defect, or no usable master."),
            MaskPlane("SATURATED", "Pixel was saturated."),
            MaskPlane("NO_DATA", "No data was available for this pixel."),
            MaskPlane("VIGNETTED", "Pixel got much less light than the detector's median, by the flat."),
            MaskPlane("COSMIC_RAY", "A cosmic ray affected this pixel."),
            MaskPlane("INTERPOLATED", "Original pixel value was interpolated."),
            MaskPlane("STREAK", "Pixel lies in the streak of a satellite."),
            MaskPlane("DETECTED", "Pixel was part of a detected source."),
        ]
    )


def any_of(mask: Mask, planes: tuple[str, ...] = UNUSABLE_PLANES) -> Flags:
    """Find the pixels that are in any of the planes; one that is bad and was filled in is not."""
    return np.asarray(np.logical_or.reduce([_plane(mask, plane) for plane in planes]), dtype=bool)


def _plane(mask: Mask, plane: str) -> Flags:
    pixels = np.asarray(mask.get(plane), dtype=bool)
    return pixels & ~np.asarray(mask.get("INTERPOLATED"), dtype=bool) if plane == "BAD" else pixels


def touches(plane: Flags, x: Floats, y: Floats, radius: float) -> Flags:
    """Tell which positions have a set pixel within a square of half-width `radius` around them."""
    half = int(np.ceil(radius))
    offsets = np.arange(-half, half + 1)
    rows, columns = plane.shape
    # Only around the positions: filtering the whole plane takes longer than all else here.
    row = np.clip(np.rint(y).astype(int)[:, None] + offsets, 0, rows - 1)
    column = np.clip(np.rint(x).astype(int)[:, None] + offsets, 0, columns - 1)
    return np.asarray(plane[row[:, :, None], column[:, None, :]].any(axis=(1, 2)))


def planes_of(image: MaskedImage, unusable: tuple[str, ...] = UNUSABLE_PLANES) -> Planes:
    """Take an image apart; masked pixels and those without a finite variance are unusable."""
    variance = image.variance.array
    bad = any_of(image.mask, unusable) | ~np.isfinite(variance) | ~np.isfinite(image.image.array)
    return Planes(image.image.array, np.where(bad, np.float32(1.0), variance), bad)
