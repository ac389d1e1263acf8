"""Raw frames: pixels and header just as the camera wrote them."""

import os
from collections.abc import Collection
from typing import Any

import numpy.typing as npt
from astropy.io import fits
from attrs import evolve, field, frozen

from prompt_pipelines.errors import RawFormatError
from raw_files.errors import RawFileError
from raw_files.images import Hdu, ImageHdu
from raw_files.reading import load_images

__all__ = ["RawFrame", "read_raw", "write_raw"]


@frozen(eq=False)
class RawFrame:
    """One detector's raw image."""

    pixels: npt.NDArray[Any] = field()
    """ADU, indexed ``[y, x]``, overscan included."""
    header: fits.Header = field(factory=fits.Header)
    """Cards of the image's HDU, then those of the primary HDU that are not among them."""
    name: str = ""
    """Of the file, for people."""
    hdu: ImageHdu | None = None
    """Where in the file the image stands."""
    others: tuple["RawFrame", ...] = ()
    """The file's other images, none larger; which are the frame, the camera's description decides."""
    exposure_time: float | None = None
    """Seconds; None: only the header tells."""

    @pixels.validator
    def _check_pixels(self, _attribute: object, value: npt.NDArray[Any]) -> None:
        if value.ndim != 2 or value.size == 0:
            raise RawFormatError(f"a raw frame has two dimensions, not the shape {value.shape}")


def read_raw(path: str | os.PathLike[str], hdus: Collection[Hdu] = ()) -> RawFrame:
    """Read a raw from a FITS file, plain or tile-compressed, packed by gzip or not.

    Parameters
    ----------
    path
        The file.
    hdus
        Which of its images to read; none is all.

    Raises
    ------
    RawFormatError
        Raised if the file is truncated or no FITS, or lacks one of the images, or holds none.
    OSError
        Raised if the file cannot be opened at all.
    """
    try:
        first, *others = (
            RawFrame(image.pixels, image.header, os.fspath(path), image.hdu)
            for image in load_images(path, hdus)
        )
    except RawFileError as error:
        raise RawFormatError(f"{path}: {error}") from error
    return evolve(first, others=tuple(others))


def write_raw(frame: RawFrame, path: str | os.PathLike[str]) -> None:
    """Write a raw as a plain FITS file, its image in HDU 0, what others there are behind it."""
    image = fits.PrimaryHDU(frame.pixels, frame.header)
    others = [fits.ImageHDU(other.pixels, other.header, name=_name(other)) for other in frame.others]
    fits.HDUList([image, *others]).writeto(path, overwrite=True)


def _name(frame: RawFrame) -> str | None:
    return frame.hdu.name if frame.hdu is not None else None
