"""The size of a camera's pixels in micrometres and on the sky, from header cards."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

from workbench.camera_draft.header_guess import Matrix
from workbench.camera_draft.known import Known, usual_number

__all__ = ["Scales", "find_scales"]

_ARCSECONDS: Final = 206_264.806
"""In a radian."""
_BINNED_SIZES: Final = ("XPIXSZ",)
"""Micrometres with binning: SBIG's convention, which MaxIm DL and N.I.N.A. follow."""
_SIZES: Final = ("PIXSIZE1", "PIXSIZE", "XPIXSIZE", "CCDPXSZ")
"""Micrometres of the sensor's own pixels."""
_SCALES: Final = ("SECPIX1", "SECPIX", "SECPIXX", "PIXSCALE", "PIXSCAL1", "SCALE")
"""Arcseconds a pixel."""
_STAND_IN_SIZE: Final = 10.0
_STAND_IN_SCALE: Final = 20.0


@frozen(kw_only=True)
class Scales:
    """How pixels, millimetres and angles go together."""

    pixel_size: Known
    """Micrometres, binning included."""
    plate_scale: Known
    """Arcseconds per millimetre."""
    x_axis: Known
    """``west`` or ``east``, where +x points when +y points north."""


def find_scales(headers: Sequence[Mapping[str, object]], matrix: Matrix | None) -> Scales:
    """Find them: the scale from a WCS before cards, and cards before the focal length.

    Parameters
    ----------
    headers
        Of all frames.
    matrix
        The CD matrix of a detector; None if no header has one.
    """
    pixel = _pixel_size(headers)
    determinant = 0.0 if matrix is None else matrix[0] * matrix[3] - matrix[1] * matrix[2]
    stated, focal = usual_number(headers, _SCALES), usual_number(headers, ("FOCALLEN",))
    if matrix is not None:
        scale = _plate_scale(math.sqrt(abs(determinant)) * 3600, pixel, "the headers' WCS")
        x_axis = Known(value="east" if determinant > 0 else "west", why="from the headers' WCS")
    else:
        x_axis = Known(value="west", why="no header has a WCS", is_open=True)
        if stated is not None:
            scale = _plate_scale(stated[0], pixel, f"card {stated[1]}")
        elif focal is not None:
            scale = Known(value=_short(_ARCSECONDS / focal[0]), why="from card FOCALLEN, in mm")
        else:
            scale = Known(value=_STAND_IN_SCALE, why="no card tells it", is_open=True)
    return Scales(pixel_size=pixel, plate_scale=scale, x_axis=x_axis)


def _pixel_size(headers: Sequence[Mapping[str, object]]) -> Known:
    binned, own = usual_number(headers, _BINNED_SIZES), usual_number(headers, _SIZES)
    if binned is not None:
        return Known(value=binned[0], why=f"from card {binned[1]}, which counts binned pixels")
    if own is None:
        why = "no card tells it; its product with the plate scale is what counts"
        return Known(value=_STAND_IN_SIZE, why=why, is_open=True)
    binning = _binning(headers)
    why = (
        f"{own[0]:g} by card {own[1]}, times a binning of {binning}" if binning > 1 else f"from card {own[1]}"
    )
    return Known(value=own[0] * binning, why=why)


def _binning(headers: Sequence[Mapping[str, object]]) -> int:
    for cards in headers:
        for card in ("CCDSUM", "XBINNING", "BINX", "CCDXBIN", "BINNING"):
            first = re.match(r"\s*([1-9])\b", str(cards.get(card, "")))
            if first is not None:
                return int(first[1])
    return 1


def _plate_scale(arcseconds: float, pixel: Known, where: str) -> Known:
    value = _short(arcseconds / (float(pixel.value) / 1000))
    return Known(value=value, why=f"{arcseconds:.4g} arcsec a pixel by {where}")


def _short(value: float) -> float:
    return float(f"{value:.4g}")
