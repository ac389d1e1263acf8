"""Whether stars move from exposure to exposure as the headers' pointings say.

A camera file that takes a field for its mirror image, or turns it by a wrong angle, puts all exposures on
the sky in the same wrong way, and their stars still agree. But where a header says that the telescope moved
north, and its stars say that it moved south, they tell of it.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from attrs import frozen

__all__ = ["Orientation", "measure_orientation"]

_FEWEST: Final = 5
"""Exposures beside the one with which they are compared."""
_EXPLAINED: Final = 0.15
"""Of the disagreement, at most so much is left if the camera is turned or mirrored; chance leaves more."""
_CERTAIN: Final = 10.0
"""Times the disagreement that is left: how far exposures lie apart, in every direction."""
_SMALLEST_TURN: Final = 3.0
"""Degrees."""


@frozen(kw_only=True)
class Orientation:
    """By how much a camera is turned, and whether it is mirrored, against what its file says."""

    is_mirrored: bool
    turn: float
    """Degrees, -180 to 180, from north by east; in a mirrored field, of the mirror's image."""

    def __str__(self) -> str:
        """Say what is wrong, for people."""
        if self.is_mirrored:
            return "the other way round, as in a mirror (x_axis)"
        return f"turned by {self.turn:.0f} degrees (sky_angle, or yaw_deg of the detectors)"


def measure_orientation(told: npt.NDArray[np.float64], found: npt.NDArray[np.float64]) -> Orientation | None:
    """Compare where exposures point by their headers with where their stars put them.

    Parameters
    ----------
    told, found
        Ways east and north from one exposure to others, arcseconds, (n, 2).

    Returns
    -------
    orientation
        None if what they say agrees, or if it cannot be told for sure.
    """
    if len(told) < _FEWEST:
        return None
    disagreement = _rms(found - told)
    # Of the turns, and of the turns of a mirror image, the one that is nearest (Kabsch 1976).
    left, _, right = np.linalg.svd(found.T @ told)
    parity = np.linalg.det(left @ right)
    ways = [left @ np.diag([1.0, sign * parity]) @ right for sign in (1.0, -1.0)]
    rests = [_rms(found - told @ way.T) for way in ways]
    best = int(np.argmin(rests))
    across = np.linalg.svd(told, compute_uv=False)[-1] / math.sqrt(len(told))
    if rests[best] > _EXPLAINED * disagreement or across < _CERTAIN * rests[best] or across <= 0:
        return None
    turn = math.degrees(math.atan2(ways[best][0, 1], ways[best][1, 1]))
    if best == 0 and abs(turn) < _SMALLEST_TURN:
        return None
    return Orientation(is_mirrored=best == 1, turn=turn)


def _rms(ways: npt.NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.sum(ways**2, axis=-1))))
