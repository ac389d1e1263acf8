"""Frames of one exposure, whatever number they have."""

from typing import Final

from domain.raws.exposure import Exposure

__all__ = ["is_same", "overlap"]

_LEAST: Final = 0.001  # Seconds by which frames without an exposure time differ.


def overlap(one: Exposure, other: Exposure) -> bool:
    """Tell whether two exposures overlap in time: one detector cannot have taken both."""
    first, later = sorted((one, other), key=lambda exposure: exposure.begin)
    return later.begin - first.begin < max(first.exposure_time, _LEAST)


def is_same(one: Exposure, other: Exposure) -> bool:
    """Tell whether two frames are of one exposure and detector, or would be taken for it."""
    if (one.instrument, one.detector) != (other.instrument, other.detector):
        return False
    return one.exposure == other.exposure or overlap(one, other)
