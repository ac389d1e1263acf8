"""Visits of LSSTCam to announce."""

import time

from domain.times import TaiSeconds, UtcSeconds, tai_from_utc
from domain.visit import CoordinateSystem, Dome, RotationSystem, Visit

__all__ = ["visit_at"]


def visit_at(number: int, ra: float, dec: float, *, survey: str = "BLOCK-407") -> Visit:
    """Make a visit that is announced now; its group is its number's alone."""
    now = tai_from_utc(UtcSeconds(time.time()))
    return Visit(
        instrument="LSSTCam",
        group=f"2026-03-14T02:15:07.310#{number}",
        sal_index=1,
        script_sal_index=number,
        coordinate_system=CoordinateSystem.ICRS,
        position=(ra, dec),
        start_time=TaiSeconds(now + 20.0),
        rotation_system=RotationSystem.SKY,
        camera_angle=41.5,
        filters="i_39",
        dome=Dome.OPEN,
        duration=32.0,
        nimages=1,
        survey=survey,
        total_checkpoints=2,
        sent=now,
    )
