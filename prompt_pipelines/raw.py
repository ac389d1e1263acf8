"""Raw frames: pixels and header just as the camera wrote them."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from attrs import field, frozen

from prompt_pipelines.errors import RawFormatError

__all__ = ["RawFrame", "read_raw", "write_raw"]

_FITS_BLOCK = 2880


@frozen(eq=False)
class RawFrame:
    """One detector's raw image."""

    pixels: npt.NDArray[Any] = field()
    """ADU, indexed ``[y, x]``, overscan included."""
    header: fits.Header = field(factory=fits.Header)
    """Cards of the image's HDU, then those of the primary HDU that are not among them."""

    @pixels.validator
    def _check_pixels(self, _attribute: object, value: npt.NDArray[Any]) -> None:
        if value.ndim != 2 or value.size == 0:
            raise RawFormatError(f"a raw frame has two dimensions, not the shape {value.shape}")


def read_raw(path: str | os.PathLike[str]) -> RawFrame:
    """Read a raw from a FITS file, plain or tile-compressed, its image in HDU 0 or 1.

    Raises
    ------
    RawFormatError
        Raised if the file is truncated, is no FITS, or holds no image there.
    OSError
        Raised if the file cannot be opened at all.
    """
    size = Path(path).stat().st_size
    try:
        with fits.open(path, memmap=False) as hdus:
            hdu = _image_hdu(hdus[:2], path)
            if not str(path).endswith(".gz"):
                _check_length(hdu, size, path)
            header = hdu.header.copy()
            header.extend(hdus[0].header, strip=True, unique=True)
            return RawFrame(np.ascontiguousarray(hdu.data, hdu.data.dtype.newbyteorder("=")), header)
    except (FileNotFoundError, PermissionError):
        raise
    # A damaged file makes astropy and its decompressors raise any of these.
    except (OSError, ValueError, TypeError, KeyError, IndexError, EOFError, AstropyWarning) as error:
        raise RawFormatError(f"{path}: no readable raw frame ({error})") from error


def write_raw(frame: RawFrame, path: str | os.PathLike[str]) -> None:
    """Write a raw as a plain FITS file, its image in HDU 0."""
    fits.PrimaryHDU(frame.pixels, frame.header).writeto(path, overwrite=True)


def _image_hdu(hdus: fits.HDUList, path: str | os.PathLike[str]) -> fits.ImageHDU:
    for hdu in hdus:
        if isinstance(hdu, fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU) and len(hdu.shape) == 2:
            return hdu
    raise RawFormatError(f"{path}: neither of the first two HDUs is an image of two dimensions")


def _check_length(hdu: fits.ImageHDU, size: int, path: str | os.PathLike[str]) -> None:
    info = hdu.fileinfo()
    # Some writers leave out the padding after the data, and no pixel is lost. How much of a
    # compressed image's last block is padding cannot be seen here: its decompressor notices.
    unpadded = info["datSpan"] - _FITS_BLOCK + 1 if isinstance(hdu, fits.CompImageHDU) else hdu.size
    needed = info["datLoc"] + unpadded
    if size < needed:
        raise RawFormatError(f"{path}: truncated, {size} bytes where at least {needed} belong")
