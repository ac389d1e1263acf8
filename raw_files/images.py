"""Which image of a file is the frame."""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from attrs import frozen

from raw_files.errors import RawFileError

__all__ = ["ImageHdu", "Size", "choose", "fits_size", "told_apart"]

type Size = tuple[int, int]
"""Rows and columns that a camera's raws have at least."""

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
    frames = _frames(fitting)
    if len(frames) > 1:
        raise RawFileError(_several(frames))
    return frames[0]


def told_apart(images: Sequence[ImageHdu]) -> list[ImageHdu]:
    """Leave out what is no frame whatever the camera's size is, and put the largest first.

    Raises
    ------
    RawFileError
        Raised if several of one size may be the frame: no camera's size tells them apart.
    """
    if not images:
        raise RawFileError("none of its HDUs is an image of two dimensions")
    found: list[ImageHdu] = []
    for shape in sorted({image.shape for image in images}, reverse=True):
        same = _frames([image for image in images if image.shape == shape])
        if len(same) > 1:
            raise RawFileError(_several(same))
        found += same
    return found


def _frames(images: Sequence[ImageHdu]) -> Sequence[ImageHdu]:
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
