"""Where a visit-detector looks, found when it is first asked for."""

import math
from typing import Final

from domain.cameras.camera import Camera
from domain.cameras.field_angles import focal_plane_of, placed_detector
from domain.sky.position import boresight_icrs, sky_rotation
from domain.visit import CoordinateSystem, RotationSystem, VisitDetector

__all__ = ["VisitPointing"]

_ARCSEC_PER_RADIAN: Final = 3600 * math.degrees(1)


class VisitPointing:
    """The positions that the choice of pipelines may need (`domain.pipelines.Pointing`).

    What the visit does not announce is None; what it announces in a system
    that cannot be placed on the sky is an error of the visit.

    Parameters
    ----------
    camera
        The camera, with geometry if the detector's centre is to be asked for.
    work
        The visit and detector.
    """

    def __init__(self, camera: Camera, work: VisitDetector) -> None:
        self._camera = camera
        self._work = work
        self._centre: tuple[float, float] | None = None

    def boresight(self) -> tuple[float, float] | None:
        """Ra and dec of the boresight, degrees ICRS; None if no position was announced.

        Raises
        ------
        domain.sky.position.UnsupportedSystemError
            Raised if the position is in another system than ICRS.
        domain.visit.InvalidVisitError
            Raised if the position has no such declination.
        """
        if self._work.visit.coordinate_system is CoordinateSystem.NONE:
            return None
        return boresight_icrs(self._work.visit)

    def detector_centre(self) -> tuple[float, float] | None:
        """Ra and dec of the detector's centre, degrees ICRS.

        None if no position or no rotation was announced.

        Raises
        ------
        domain.sky.position.UnsupportedSystemError
            Raised if position or rotation are in a system that cannot be
            placed on the sky.
        domain.visit.InvalidVisitError
            Raised if the position has no such declination.
        domain.cameras.field_angles.NoGeometryError
            Raised if the camera's file does not place the detector.
        domain.cameras.camera.UnknownDetectorError
            Raised if the camera has no such detector.
        """
        boresight = self.boresight()
        if boresight is None or self._work.visit.rotation_system is RotationSystem.NONE:
            return None
        if self._centre is None:
            angle = sky_rotation(self._work.visit)
            self._centre = _centre(self._camera, self._work.detector, boresight, angle)
        return self._centre


def _centre(
    camera: Camera, detector: int, boresight: tuple[float, float], sky_angle: float
) -> tuple[float, float]:
    """Place a detector's centre on the sky as `domain.cameras.focal_plane` places corners.

    Arrays of one element would take ten times as long, and a choice of
    pipelines is to take microseconds.
    """
    focal_plane = focal_plane_of(camera)
    place, _ = placed_detector(camera, camera.detector(detector))
    radius = math.hypot(place.x, place.y)
    factor = 0.0
    for coefficient in reversed(focal_plane.radial_distortion[1:]):
        factor = factor * radius + coefficient
    factor *= focal_plane.plate_scale / _ARCSEC_PER_RADIAN
    x = place.x * factor if focal_plane.x_is_east else -place.x * factor
    y = place.y * factor
    angle, a, d = math.radians(sky_angle), math.radians(boresight[0]), math.radians(boresight[1])
    east = x * math.cos(angle) + y * math.sin(angle)
    north = y * math.cos(angle) - x * math.sin(angle)
    outward = math.cos(d) - north * math.sin(d)
    vector_x = outward * math.cos(a) - east * math.sin(a)
    vector_y = outward * math.sin(a) + east * math.cos(a)
    vector_z = math.sin(d) + north * math.cos(d)
    # The second remainder turns the 360 that the first makes of -1e-17 into 0.
    ra = math.degrees(math.atan2(vector_y, vector_x)) % 360.0 % 360.0
    return ra, math.degrees(math.atan2(vector_z, math.hypot(vector_x, vector_y)))
