"""Amplifiers that read nothing, or of which nobody can say what they read."""

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from prompt_pipelines.camera import AmplifierDict

__all__ = ["fault_of", "offset_of"]

_FEWEST: Final = 16  # pixels: so many have not all the same value where there is noise
_FAR: Final = 100.0  # times the read noise: no structure of a bias is so large
_SPACING: Final = 8  # pixels: a median of every such row and column is good enough here


def offset_of(overscan: npt.NDArray[Any]) -> float:
    """Measure an amplifier's offset, ADU; NaN if no pixel of its overscan is a number."""
    if overscan.size == 0:  # a camera without overscan: the bias holds the whole offset
        return 0.0
    finite = overscan[np.isfinite(overscan)]
    return float(np.median(finite)) if finite.size else math.nan


def fault_of(
    amplifier: AmplifierDict, data: npt.NDArray[Any], overscan: npt.NDArray[Any], offset: float
) -> str | None:
    """Say why what an amplifier read is of no use; None if nothing speaks against it.

    Parameters
    ----------
    amplifier
        Its description.
    data, overscan
        Its pixels, ADU.
    offset
        By `offset_of`.
    """
    if math.isnan(offset):
        return "its overscan holds no number"
    if overscan.size and offset >= amplifier["saturation"]:
        return "its overscan is saturated"
    if _is_constant(data):
        return f"each of its pixels is {data.flat[0]}"
    if offset == 0 and _is_constant(overscan):
        return "each pixel of its overscan is 0"
    noise = amplifier["read_noise"] / amplifier["gain"]
    if overscan.size and (depth := offset - _median(data)) > _FAR * max(noise, 1.0):
        return f"its overscan is {depth:.0f} ADU above its pixels"
    return None


def _is_constant(pixels: npt.NDArray[Any]) -> bool:
    if pixels.size < _FEWEST:
        return False
    first = pixels.flat[0]
    return bool((pixels[::_SPACING] == first).all() and (pixels == first).all())


def _median(pixels: npt.NDArray[Any]) -> float:
    some = pixels[::_SPACING, ::_SPACING]
    finite = some[np.isfinite(some)]
    return float(np.median(finite)) if finite.size else math.nan
