"""What an announced visit tells of the sky that it will show."""

import pytest
from attrs import evolve

from adapters.butler.camera.camera_stack import OurCameraStack
from adapters.butler.workspace.selection import select
from adapters.files.cameras import find_camera
from domain.cameras.camera import Camera
from domain.visit import RotationSystem, VisitDetector
from tests.strategies.cameras import visit

CAMERA = find_camera("SimCam")


@pytest.mark.parametrize(
    ("camera", "region", "warned"),
    [(CAMERA, False, True), (evolve(CAMERA, pointing_error=0.5), True, False)],
    ids=["pointing right", "pointing may be off"],
)
def test_only_where_fields_are_recognized_an_unknown_rotation_costs_nothing(
    camera: Camera, *, region: bool, warned: bool
) -> None:
    work = VisitDetector(visit(instrument="SimCam", filters="r_sim", rotation_system=RotationSystem.NONE), 4)
    selection, warnings = select(camera, OurCameraStack(camera), work, skymap="s", padding=30.0)
    assert (selection.region is not None) == region
    assert bool(warnings) == warned
