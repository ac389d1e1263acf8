"""Where light falls in a raw frame and where its overscan is: from its header, or from its pixels."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from attrs import frozen

from domain.cameras.camera import Box, InvalidCameraError

__all__ = ["Sections", "fits_section", "from_header", "from_pixels"]

type Pixels = npt.NDArray[np.float64]

_SECTION: Final = re.compile(r"\[(\d+):(\d+),(\d+):(\d+)\]")
_DATA: Final = ("DATASEC", "TRIMSEC")
_OVERSCAN: Final = ("BIASSEC", "OVERSCAN", "OVRSCSEC")
_DARK: Final = 0.25
"""Share of a flat's light below which a row or column counts as unlit."""
_LEAST_LIGHT: Final = 10.0
"""Of a flat above a bias, in units of the bias's noise: less light tells nothing."""
_FEWEST: Final = 3
"""Columns that are an overscan; fewer are bad ones at the edge."""
_TRAIL: Final = 2
"""Columns beside the light that charge is left behind in, and that are no part of the overscan."""


@frozen(kw_only=True)
class Sections:
    """The one readout of a detector."""

    data: Box
    """Pixels that see light."""
    overscan: Box | None
    """None if there is none."""
    why: str


def fits_section(box: Box) -> str:
    """Write a box as FITS does: from 1, both ends included."""
    return f"[{box.x_min + 1}:{box.x_max},{box.y_min + 1}:{box.y_max}]"


def from_header(cards: Mapping[str, object], shape: tuple[int, int]) -> Sections | None:
    """Take the sections that a header states, if they lie within the image.

    Parameters
    ----------
    cards
        Of the image.
    shape
        Rows and columns of it.
    """
    data = _stated(cards, _DATA, shape)
    if data is None:
        return None
    overscan = _stated(cards, _OVERSCAN, shape)
    if overscan is not None and not _beside(data, overscan):
        overscan = None
    why = "the header's DATASEC" if overscan is None else "the header's DATASEC and BIASSEC"
    return Sections(data=data, overscan=overscan, why=why)


def _stated(cards: Mapping[str, object], names: Sequence[str], shape: tuple[int, int]) -> Box | None:
    for name in names:
        match = _SECTION.fullmatch(str(cards.get(name, "")).replace(" ", ""))
        if match is None:
            continue
        x_first, x_last, y_first, y_last = map(int, match.groups())
        try:
            box = Box(x_first - 1, x_last, y_first - 1, y_last)
        except InvalidCameraError:
            continue
        if box.x_max <= shape[1] and box.y_max <= shape[0]:
            return box
    return None


def _beside(data: Box, overscan: Box) -> bool:
    """Tell whether an overscan is one of columns, beside the light, and has its rows."""
    outside = overscan.x_max <= data.x_min or overscan.x_min >= data.x_max
    return outside and overscan.y_min <= data.y_min and overscan.y_max >= data.y_max


def from_pixels(flat: Pixels, bias: Pixels | None) -> Sections | None:
    """Find the unlit columns and rows at the edges of a flat.

    Parameters
    ----------
    flat
        A frame that is lit evenly, ADU.
    bias
        One without light; without it the flat's darkest columns stand for it.

    Returns
    -------
    sections
        None if the flat is too faint to tell.
    """
    columns, rows = np.median(_middle(flat), axis=0), np.median(_middle(flat.T), axis=0)
    level, noise = _unlit(columns) if bias is None else _level(bias)
    light = float(np.median(columns)) - level
    if light < _LEAST_LIGHT * max(noise, 1.0):
        return None
    x_min, x_max = _longest_run(columns - level > _DARK * light)
    y_min, y_max = _longest_run(rows - level > _DARK * light)
    data = Box(x_min, x_max, y_min, y_max)
    before, after = (0, x_min - _TRAIL), (x_max + _TRAIL, flat.shape[1])
    first, last = max(before, after, key=lambda run: run[1] - run[0])
    overscan = Box(first, last, y_min, y_max) if last - first >= _FEWEST else None
    found = "no overscan was found" if overscan is None else "the overscan is unlit"
    return Sections(data=data, overscan=overscan, why=f"from a flat's pixels: {found}")


def _middle(pixels: Pixels) -> Pixels:
    rows = pixels.shape[0]
    return pixels[rows // 4 : max(rows - rows // 4, rows // 4 + 1)]


def _level(bias: Pixels) -> tuple[float, float]:
    median = float(np.median(bias))
    return median, 1.4826 * float(np.median(np.abs(bias - median)))


def _unlit(columns: Pixels) -> tuple[float, float]:
    darkest = np.sort(columns)[:_FEWEST]
    return float(np.median(darkest)), 0.0


def _longest_run(is_lit: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Find the longest run of lit columns; bad ones within it, fewer than an overscan has, do not end it."""
    lit = np.flatnonzero(is_lit)
    ends = np.flatnonzero(np.diff(lit) > _FEWEST)
    firsts, lasts = np.append(lit[:1], lit[ends + 1]), np.append(lit[ends], lit[-1:])
    longest = int(np.argmax(lasts - firsts))
    return int(firsts[longest]), int(lasts[longest]) + 1
