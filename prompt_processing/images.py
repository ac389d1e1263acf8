"""An image of a night: pixels, where they are on the sky, and the file."""

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from astropy.wcs import WCS
from attrs import frozen
from lsst.images import GeneralizedImage

from prompt_pipelines.raw import RawFrame

__all__ = ["KINDS", "DetectorImage", "image_from"]

KINDS: Final = {
    "calibrated": "preliminary_visit_image",
    "template": "template_detector",
    "difference": "difference_image",
    "isr": "post_isr_image",
}
"""From the short name of an image to its dataset type."""


@frozen(kw_only=True, eq=False)
class DetectorImage:
    """One image of one detector."""

    path: Path
    """The FITS file."""
    array: npt.NDArray[np.floating]
    """Indexed ``[y, x]``: row 0 is the lowest."""
    variance: npt.NDArray[np.floating] | None
    mask: npt.NDArray[np.bool_]
    """Pixels with any plane of the mask set."""
    unit: str
    """Of `array`."""
    wcs: WCS | None
    """None if the image has no place on the sky."""
    nanojansky: float = math.nan
    """In one `unit`, by the zero point; NaN if that is not known. 1 of templates and differences."""

    def cutout(self, x: float, y: float, size: int = 31) -> npt.NDArray[np.floating]:
        """Cut a square of pixels around a position (pixels from 0); NaN beyond the image."""
        half = size // 2
        found = np.full((size, size), np.nan)
        left, low = round(x) - half, round(y) - half
        rows, columns = self.array.shape
        y_min, y_max = max(low, 0), min(low + size, rows)
        x_min, x_max = max(left, 0), min(left + size, columns)
        if y_min < y_max and x_min < x_max:
            part = self.array[y_min:y_max, x_min:x_max]
            found[y_min - low : y_max - low, x_min - left : x_max - left] = part
        return found


def image_from(image: GeneralizedImage | RawFrame, path: Path) -> DetectorImage:
    """Take an image of `lsst.images` apart, or a raw, of which the largest image in its file counts."""
    if isinstance(image, RawFrame):
        return DetectorImage(
            path=path,
            array=image.pixels,
            variance=None,
            mask=np.zeros(image.pixels.shape, bool),
            unit="adu",
            wcs=None,
        )
    plain: Any = getattr(image, "image", image)
    variance, mask = getattr(image, "variance", None), getattr(image, "mask", None)
    flagged = np.zeros(plain.array.shape, bool) if mask is None else np.asarray(mask.array).any(axis=-1)
    return DetectorImage(
        path=path,
        array=plain.array,
        variance=None if variance is None else variance.array,
        mask=flagged,
        unit="" if plain.unit is None else str(plain.unit),
        wcs=image.fits_wcs if image.sky_projection is not None else None,
        nanojansky=1.0 if str(plain.unit) == "nJy" else math.nan,
    )
