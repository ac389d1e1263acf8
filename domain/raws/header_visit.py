"""The visit of an exposure that nobody announced."""

from domain.raws.exposure import Exposure
from domain.times import TaiSeconds
from domain.visit import CoordinateSystem, Dome, RotationSystem, Visit

__all__ = ["visit_of"]

_NO_SCRIPT = 0
"""In place of a script queue and a script, of which there are none."""


def visit_of(exposure: Exposure, *, snaps: int, survey: str, sent: TaiSeconds) -> Visit:
    """Make the visit that an exposure begins, by its header.

    Parameters
    ----------
    exposure
        The first of its group that came, of any detector.
    snaps
        Exposures of the group; 0: not known.
    survey
        By which pipelines are chosen.
    sent
        Now.

    Raises
    ------
    domain.visit.InvalidVisitError
        Raised if the header holds what no visit can have.
    """
    ra, dec = exposure.ra, exposure.dec
    is_placed = ra is not None and dec is not None
    return Visit(
        instrument=exposure.instrument,
        group=exposure.group,
        sal_index=_NO_SCRIPT,
        script_sal_index=_NO_SCRIPT,
        coordinate_system=CoordinateSystem.ICRS if is_placed else CoordinateSystem.NONE,
        position=(ra, dec) if ra is not None and dec is not None else (0.0, 0.0),
        start_time=exposure.begin,
        rotation_system=RotationSystem.NONE if exposure.sky_angle is None else RotationSystem.SKY,
        camera_angle=exposure.sky_angle or 0.0,
        filters=exposure.physical_filter,
        dome=Dome.OPEN,
        duration=max(exposure.exposure_time, 0.0) * max(snaps, 1),
        nimages=snaps,
        survey=survey,
        total_checkpoints=1,
        sent=sent,
    )
