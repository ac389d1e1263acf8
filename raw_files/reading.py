"""Reading a raw's file: its cards, its images, or only whether it is whole."""

import contextlib
import io
import os
import warnings
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy.typing as npt
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from attrs import frozen

from raw_files.cards import CardValue, values
from raw_files.errors import RawFileError
from raw_files.hdus import StoredHdu, find_hdus
from raw_files.images import Hdu, ImageHdu, Size, choose, find, frames_first
from raw_files.pixels import check_scale, header_of, read_pixels, read_stored
from raw_files.sums import check_sums, has_sum

__all__ = ["LoadedImage", "check_whole", "load_images", "read_cards", "read_parts"]

_GZIP = b"\x1f\x8b"
_GZIP_FORMAT = 16 + zlib.MAX_WBITS
_CHUNK = 2**20


@frozen(eq=False)
class LoadedImage:
    """An image with pixels and header."""

    hdu: ImageHdu
    pixels: npt.NDArray[Any]
    """Indexed ``[y, x]``, in the machine's byte order; NaN where the header declares a pixel undefined."""
    header: fits.Header
    """Its cards, then those of the primary HDU that are not among them; none about the file itself."""


@frozen(eq=False)
class _File:
    """An open file of which every HDU is whole."""

    stream: BinaryIO
    hdus: list[StoredHdu]

    def check_pixels(self, hdu: StoredHdu) -> None:
        """Make sure that an image's pixels can be read; those under a checksum that is right can be."""
        if hdu.is_compressed and not has_sum(hdu):
            read_stored(hdu, self.stream)


def check_whole(path: str | os.PathLike[str]) -> None:
    """Check that no byte of any HDU is missing, that checksums are right and that pixels can be read.

    Raises
    ------
    RawFileError
        Raised if the file is truncated, damaged or no FITS.
    OSError
        Raised if it is not there, or must not be read.
    """
    with _opened(path) as file:
        for hdu in file.hdus:
            file.check_pixels(hdu)


def read_cards(
    path: str | os.PathLike[str],
    sizes: Collection[Size] = (),
    hdus: Mapping[Hdu, Collection[Size]] | None = None,
) -> dict[str, CardValue]:
    """Read the cards of the frame and of the primary HDU; the frame's count.

    Parameters
    ----------
    path
        The file, plain or packed by gzip, whatever its name says.
    sizes
        As in `raw_files.images.choose`.
    hdus
        Where the frame's pixels are, and how many those HDUs have; all must be there, and the first
        one's cards count. None or nothing: in the image that is chosen by `sizes`.

    Raises
    ------
    RawFileError
        Raised as by `check_whole`, for the pixels of the frame alone, and if an HDU of its is missing or it
        cannot be told which image is the frame.
    OSError
        Raised as by `check_whole`.
    """
    (found,) = read_parts(path, [(sizes, hdus or {})])
    if isinstance(found, RawFileError):
        raise found
    return found


def read_parts(
    path: str | os.PathLike[str], parts: Sequence[tuple[Collection[Size], Mapping[Hdu, Collection[Size]]]]
) -> list[dict[str, CardValue] | RawFileError]:
    """Do as `read_cards` for several frames of one file, each described by its sizes and HDUs.

    Returns
    -------
    found
        Of each frame its cards, or why it has none.

    Raises
    ------
    RawFileError
        Raised as by `check_whole`.
    OSError
        Raised as by `check_whole`.
    """
    found: list[dict[str, CardValue] | RawFileError] = []
    with _opened(path) as file:
        images = _images(file.hdus)
        primary = values(file.hdus[0].header.cards)
        for sizes, named in parts:
            try:
                chosen = [images[image] for image in _frames_of(list(images), sizes, named)]
                for one in chosen:
                    check_scale(one)
                    file.check_pixels(one)
            except RawFileError as error:
                found.append(error)
            else:
                found.append(primary | values(chosen[0].header.cards))
    return found


def _frames_of(
    images: Sequence[ImageHdu], sizes: Collection[Size], named: Mapping[Hdu, Collection[Size]]
) -> list[ImageHdu]:
    if not named:
        return [choose(images, sizes)]
    return [find(images, hdu, its_sizes) for hdu, its_sizes in named.items()]


def load_images(path: str | os.PathLike[str], hdus: Collection[Hdu] = ()) -> list[LoadedImage]:
    """Read images with their pixels.

    Parameters
    ----------
    path
        As in `read_cards`.
    hdus
        Which of them; none is all, the largest first.

    Raises
    ------
    RawFileError
        Raised as by `check_whole`, for the pixels of these images alone, and if one is missing.
    OSError
        Raised as by `check_whole`.
    """
    with _opened(path) as file:
        images = _images(file.hdus)
        chosen = [find(list(images), hdu) for hdu in hdus] or frames_first(images)
        if not chosen:
            raise RawFileError("none of its HDUs is an image of two dimensions")
        return [_loaded(image, images[image], file) for image in chosen]


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[_File]:
    """Open a file of which every HDU is whole; what goes wrong while it is read is a `RawFileError`."""
    with Path(path).open("rb") as file, warnings.catch_warnings(action="ignore", category=AstropyWarning):
        try:
            stream = _unpacked(file)
            hdus = find_hdus(stream)
            for hdu in hdus:
                check_sums(hdu, stream)
            yield _File(stream, hdus)
        except (RawFileError, MemoryError):
            raise
        # A damaged file leads astropy and the decompressors to nearly any exception, some of their own kind.
        except Exception as error:
            raise RawFileError(f"not a whole FITS file ({' '.join(str(error).split())})") from error


def _unpacked(file: BinaryIO) -> BinaryIO:
    """Undo gzip, if the first bytes say that it was used; what stands behind it concerns nobody."""
    packed = file.read(_CHUNK)
    if not packed.startswith(_GZIP):
        return file
    unpacked = io.BytesIO()
    while packed.startswith(_GZIP):
        member = zlib.decompressobj(_GZIP_FORMAT)
        while not member.eof:
            if not packed:
                raise RawFileError("not a whole FITS file (truncated within gzip)")
            unpacked.write(member.decompress(packed))
            packed = member.unused_data if member.eof else file.read(_CHUNK)
        if len(packed) < len(_GZIP):
            packed += file.read(_CHUNK)
    return unpacked


def _images(hdus: list[StoredHdu]) -> dict[ImageHdu, StoredHdu]:
    """Find the HDUs that are images of two dimensions; an axis of one pixel is none."""
    found = {}
    for hdu in hdus:
        shape = _plane(hdu)
        if len(shape) == 2 and 0 not in shape:
            image = ImageHdu(
                label=hdu.label,
                name=hdu.name,
                shape=(shape[0], shape[1]),
                bits=abs(hdu.bitpix),
                number=hdu.number,
            )
            found[image] = hdu
    return found


def _plane(hdu: StoredHdu) -> tuple[int, ...]:
    shape = hdu.shape
    return shape if len(shape) <= 2 else tuple(length for length in shape if length != 1)


def _loaded(image: ImageHdu, hdu: StoredHdu, file: _File) -> LoadedImage:
    pixels = read_pixels(hdu, file.stream).reshape(image.shape)
    return LoadedImage(image, pixels, header_of(file.hdus[0], hdu))
