import json

import pytest
from attrs import evolve

from domain.cameras.camera import Camera, Detector
from domain.cameras.camera_dict import camera_as_dict
from tests.strategies.cameras import SHIPPED


@pytest.mark.parametrize("camera", SHIPPED.values(), ids=SHIPPED)
def test_every_camera_survives_json(camera: Camera) -> None:
    plain = camera_as_dict(camera)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert list(plain["detectors"]) == [str(detector.number) for detector in camera.detectors]
    assert plain["filters"] == camera.filters


def test_the_simulated_camera_in_full() -> None:
    plain = camera_as_dict(SHIPPED["SimCam"])
    first = plain["detectors"]["0"]
    assert (first["name"], first["purpose"]) == ("R22_S00", "science")
    assert (first["nx"], first["ny"], first["pixel_size_um"]) == (512, 512, 10.0)
    assert (first["x_mm"], first["y_mm"], first["yaw_deg"]) == (-5.5, -5.5, 0.0)
    assert first["amplifiers"][1] == {
        "name": "C01",
        "data": [256, 512, 0, 512],
        "overscan": [544, 576, 0, 512],
        "image": [256, 512, 0, 512],
        "gain": 1.6,
        "read_noise": 7.0,
        "saturation": 60000.0,
    }
    assert plain["focal_plane"] == {
        "plate_scale_arcsec_per_mm": 20.0,
        "radial_distortion": [0.0, 1.0],
        "x_is_east": False,
    }
    assert plain["wcs"] is None


def test_what_a_camera_leaves_open_is_none() -> None:
    bare = evolve(SHIPPED["HSC"], focal_plane=None, detectors=(Detector(number=50, name="1_12"),))
    plain = camera_as_dict(bare)
    assert plain["focal_plane"] is None
    assert plain["detectors"]["50"] == {
        "name": "1_12",
        "purpose": "science",
        "nx": None,
        "ny": None,
        "pixel_size_um": None,
        "x_mm": None,
        "y_mm": None,
        "yaw_deg": None,
        "amplifiers": [],
    }


def test_lowells_headers_name_another_projection_than_they_use() -> None:
    assert camera_as_dict(SHIPPED["Lowell42"])["wcs"] == {"projection": "TPV"}
