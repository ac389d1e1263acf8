"""What is known of an exposure before its header."""

from attrs import evolve

from domain.raws.exposure import Exposure
from domain.sky.position import boresight_icrs, rotation_or_zero
from domain.visit import CoordinateSystem, Visit

__all__ = ["placed_as_announced"]


def placed_as_announced(exposure: Exposure, visit: Visit) -> Exposure:
    """Fill in what a header does not say of the pointing: as the visit was announced, and a rotation of 0.

    That is good enough for a camera whose fields are recognized by their stars. Without
    a position in either the exposure stays as it is.
    """
    if exposure.ra is None or exposure.dec is None:
        if not _has_boresight(visit):
            return exposure
        ra, dec = boresight_icrs(visit)
        exposure = evolve(exposure, ra=ra, dec=dec)
    return exposure if exposure.sky_angle is not None else evolve(exposure, sky_angle=rotation_or_zero(visit))


def _has_boresight(visit: Visit) -> bool:
    """Tell whether a visit says where it points, in advance."""
    return visit.coordinate_system is CoordinateSystem.ICRS and -90 <= visit.position[1] <= 90
