"""Which image of a file is the frame."""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from attrs import frozen

from raw_files.errors import RawFileError

__all__ = ["Hdu", "ImageHdu", "Size", "choose", "find", "fits_size", "frames_first", "likely_frames"]

type Size = tuple[int, int]
"""Rows and columns that a camera's raws have at least."""

type Hdu = str | int
"""An HDU: its EXTNAME, letter case aside, or its number, the primary's being 0."""

_MAX_EXCESS: Final = 1.25
"""Prescan, parallel overscan and dark columns stay well below; another binning does not."""

_WORDS: Final = (
    "bad_?pix|bpm|dq|err|exp_?map|flags?|mask|noise|preview|quick_?look|rms|sigma|thumb|var|weight|wgt|wht"
)
_BESIDE: Final = re.compile(f"(?:{_WORDS}).*|.*(?:{_WORDS})", re.IGNORECASE)
"""Names of images that stand beside a frame and are none."""


@frozen(kw_only=True)
class ImageHdu:
    """An image of two dimensions among the HDUs of a file."""

    label: str
    """Number and name of its HDU, for people."""
    name: str
    shape: tuple[int, int]
    """Rows and columns."""
    bits: int
    """Of a pixel."""
    number: int = 0
    """Of its HDU, the primary's being 0."""

    def __str__(self) -> str:
        return f"{self.label} ({self.shape[1]} x {self.shape[0]})"


def fits_size(shape: Sequence[int], size: Size) -> bool:
    """Tell whether an image may be a raw of this size."""
    return all(least <= got <= _MAX_EXCESS * least for got, least in zip(shape, size, strict=True))


def choose(images: Sequence[ImageHdu], sizes: Collection[Size]) -> ImageHdu:
    """Choose the frame: the image of the camera's size that is no mask, weight or preview.

    Parameters
    ----------
    images
        All of a file.
    sizes
        Of the camera's raws, which may have up to a quarter more; empty if nobody knows.

    Raises
    ------
    RawFileError
        Raised if none is it, or more than one may be.
    """
    if not images:
        raise RawFileError("none of its HDUs is an image of two dimensions")
    fitting = [image for image in images if not sizes or any(fits_size(image.shape, size) for size in sizes)]
    if not fitting:
        raise RawFileError(_misfit(images, sizes))
    frames = likely_frames(fitting)
    if len(frames) > 1:
        raise RawFileError(_several(frames))
    return frames[0]


def find(images: Sequence[ImageHdu], hdu: Hdu, sizes: Collection[Size] = ()) -> ImageHdu:
    """Find the image of an HDU.

    Parameters
    ----------
    images
        All of a file.
    hdu
        Which.
    sizes
        As in `choose`.

    Raises
    ------
    RawFileError
        Raised if it is not there, or twice, or has another size.
    """
    found = [
        image
        for image in images
        if (image.number == hdu if isinstance(hdu, int) else _same_name(image.name, hdu))
    ]
    if not found:
        there = ", ".join(image.label for image in images) or "none"
        raise RawFileError(f"it has no image in HDU {hdu} (images: {there})")
    if len(found) > 1:
        raise RawFileError(f"several of its HDUs are called {hdu}: {', '.join(map(str, found))}")
    if sizes and not any(fits_size(found[0].shape, size) for size in sizes):
        raise RawFileError(f"HDU {hdu}: {_misfit(found, sizes)}")
    return found[0]


def frames_first(images: Iterable[ImageHdu]) -> list[ImageHdu]:
    """Put the largest first; of one size, what stands beside a frame behind it."""
    return sorted(
        images,
        key=lambda image: (image.shape, not _BESIDE.fullmatch(image.name), image.bits > 8),
        reverse=True,
    )


def _same_name(name: str, wanted: str) -> bool:
    return name.strip().casefold() == wanted.strip().casefold()


def likely_frames(images: Sequence[ImageHdu]) -> Sequence[ImageHdu]:
    """Leave out masks, weights and previews, by name; then bytes, which are flags beside real pixels."""
    named = [image for image in images if not _BESIDE.fullmatch(image.name)] or images
    return [image for image in named if image.bits > 8] or named


def _misfit(images: Sequence[ImageHdu], sizes: Iterable[Size]) -> str:
    wanted = " or ".join(f"{columns} x {rows}" for rows, columns in sorted(set(sizes)))
    if len(images) == 1:
        rows, columns = images[0].shape
        return f"its image has {columns} x {rows} pixels, where at least {wanted} belong, and not many more"
    return f"none of its images has {wanted} pixels: {', '.join(map(str, images))}"


def _several(images: Iterable[ImageHdu]) -> str:
    return f"several of its images may be the frame: {', '.join(map(str, images))}"
