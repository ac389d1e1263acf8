"""Amplifiers that share an image without a gap: told apart where level, noise or gain step."""

import itertools
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.cameras.camera import Box

__all__ = ["parts_between_steps"]

type Pixels = npt.NDArray[np.float64]

_MOST: Final = 8
"""Amplifiers side by side without a gap."""
_BESIDE: Final = 24
"""Columns at either side of a place that are compared."""
_SMOOTHED: Final = 11
"""Columns of which the median is taken before."""
_FAR: Final = 6.0
"""How much larger than elsewhere a step is, in units of the scatter of those elsewhere."""
_LEAST: Final = {"level": 0.5, "noise": 0.02, "gain": 0.003}
"""Steps that tell of amplifiers: ADU, and shares."""


def parts_between_steps(
    flat: Pixels, biases: Sequence[Pixels], data: Box
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Find into how many even parts, along x and along y, amplifiers divide an image.

    Parameters
    ----------
    flat
        A frame that is lit evenly.
    biases
        Frames without light; two tell of noise.
    data
        The pixels that see light.

    Returns
    -------
    across, along
        First column (row) of each part and the one behind its last.
    """
    cut = [one[data.y_min : data.y_max, data.x_min : data.x_max] for one in (flat, *biases[:2])]
    across = _edges(_number_of_parts([one.T for one in cut]), data.x_min, data.x_max)
    along = _edges(_number_of_parts(cut), data.y_min, data.y_max)
    return across, along


def _edges(parts: int, first: int, last: int) -> list[tuple[int, int]]:
    edges = [first + (last - first) * part // parts for part in range(parts + 1)]
    return list(itertools.pairwise(edges))


def _number_of_parts(cut: Sequence[Pixels]) -> int:
    """Find the largest number of even parts of the rows at each of whose borders something steps."""
    profiles = _profiles(cut)
    length = len(cut[0])
    for parts in (number for number in (8, 4, 2) if number <= _MOST):
        if length // parts < 2 * _BESIDE:
            continue
        borders = [length * part // parts for part in range(1, parts)]
        if all(any(is_step(border) for is_step in profiles) for border in borders):
            return parts
    return 1


def _profiles(cut: Sequence[Pixels]) -> list[Callable[[int], bool]]:
    flat, *biases = cut
    flat_level = np.median(flat, axis=1)
    found = []
    if biases:
        # Means, since medians of whole numbers hide steps below one.
        bias_level = np.mean(np.clip(biases[0], *np.percentile(biases[0], [1, 99])), axis=1)
        found.append(_steps(bias_level, _LEAST["level"]))
        flat_level = flat_level - np.median(biases[0], axis=1)
    if len(biases) > 1:
        difference = biases[0] - biases[1]
        noise = np.std(np.clip(difference, *np.percentile(difference, [1, 99])), axis=1)
        found.append(_steps(np.log(np.maximum(noise, 1e-3)), _LEAST["noise"]))
    found.append(_steps(np.log(np.maximum(flat_level, 1.0)), _LEAST["gain"]))
    return found


def _steps(profile: Pixels, least: float) -> Callable[[int], bool]:
    """Make what tells whether a profile steps at a place, as it does nowhere around."""
    # Blocks of bad columns, fewer than half of the window, are no step.
    padded = np.pad(profile, _SMOOTHED // 2, mode="edge")
    profile = np.median(np.lib.stride_tricks.sliding_window_view(padded, _SMOOTHED), axis=1)
    # The two sides of a place are each followed by a straight line: a flat's light slopes.
    line = np.linalg.pinv(np.vander(np.arange(_BESIDE) + 0.5, 2))[1]
    sides = np.lib.stride_tricks.sliding_window_view(profile, _BESIDE)
    sizes = np.full(len(profile), np.nan)
    sizes[_BESIDE : len(profile) - _BESIDE + 1] = sides[_BESIDE:] @ line - sides[:-_BESIDE] @ line[::-1]
    usual = 1.4826 * float(np.nanmedian(np.abs(sizes)))

    def is_step(at: int) -> bool:
        return bool(np.abs(sizes[at]) > max(_FAR * usual, least))

    return is_step
