"""Pixels, masks and cutouts as PNG."""

import io
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from adapters.console.pictures.stretch import Greys, Pixels, Stretch

__all__ = ["grey_png", "mask_png", "plane_colour", "side_by_side", "thumbnail_png"]

_PLANE_COLOURS: Final = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0),
    (204, 121, 167),
)  # fmt: skip
"""Told apart by the colour-blind (Okabe and Ito 2008); a plane has that of its bit."""

_FAST = 1  # level of compression: a viewer waits, and is mostly near
_OPAQUE = 150  # of 255, planes of masks
_MARGIN = 2  # pixels between cutouts
_UNKNOWN = 128  # grey of pixels beyond the image or without a number, in a cutout


def plane_colour(bit: int) -> tuple[int, int, int]:
    """Choose the colour of a plane of a mask."""
    return _PLANE_COLOURS[bit % len(_PLANE_COLOURS)]


def grey_png(pixels: Pixels, stretch: Stretch) -> bytes:
    """Draw pixels as they lie, transparent where there is no number."""
    return _encoded(_picture(pixels, stretch))


def thumbnail_png(pixels: Pixels, stretch: Stretch, size: int) -> bytes:
    """Draw pixels so that they fit into a square."""
    picture = _picture(pixels, stretch)
    picture.thumbnail((size, size), Image.Resampling.BOX)
    return _encoded(picture)


def mask_png(bits: npt.NDArray[np.unsignedinteger], planes: Mapping[str, int]) -> bytes:
    """Draw planes of a mask, given with their bits; the later lie above."""
    indices = np.zeros(bits.shape, np.uint8)
    colours, alphas = [0, 0, 0], [0]
    for number, bit in enumerate(planes.values(), start=1):
        indices[bits >> bits.dtype.type(bit) & bits.dtype.type(1) > 0] = number
        colours += plane_colour(bit)
        alphas.append(_OPAQUE)
    picture = Image.fromarray(indices, "P")
    picture.putpalette(colours)
    return _encoded(picture, transparency=bytes(alphas))


def side_by_side(cutouts: Sequence[Pixels], zoom: int) -> bytes:
    """Draw cutouts of one size from left to right, each with limits of its own, the highest row first."""
    strips = [np.pad(_enlarged(one, zoom), ((0, 0), (0, _MARGIN)), constant_values=255) for one in cutouts]
    return _encoded(Image.fromarray(np.hstack(strips)[:, :-_MARGIN]))


def _enlarged(cutout: Pixels, zoom: int) -> Greys:
    greys = Stretch.of_cutout(cutout).greys(cutout)
    greys[~np.isfinite(cutout)] = _UNKNOWN
    return np.kron(greys[::-1], np.ones((zoom, zoom), np.uint8))


def _picture(pixels: Pixels, stretch: Stretch) -> Image.Image:
    greys = stretch.greys(pixels)
    known = np.isfinite(pixels)
    if known.all():
        return Image.fromarray(greys)
    return Image.fromarray(np.dstack([greys, np.where(known, 255, 0).astype(np.uint8)]))


def _encoded(picture: Image.Image, **options: bytes) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=_FAST, **options)
    return out.getvalue()
