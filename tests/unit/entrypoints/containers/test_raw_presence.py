"""Which cameras the raw microservice serves."""

import shutil
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from adapters.files.cameras import CameraFileError
from entrypoints.containers.raw_presence import RawPresenceContainer, served_cameras
from entrypoints.settings.environment import SettingsError, read_settings
from entrypoints.settings.raw_presence import RawPresenceSettings


def _instruments(instruments: set[str], cameras: set[str]) -> list[str]:
    return [camera.instrument for camera in served_cameras(instruments, cameras)]


def test_shipped_cameras_are_found_by_instrument() -> None:
    assert _instruments({"LATISS", "HSC", "LSST-TS8"}, set()) == ["HSC", "LATISS", "LSST-TS8"]


def test_the_camera_of_a_file_is_served_without_being_listed() -> None:
    assert _instruments({"LATISS"}, {"simulated"}) == ["SimCam", "LATISS"]


def test_a_file_comes_before_the_shipped_camera_of_its_instrument(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    with as_file(files("cameras") / "latiss.yaml") as shipped:
        own.write_text(
            shipped.read_text().replace("plate_scale_arcsec_per_mm: 9.5695", "plate_scale_arcsec_per_mm: 7.0")
        )
    (camera,) = served_cameras({"LATISS"}, {str(own)})
    assert camera.focal_plane is not None
    assert camera.focal_plane.plate_scale == 7.0


def test_two_files_of_one_instrument_are_refused(tmp_path: Path) -> None:
    with as_file(files("cameras") / "simulated.yaml") as shipped:
        shutil.copy(shipped, tmp_path / "again.yaml")
    with pytest.raises(CameraFileError, match="SimCam"):
        served_cameras(set(), {"simulated", str(tmp_path / "again.yaml")})


def test_an_instrument_without_a_camera_is_refused() -> None:
    with pytest.raises(CameraFileError, match="MegaPrime"):
        served_cameras({"MegaPrime"}, set())


def test_redis_alone_is_enough_to_answer_from_what_others_index() -> None:
    alone = {"REDIS_HOST": "127.0.0.1", "REDIS_PASSWORD": "secret"}
    settings = read_settings(RawPresenceSettings, alone)
    assert not settings.indexes
    assert not settings.one_port
    assert read_settings(RawPresenceSettings, {**alone, "PORT": "8000"}).one_port
    assert not read_settings(RawPresenceSettings, {**alone, "PORT": "0", "METRICS_PORT": "0"}).one_port
    container = RawPresenceContainer(settings=settings)
    container.check_dependencies()
    assert container.server().port == 8080
    with pytest.raises(SettingsError, match="S3_ENDPOINT_URL, IMAGE_BUCKET: are required with KAFKA_CLUSTER"):
        read_settings(RawPresenceSettings, {**alone, "KAFKA_CLUSTER": "127.0.0.1:9"})


def test_the_container_makes_everything_from_settings() -> None:
    needed = {
        "KAFKA_CLUSTER": "127.0.0.1:9",
        "REDIS_HOST": "127.0.0.1",
        "S3_ENDPOINT_URL": "http://127.0.0.1:9",
        "IMAGE_BUCKET": "images",
        "SUPPORTED_INSTRUMENTS": "LATISS",
        "PORT": "1234",
        "METRICS_PORT": "1235",
    }
    container = RawPresenceContainer(settings=read_settings(RawPresenceSettings, needed))
    container.check_dependencies()
    assert container.server().port == 1234
    assert container.metrics_server().port == 1235
    assert not container.server().serving()
    assert container.indexer() is container.indexer()
    assert container.catch_up() is not None
