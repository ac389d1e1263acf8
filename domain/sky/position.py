"""Where on the sky an announced visit points, as far as it says."""

from domain.errors import PromptProcessingError
from domain.visit import CoordinateSystem, InvalidVisitError, RotationSystem, Visit

__all__ = [
    "UnsupportedSystemError",
    "boresight_icrs",
    "rotation_or_zero",
    "sky_rotation",
]


class UnsupportedSystemError(PromptProcessingError):
    """A visit's position or rotation is in a system that cannot be placed on the sky in advance."""


def boresight_icrs(visit: Visit) -> tuple[float, float]:
    """Give the announced boresight.

    Returns
    -------
    ra, dec
        Degrees ICRS, RA in [0, 360).

    Raises
    ------
    UnsupportedSystemError
        Raised if the visit is placed by azimuth and altitude, by the mount, or
        not at all.
    InvalidVisitError
        Raised if the position has no such declination.
    """
    if visit.coordinate_system is not CoordinateSystem.ICRS:
        raise UnsupportedSystemError(
            f"visit {visit.group}: position in system {visit.coordinate_system.name} is not ICRS"
        )
    ra, dec = visit.position
    if not -90 <= dec <= 90:
        raise InvalidVisitError(f"position: {dec} degrees is no declination")
    return ra % 360.0 % 360.0, dec


def sky_rotation(visit: Visit) -> float:
    """Give the announced rotation on the sky.

    Returns
    -------
    angle
        Degrees in [0, 360), of focal-plane +Y, east of north.

    Raises
    ------
    UnsupportedSystemError
        Raised if the rotation is that of horizon or mount, or not given.
    """
    if visit.rotation_system is not RotationSystem.SKY:
        raise UnsupportedSystemError(
            f"visit {visit.group}: rotation in system {visit.rotation_system.name} is not SKY"
        )
    return visit.camera_angle % 360.0 % 360.0


def rotation_or_zero(visit: Visit) -> float:
    """Give the announced rotation on the sky, 0 if it is not told."""
    return sky_rotation(visit) if visit.rotation_system is RotationSystem.SKY else 0.0
