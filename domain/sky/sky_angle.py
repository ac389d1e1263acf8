"""Whether an exposure was taken at the rotation that was announced."""

import math
from typing import Final

from domain.visit import RotationSystem, Visit

__all__ = ["MAX_SKY_ANGLE_ERROR", "sky_angle_fault"]

MAX_SKY_ANGLE_ERROR: Final = 1.0
"""Degrees off the announced rotation that are tolerated (docs/contracts/pipelines-configuration.md)."""


def sky_angle_fault(visit: Visit, observed: float | None) -> str:
    """Say what is wrong with an exposure's sky angle; blank if nothing is.

    Nothing is checked if no rotation was announced. One in the horizon's or
    the mount's frame cannot be compared with an angle on the sky, so that
    nothing is accepted by it.

    Parameters
    ----------
    visit
        What was announced.
    observed
        Degrees, of focal-plane +Y, east of north; None if the header does not tell.
    """
    if visit.rotation_system is RotationSystem.NONE:
        return ""
    if observed is None or not math.isfinite(observed):
        return "its header has no sky angle"
    if visit.rotation_system is not RotationSystem.SKY:
        return f"it cannot be checked by a rotation in system {visit.rotation_system.name}"
    off = abs(math.remainder(observed - visit.camera_angle, 360.0))
    if off <= MAX_SKY_ANGLE_ERROR:
        return ""
    return f"its sky angle {observed:.3f} deg is {off:.3f} deg off the announced {visit.camera_angle:.3f} deg"
