import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from domain.cameras.camera import Camera
from domain.cameras.field_angles import Floats
from domain.cameras.focal_plane import corners_on_sky
from domain.sky.pointing import VisitPointing
from domain.sky.position import UnsupportedSystemError
from domain.visit import CoordinateSystem, RotationSystem, VisitDetector
from tests.strategies.cameras import PLACED, declinations, right_ascensions, sky_angles
from tests.unit.domain.expectations import work_of

SYSTEMS = st.tuples(st.sampled_from(CoordinateSystem), st.sampled_from(RotationSystem))


def placed(camera: Camera, position: tuple[float, float], angle: float) -> VisitDetector:
    visit = evolve(work_of(1).visit, position=position, camera_angle=angle)
    return VisitDetector(visit, camera.detectors[0].number)


def vectors(positions: Floats) -> Floats:
    ra, dec = np.radians(np.moveaxis(positions, -1, 0))
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)


@pytest.mark.parametrize("camera", PLACED, ids=lambda camera: camera.instrument)
@given(ra=right_ascensions, dec=declinations, angle=sky_angles, data=st.data())
def test_a_centre_is_where_the_diagonals_of_the_corners_meet(
    camera: Camera, ra: float, dec: float, angle: float, data: st.DataObject
) -> None:
    detector = data.draw(st.sampled_from(camera.detectors)).number
    work = VisitDetector(placed(camera, (ra, dec), angle).visit, detector)
    found = VisitPointing(camera, work).detector_centre()
    assert found is not None
    (corners,) = vectors(corners_on_sky(camera, ra, dec, angle, detectors=[detector]))
    meeting = np.cross(np.cross(corners[0], corners[2]), np.cross(corners[1], corners[3]))
    meeting *= np.sign(meeting @ corners[0]) / np.linalg.norm(meeting)
    # Arcseconds: the most that distortion bends a diagonal of HSC's outermost detectors, and of LSSTCam's.
    most = 3.0 if camera.instrument == "HSC" else 0.5
    assert np.degrees(np.linalg.norm(vectors(np.array(found)) - meeting)) < most / 3600


@given(SYSTEMS)
def test_what_is_not_announced_is_none_and_what_cannot_be_placed_an_error(
    systems: tuple[CoordinateSystem, RotationSystem],
) -> None:
    coordinates, rotation = systems
    work = placed(PLACED[0], (10.0, 20.0), 0.0)
    visit = evolve(work.visit, coordinate_system=coordinates, rotation_system=rotation)
    pointing = VisitPointing(PLACED[0], VisitDetector(visit, work.detector))
    match coordinates:
        case CoordinateSystem.NONE:
            assert pointing.boresight() is None
            assert pointing.detector_centre() is None
        case CoordinateSystem.OBSERVED | CoordinateSystem.MOUNT:
            with pytest.raises(UnsupportedSystemError, match=coordinates.name):
                pointing.boresight()
            with pytest.raises(UnsupportedSystemError, match=coordinates.name):
                pointing.detector_centre()
        case CoordinateSystem.ICRS:
            assert pointing.boresight() == (10.0, 20.0)
            match rotation:
                case RotationSystem.NONE:
                    assert pointing.detector_centre() is None
                case RotationSystem.SKY:
                    assert pointing.detector_centre() is not None
                case _:
                    with pytest.raises(UnsupportedSystemError, match=rotation.name):
                        pointing.detector_centre()
