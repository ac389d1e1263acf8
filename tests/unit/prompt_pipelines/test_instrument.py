"""Instruments that are made by name."""

import pytest
from lsst.utils import doImportType

from prompt_pipelines.errors import CameraDescriptionError
from prompt_pipelines.instrument import CameraInstrument, instrument_class
from tests.unit.prompt_pipelines.tiny_camera import tiny_camera


@pytest.mark.parametrize("name", ["TinyCam", "LSST-TS8", "X" * 32])
def test_the_class_that_the_registry_names_can_be_imported(name: str) -> None:
    class_name = f"prompt_pipelines.instruments.{name}"
    assert len(class_name) <= 64  # of the registry's column
    imported = doImportType(class_name)
    assert imported is doImportType(class_name)
    assert issubclass(imported, CameraInstrument)
    assert imported().makeCollectionName("calib") == f"{name}/calib"


@pytest.mark.parametrize("name", ["", "X" * 33, "a.b"])
def test_a_name_that_no_registry_holds_is_refused(name: str) -> None:
    with pytest.raises(CameraDescriptionError, match="cannot name an instrument"):
        instrument_class(name)


def test_the_base_class_is_no_instrument() -> None:
    with pytest.raises(TypeError, match="instrument_class"):
        CameraInstrument()


def test_a_camera_gives_an_instrument_of_its_name() -> None:
    assert CameraInstrument.for_camera(tiny_camera()).getName() == "TinyCam"
