"""Pixels, mask and place on the sky of an image, read from its FITS file."""

import logging
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from astropy.wcs import WCS, FITSFixedWarning

from domain.results.images import ImagePixels, KeptImage, PixelBox
from raw_files.reading import LoadedImage, load_images
from raw_files.sections import Section, parse_section

__all__ = ["read_image", "read_raw"]

_LOG = logging.getLogger(__name__)

_PLANE: Final = re.compile(r"MSKN(\d{4})")
"""Cards in which `lsst.images` names the planes of a mask; those of their bits are MSKM."""
_AFW_PLANE: Final = "MP_"
"""Begins the cards in which afw names planes, with the number of each bit."""


def read_image(
    path: str, name: KeptImage, within: PixelBox | None = None, *, with_mask: bool = True
) -> ImagePixels:
    """Read an image as `lsst.images` writes it, or afw: the HDUs IMAGE and, if there is a mask, MASK.

    Parameters
    ----------
    path
        The file.
    name
        Of the image.
    within
        Which part of it; None is all.
    with_mask
        Whether to read the mask as well.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError
        Raised if the file is absent or no such file.
    """
    with fits.open(path, memmap=True) as hdus:
        image = hdus["IMAGE"] if "IMAGE" in hdus else hdus[1]
        corner, part = _part(image.shape, within)
        array = np.ascontiguousarray(_pixels(image, part), np.float32)
        planes: Mapping[str, int] = {}
        mask = None
        if "MASK" in hdus:
            planes = _planes(hdus["MASK"].header)
            mask = _bits(_pixels(hdus["MASK"], part), planes) if with_mask else None
        return ImagePixels(
            name=name,
            array=array,
            corner=corner,
            mask=mask,
            planes=planes,
            unit=str(image.header.get("BUNIT", "")),
            wcs=_wcs(image.header),
            path=path,
        )


def read_raw(path: str, name: KeptImage, within: PixelBox | None = None) -> ImagePixels:
    """Read a raw as its camera wrote it, its amplifiers where their cards DETSEC have them, if they have any.

    Where it is on the sky is left out: a raw's own cards are rough, if they hold at all, and mean pixels that
    may include overscan.

    Raises
    ------
    OSError
        Raised if the file cannot be opened.
    raw_files.errors.RawFileError
        Raised if it is damaged.
    """
    images = load_images(path)
    whole = images[0].pixels if len(images) == 1 else _assembled(images, path)
    corner, part = _part(whole.shape, within)
    header = images[0].header
    return ImagePixels(
        name=name,
        array=np.ascontiguousarray(whole[part], np.float32),
        corner=corner,
        mask=None,
        planes={},
        unit=str(header.get("BUNIT", "adu")),
        wcs=None,
        path=path,
    )


def _assembled(images: Sequence[LoadedImage], path: str) -> npt.NDArray[Any]:
    """Put amplifiers where they belong; side by side, with their overscan, if they do not say where."""
    first = images[0].pixels.shape
    places = [_sections(image.header) for image in images]
    if any(place is None for place in places):
        alike = [image.pixels for image in images if image.pixels.shape == first]
        _say_left_out(len(images) - len(alike), path)
        return np.hstack(alike)
    known = [place for place in places if place is not None]
    width, height = (max(where.box[end] for _, where in known) for end in (1, 3))
    whole = np.full((height, width), np.nan, np.float32)
    left_out = 0
    for image, (data, where) in zip(images, known, strict=True):
        x_min, x_max, y_min, y_max = data.box
        flip_x, flip_y = where.flips
        pixels = image.pixels[y_min:y_max, x_min:x_max][:: -1 if flip_y else 1, :: -1 if flip_x else 1]
        left, right, low, high = where.box
        if pixels.shape == (high - low, right - left):
            whole[low:high, left:right] = pixels
        else:
            left_out += 1
    _say_left_out(left_out, path)
    return whole


def _say_left_out(count: int, path: str) -> None:
    if count:
        _LOG.warning("%s: %d images that do not fit beside the others are not shown", path, count)


def _sections(header: fits.Header) -> tuple[Section, Section] | None:
    """Find where an amplifier's image is in its HDU and on the detector."""
    data, where = (parse_section(str(header.get(card, ""))) for card in ("DATASEC", "DETSEC"))
    return None if data is None or where is None else (data, where)


def _part(shape: tuple[int, ...], within: PixelBox | None) -> tuple[tuple[int, int], tuple[slice, slice]]:
    if within is None:
        return (0, 0), np.s_[:, :]
    left, low = max(within.x, 0), max(within.y, 0)
    right, high = min(within.x + within.width, shape[1]), min(within.y + within.height, shape[0])
    return (left, low), np.s_[low : max(low, high), left : max(left, right)]


def _pixels(hdu: Any, part: tuple[slice, slice]) -> npt.NDArray[Any]:  # noqa: ANN401 - astropy has no annotations
    if part == np.s_[:, :]:
        return np.asarray(hdu.data)
    if 0 in (one.stop - one.start for one in part):
        return np.empty([one.stop - one.start for one in part])
    return np.asarray(hdu.section[part])


def _planes(header: fits.Header) -> Mapping[str, int]:
    found = {}
    for card in header.cards:
        if match := _PLANE.fullmatch(card.keyword):
            found[str(card.value)] = int(header[f"MSKM{match[1]}"]).bit_length() - 1
        elif card.keyword.startswith(_AFW_PLANE):
            found[card.keyword.removeprefix(_AFW_PLANE)] = int(card.value)
    return found


def _bits(stored: npt.NDArray[Any], planes: Mapping[str, int]) -> npt.NDArray[np.unsignedinteger]:
    """Make bits of integers with a sign, no wider than the planes need."""
    highest = max(planes.values(), default=0)
    narrow = next((kind for kind in (np.uint8, np.uint16) if highest < np.iinfo(kind).bits), np.uint32)
    return np.asarray(stored).astype(narrow)


def _wcs(header: fits.Header) -> Mapping[str, str | float | int] | None:
    if not str(header.get("CTYPE1", "")).startswith("RA"):
        return None
    with warnings.catch_warnings(action="ignore", category=FITSFixedWarning):
        cards = WCS(header).to_header(relax=True)
    return {card.keyword: card.value for card in cards.cards if card.keyword}
