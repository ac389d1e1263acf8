"""Where a visit-detector looks, found when it is first asked for."""

from domain.camera import Camera
from domain.focal_plane import centres_on_sky
from domain.sky import boresight_icrs, sky_rotation
from domain.visit import CoordinateSystem, RotationSystem, VisitDetector

__all__ = ["VisitPointing"]


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
        domain.sky.UnsupportedSystemError
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
        domain.sky.UnsupportedSystemError
            Raised if position or rotation are in a system that cannot be
            placed on the sky.
        domain.visit.InvalidVisitError
            Raised if the position has no such declination.
        domain.focal_plane.NoGeometryError
            Raised if the camera's file does not place the detector.
        domain.camera.UnknownDetectorError
            Raised if the camera has no such detector.
        """
        boresight = self.boresight()
        if boresight is None or self._work.visit.rotation_system is RotationSystem.NONE:
            return None
        if self._centre is None:
            angle = sky_rotation(self._work.visit)
            ((ra, dec),) = centres_on_sky(
                self._camera, *boresight, angle, detectors=[self._work.detector]
            ).tolist()
            self._centre = ra, dec
        return self._centre
