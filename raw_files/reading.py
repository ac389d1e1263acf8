"""Reading a raw's file: its cards, its images, or only whether it is whole."""

import contextlib
import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from attrs import frozen

from raw_files.cards import CardValue, values
from raw_files.errors import RawFileError
from raw_files.hdus import StoredHdu
from raw_files.images import Hdu, ImageHdu, Size, choose, find, frames_first, likely_frames
from raw_files.opening import OpenFile, opened
from raw_files.pixels import check_scale, header_of

__all__ = [
    "ListedImage",
    "LoadedImage",
    "check_whole",
    "list_frames",
    "load_images",
    "read_cards",
    "read_parts",
]


@frozen(eq=False)
class LoadedImage:
    """An image with pixels and header."""

    hdu: ImageHdu
    pixels: npt.NDArray[Any]
    """Indexed ``[y, x]``, in the machine's byte order; NaN where the header declares a pixel undefined."""
    header: fits.Header
    """Its cards, then those of the primary HDU that are not among them; none about the file itself."""


@frozen(kw_only=True, eq=False)
class ListedImage:
    """An image that may be a frame, without its pixels."""

    hdu: ImageHdu
    cards: Mapping[str, CardValue]
    """Its own."""


def check_whole(path: str | os.PathLike[str]) -> None:
    """Check that no byte of any HDU is missing, that checksums are right and that pixels can be read.

    Raises
    ------
    RawFileError
        Raised if the file is truncated, damaged or no FITS.
    OSError
        Raised if it is not there, or must not be read.
    """
    with opened(path) as file:
        for hdu in file.hdus:
            file.check_image(hdu)


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
    path: str | os.PathLike[str],
    parts: Sequence[tuple[Collection[Size], Mapping[Hdu, Collection[Size]]]],
    *,
    to_be_read: bool = True,
) -> list[dict[str, CardValue] | RawFileError]:
    """Do as `read_cards` for several frames of one file, each described by its sizes and HDUs.

    Parameters
    ----------
    path
        As in `read_cards`.
    parts
        Sizes and HDUs of each frame. Of a file of one detector that has one image, and that in none of the
        HDUs where its amplifiers belong, the image's cards count; whoever reads its pixels is refused.
    to_be_read
        Whether the pixels will be read next, by this process: those of a single frame that had to be
        unpacked are kept until then.

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
    with opened(path) as file:
        images = _images(file.hdus)
        primary = values(file.hdus[0].header.cards)
        hdus_of_parts = [set(named) for _, named in parts]
        may_be_merged = len(images) == 1 and bool(parts) and bool(set.intersection(*hdus_of_parts))
        for sizes, named in parts:
            try:
                if may_be_merged and not _holds_any(images, named):
                    chosen = list(images.values())
                else:
                    chosen = [images[image] for image in _frames_of(list(images), sizes, named)]
                # What is wrong with another detector's HDUs costs this one nothing.
                file.check_sums([file.hdus[0]] if named else file.hdus)
                for one in chosen:
                    check_scale(one)
                    # All frames of a mosaic would fill the memory.
                    file.check_image(one, to_be_read=to_be_read and len(parts) == 1)
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


def _holds_any(images: Collection[ImageHdu], named: Collection[Hdu]) -> bool:
    for hdu in named:
        with contextlib.suppress(RawFileError):
            find(list(images), hdu)
            return True
    return False


def list_frames(path: str | os.PathLike[str]) -> tuple[dict[str, CardValue], list[ListedImage]]:
    """List the images of a file that may be frames, and the cards of its primary HDU.

    Raises
    ------
    RawFileError
        Raised if the file is truncated, damaged or no FITS, or holds no image.
    OSError
        Raised as by `check_whole`.
    """
    with opened(path) as file:
        file.check_sums(file.hdus)
        images = _images(file.hdus)
        if not images:
            raise RawFileError("none of its HDUs is an image of two dimensions")
        frames = [
            ListedImage(hdu=image, cards=values(images[image].header.cards))
            for image in likely_frames(list(images))
        ]
        return values(file.hdus[0].header.cards), frames


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
    with opened(path) as file:
        images = _images(file.hdus)
        file.check_sums([file.hdus[0]])
        if hdus:
            chosen = [find(list(images), hdu) for hdu in hdus]
            return [_loaded(image, images[image], file) for image in chosen]
        if not images:
            raise RawFileError("none of its HDUs is an image of two dimensions")
        return _readable({image: images[image] for image in frames_first(images)}, file)


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


def _readable(images: Mapping[ImageHdu, StoredHdu], file: OpenFile) -> list[LoadedImage]:
    """Load all images; of one that is damaged beside others, which nobody may need, no pixel is a number."""
    loaded, faults = [], []
    for image, hdu in images.items():
        try:
            loaded.append(_loaded(image, hdu, file))
        except RawFileError as fault:
            faults.append(fault)
            nothing = np.broadcast_to(np.float32(np.nan), image.shape)
            loaded.append(LoadedImage(image, nothing, header_of(file.hdus[0], hdu)))
    if len(faults) == len(images):
        raise faults[0]
    return loaded


def _loaded(image: ImageHdu, hdu: StoredHdu, file: OpenFile) -> LoadedImage:
    return LoadedImage(image, file.read_pixels(hdu).reshape(image.shape), header_of(file.hdus[0], hdu))
