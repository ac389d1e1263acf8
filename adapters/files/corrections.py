"""Corrections of a camera's detectors from a YAML file."""

from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from adapters.files.cameras import CameraFileError, camera_converter
from adapters.files.yaml_files import UnreadableFileError, read_file
from domain.cameras.camera import Camera, InvalidCameraError, UnknownDetectorError
from domain.cameras.corrections import DetectorCorrections, check_corrections

__all__ = ["load_corrections"]


@frozen(kw_only=True)
class _CorrectionsEntry:
    detectors: Mapping[str, DetectorCorrections]


def load_corrections(file: Path, camera: Camera) -> dict[int, DetectorCorrections]:
    """Read a file of corrections, by the numbers of the detectors, which it has by name.

    Raises
    ------
    CameraFileError
        Raised if it is absent, malformed, or does not fit the camera; the text
        names file, key and reason.
    """
    try:
        entry = read_file(camera_converter(), _CorrectionsEntry, file, {})
        found = {camera.detector_named(name).number: one for name, one in entry.detectors.items()}
        for number, one in found.items():
            check_corrections(camera, number, one)
    except UnreadableFileError as error:
        raise CameraFileError(str(error)) from error
    except (InvalidCameraError, UnknownDetectorError) as error:
        raise CameraFileError(f"{file}: {error}") from error
    return found
