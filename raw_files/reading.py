"""Reading a raw's file: its cards, its images, or only whether it is whole."""

import contextlib
import gzip
import io
import math
import os
import warnings
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from attrs import frozen

from raw_files.cards import CardValue, joined, values
from raw_files.errors import RawFileError
from raw_files.images import ImageHdu, Size, choose, told_apart

__all__ = ["LoadedImage", "check_whole", "load_images", "read_cards"]

_GZIP = b"\x1f\x8b"
_BLOCK = 2880
_NEXT = b"XTENSION"
"""How another HDU begins."""


@frozen(eq=False)
class LoadedImage:
    """An image with pixels and header."""

    hdu: ImageHdu
    pixels: npt.NDArray[Any]
    """Indexed ``[y, x]``, in the machine's byte order; NaN where the header declares a pixel undefined."""
    header: fits.Header
    """Its cards, then those of the primary HDU that are not among them."""


def check_whole(path: str | os.PathLike[str]) -> None:
    """Check that no byte of any HDU is missing.

    Raises
    ------
    RawFileError
        Raised if the file is truncated, damaged or no FITS.
    OSError
        Raised if it is not there, or must not be read.
    """
    with _opened(path):
        pass


def read_cards(path: str | os.PathLike[str], sizes: Collection[Size] = ()) -> dict[str, CardValue]:
    """Read the cards of the frame and of the primary HDU; the frame's count.

    Parameters
    ----------
    path
        The file, plain or packed by gzip, whatever its name says.
    sizes
        As in `raw_files.images.choose`.

    Raises
    ------
    RawFileError
        Raised as by `check_whole`, and if it cannot be told which image is the frame.
    OSError
        Raised as by `check_whole`.
    """
    with _opened(path) as hdus:
        images = _images(hdus)
        chosen = choose(list(images), sizes)
        cards = images[chosen].header.cards
        _check_scale(values(cards))
        return values([*hdus[0].header.cards, *cards])


def load_images(path: str | os.PathLike[str]) -> list[LoadedImage]:
    """Read the images that may be the frame, the largest first: one, unless their sizes differ.

    Raises
    ------
    RawFileError
        Raised as by `read_cards`, and if pixels cannot be decompressed.
    OSError
        Raised as by `check_whole`.
    """
    with _opened(path, compressed_images=True) as hdus:
        images = _images(hdus)
        return [_loaded(image, images[image], hdus[0]) for image in told_apart(list(images))]


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str], *, compressed_images: bool = False) -> Iterator[fits.HDUList]:
    """Open a file of which every HDU is whole; what goes wrong while it is read is a `RawFileError`."""
    with Path(path).open("rb") as file, warnings.catch_warnings(action="ignore", category=AstropyWarning):
        try:
            stream = _unpacked(file)
            # A table then stands for a compressed image, so that its size in the file is known.
            hdus = fits.open(stream, memmap=False, disable_image_compression=True)
            _check_hdus(hdus, stream)
            if compressed_images and any(hdu.header.get("ZIMAGE", False) is True for hdu in hdus):
                stream.seek(0)
                hdus = fits.open(stream, memmap=False)
            # It ends with the stream; closing it would end the stream for the second one too.
            yield hdus
        except (RawFileError, MemoryError):
            raise
        # A damaged file leads astropy and the decompressors to nearly any exception, some of their own kind.
        except Exception as error:
            raise RawFileError(f"not a whole FITS file ({' '.join(str(error).split())})") from error


def _unpacked(file: BinaryIO) -> BinaryIO:
    packed = file.read(len(_GZIP)) == _GZIP
    file.seek(0)
    return io.BytesIO(gzip.decompress(file.read())) if packed else file


def _check_hdus(hdus: fits.HDUList, stream: BinaryIO) -> None:
    actual = stream.seek(0, os.SEEK_END)
    if not hdus or not isinstance(hdus[0], fits.PrimaryHDU):
        raise RawFileError("not a whole FITS file (its first HDU is none of the standard)")
    end = 0
    for hdu in hdus:
        # What follows a damaged header is bytes behind the last HDU.
        if not hasattr(hdu, "fileinfo"):
            continue
        # Without the padding: some writers leave it out, and nothing is lost with it.
        needed = hdu.fileinfo()["datLoc"] + hdu.size
        if actual < needed:
            raise RawFileError(f"truncated, {actual} bytes where at least {needed} belong")
        end = needed + -needed % _BLOCK
    stream.seek(end)
    # Whatever else stands behind the last HDU concerns nobody.
    if (behind := stream.read(len(_NEXT))) and _NEXT.startswith(behind):
        raise RawFileError(f"truncated within the header at byte {end}")


def _images(hdus: fits.HDUList) -> dict[ImageHdu, fits.ImageHDU]:
    """Find the HDUs that are images of two dimensions; an axis of one pixel is none."""
    found = {}
    for number, hdu in enumerate(hdus):
        shape = _shape(hdu)
        if len(shape) > 2:
            shape = tuple(length for length in shape if length != 1)
        if len(shape) != 2 or 0 in shape:
            continue
        name = str(hdu.name)
        label = f"HDU {number} {name}".rstrip()
        found[ImageHdu(label=label, name=name, shape=(shape[0], shape[1]), bits=_bits(hdu))] = hdu
    return found


def _shape(hdu: fits.ImageHDU) -> tuple[int, ...]:
    if isinstance(hdu, fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU):
        return tuple(hdu.shape)
    header = hdu.header
    if header.get("ZIMAGE", False) is not True:
        return ()
    return tuple(header[f"ZNAXIS{axis}"] for axis in range(header["ZNAXIS"], 0, -1))


def _bits(hdu: fits.ImageHDU) -> int:
    return abs(int(hdu.header.get("ZBITPIX") or hdu.header["BITPIX"]))


def _check_scale(said: Mapping[str, CardValue]) -> None:
    for name in ("BSCALE", "BZERO"):
        value = said.get(name, 1)
        if isinstance(value, str) or not math.isfinite(value) or (name, value) == ("BSCALE", 0):
            raise RawFileError(f"its pixels have no values: {name} is {value}")


def _loaded(image: ImageHdu, hdu: fits.ImageHDU, primary: fits.PrimaryHDU) -> LoadedImage:
    said = values(hdu.header.cards)
    _check_scale(said)
    header = joined(primary.header, hdu.header)
    pixels = np.ascontiguousarray(hdu.data, hdu.data.dtype.newbyteorder("=")).reshape(image.shape)
    # Unsigned numbers are signed ones with an offset, and astropy knows no undefined ones among them.
    if pixels.dtype.kind == "u" and isinstance(blank := said.get("BLANK"), int):
        undefined = pixels == blank + int(said.get("BZERO", 0))
        pixels = pixels.astype(np.float32 if image.bits <= 16 else np.float64)
        pixels[undefined] = np.nan
    return LoadedImage(image, pixels, header)
