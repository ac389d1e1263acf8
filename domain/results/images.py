"""Images that are kept of a visit-detector."""

import enum
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from attrs import frozen

__all__ = ["ImageKind", "ImagePixels", "KeptImage", "PixelBox"]


class ImageKind(enum.StrEnum):
    """What an image shows, in the order in which they are made."""

    RAW = "raw"
    ISR = "isr"
    CALIBRATED = "calibrated"
    TEMPLATE = "template"
    DIFFERENCE = "difference"


@frozen(kw_only=True)
class KeptImage:
    """Names one image in an archive."""

    group: str
    visit: int
    """The exposure, which is a visit to the Butler."""
    detector: int
    kind: ImageKind

    @property
    def place(self) -> tuple[int, int, int]:
        """Sort by it: exposures, detectors, kinds."""
        return self.visit, self.detector, list(ImageKind).index(self.kind)

    def __str__(self) -> str:
        return f"{self.kind} image of visit {self.visit}, detector {self.detector}"


@frozen(kw_only=True)
class PixelBox:
    """A part of an image, in pixels from 0; what of it is beyond the image is not read."""

    x: int
    y: int
    width: int
    height: int


@frozen(kw_only=True, eq=False)
class ImagePixels:
    """One image, read, or a part of it."""

    name: KeptImage
    array: npt.NDArray[np.floating]
    """Indexed ``[y, x]``: row 0 is the lowest."""
    corner: tuple[int, int] = (0, 0)
    """Where in the whole image the array begins: x and y."""
    mask: npt.NDArray[np.unsignedinteger] | None
    """Bits of `planes`, of the shape of `array`; None if there is no mask, or it was not asked for."""
    planes: Mapping[str, int]
    """From the name of a mask plane to its bit, counted from 0; known without the mask too."""
    unit: str
    """Of `array`."""
    wcs: Mapping[str, str | float | int] | None
    """FITS cards of where it is on the sky; None if that is not known."""
    path: str
    """Its file."""
    nanojansky: float | None = None
    """Of one unit, of a whole image that is calibrated; None if it is not, or its unit says so already."""
