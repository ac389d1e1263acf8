"""Cameras from their YAML files."""

import difflib
import functools
import importlib.resources
import re
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

import cattrs
from attrs import evolve, field, frozen

from adapters.common.converters import rename, strict_converter
from adapters.common.yaml_loader import NotYamlError, load_yaml
from adapters.files.header_rules import add_header_hooks
from adapters.files.yaml_files import UnreadableFileError, read_file
from domain.cameras.camera import (
    AmplifierCards,
    Box,
    Camera,
    Detector,
    DetectorType,
    FocalPlane,
    HeaderRules,
    InvalidCameraError,
    ObservatoryPlace,
    Placement,
    Purpose,
    RawKeys,
)

__all__ = ["CameraFileError", "camera_converter", "copy_camera", "find_camera", "load_camera"]

_SUFFIX: Final = ".yaml"
_NAMES: Final = {"pixel_size": "pixel_size_um"}
_SECTION = re.compile(r"\[([0-9]{1,9}):([0-9]{1,9}),([0-9]{1,9}):([0-9]{1,9})\]")


class CameraFileError(UnreadableFileError):
    """A camera's file is absent, malformed, or contradicts itself."""


def load_camera(path_or_name: str | Path) -> Camera:
    """Read a camera's file.

    Parameters
    ----------
    path_or_name
        A path; or the bare name, in any case, of one of the shipped files.

    Raises
    ------
    CameraFileError
        Raised if there is none such or it is malformed; the text names file,
        key and reason.
    """
    return _load(_find(path_or_name))


def copy_camera(path_or_name: str | Path, target: Path) -> Camera:
    """Copy a camera's file, and the list of corrections that it names, to be beside the copy.

    Parameters
    ----------
    path_or_name
        As for `load_camera`.
    target
        The copy, which does not exist yet.

    Raises
    ------
    CameraFileError
        Raised as by `load_camera`.
    """
    file = _find(path_or_name)
    camera = _load(file)
    content = file.read_bytes()
    entry = load_yaml(content)
    corrections = entry.get("corrections") if isinstance(entry, dict) else None
    if isinstance(corrections, str):
        if Path(corrections).name != corrections:
            raise CameraFileError(f"{file}: corrections: {corrections} is not beside the camera's file")
        (target.parent / corrections).write_bytes((_folder_of(file) / corrections).read_bytes())
    target.write_bytes(content)
    return camera


def _find(path_or_name: str | Path) -> Path | Traversable:
    text = str(path_or_name)
    if isinstance(path_or_name, Path) or "/" in text or text.endswith((_SUFFIX, ".yml")):
        return Path(path_or_name)
    for file in _shipped():
        if file.name == text.lower() + _SUFFIX:
            return file
    names = [file.name.removesuffix(_SUFFIX) for file in _shipped()]
    near = "".join(f" (did you mean {name}?)" for name in difflib.get_close_matches(text.lower(), names, n=1))
    raise CameraFileError(
        f"no camera {text!r} is shipped{near}: name a file by its path, or one of {', '.join(names)}"
    )


def find_camera(instrument: str) -> Camera:
    """Find the shipped camera of an instrument by the instrument's short name.

    Raises
    ------
    CameraFileError
        Raised if none of them is that instrument's.
    """
    # Those that name it are tried first: all the others take a process a fifth of a second.
    for file in sorted(_shipped(), key=lambda file: instrument not in file.read_text(encoding="utf-8")):
        camera = _load(file)
        if camera.instrument == instrument:
            return camera
    raise CameraFileError(f"no shipped camera is that of instrument {instrument!r}")


def _shipped() -> tuple[Traversable, ...]:
    files = importlib.resources.files("cameras").iterdir()
    return tuple(sorted((file for file in files if file.name.endswith(_SUFFIX)), key=lambda file: file.name))


@frozen(kw_only=True)
class _FocalPlaneEntry:
    plate_scale_arcsec_per_mm: float
    x_axis: str
    radial_distortion: tuple[float, ...] = (0.0, 1.0)


@frozen(kw_only=True)
class _DetectorEntry:
    number: int
    name: str
    purpose: Purpose = Purpose.SCIENCE
    type: str | None = None
    x_mm: float | None = None
    y_mm: float | None = None
    yaw_deg: float = 0.0
    hdu: str | int | None = None
    file: str = "*"
    serial: str | None = None
    key_name: str | None = None


@frozen(kw_only=True)
class _CameraEntry:
    instrument: str
    raw_keys: RawKeys
    header: HeaderRules
    filters: Mapping[str, str]
    detectors: tuple[_DetectorEntry, ...]
    detector_types: Mapping[str, DetectorType] = field(factory=dict)
    focal_plane: FocalPlane | None = None
    calibrations: tuple[str, ...] | None = None
    pointing_error_deg: float = 0.0
    observatory: ObservatoryPlace | None = None
    corrections: Any = None
    """What cards of single exposures should say, or the name of a file beside the camera's that does."""


def _load(file: Path | Traversable) -> Camera:
    try:
        entry = read_file(_converter(), _CameraEntry, file, _NAMES)
        return Camera(
            instrument=entry.instrument,
            detectors=tuple(_detector(one, entry.detector_types) for one in entry.detectors),
            raw_keys=entry.raw_keys,
            header=_corrected(entry, file),
            filters=entry.filters,
            focal_plane=entry.focal_plane,
            calibrations=entry.calibrations,
            pointing_error=entry.pointing_error_deg,
            observatory=entry.observatory,
        )
    except UnreadableFileError as error:
        raise CameraFileError(str(error)) from error
    except InvalidCameraError as error:
        raise CameraFileError(f"{file}: {error}") from error


def _corrected(entry: _CameraEntry, file: Path | Traversable) -> HeaderRules:
    """Add the list of corrections that the camera's file holds or names."""
    listed = {} if entry.corrections is None else entry.corrections
    if isinstance(listed, str):
        try:
            listed = load_yaml((_folder_of(file) / listed).read_bytes())
        except (OSError, NotYamlError) as error:
            raise UnreadableFileError(f"{file}: corrections: {error}") from error
    if not isinstance(listed, dict) or not all(_is_correction(one) for one in listed.items()):
        raise UnreadableFileError(f"{file}: corrections: do not map observation ids to cards and values")
    return evolve(entry.header, corrections=listed)


def _folder_of(file: Path | Traversable) -> Path | Traversable:
    return file.parent if isinstance(file, Path) else importlib.resources.files("cameras")


def _is_correction(item: tuple[object, object]) -> bool:
    obs_id, cards = item
    return (
        isinstance(obs_id, str)
        and isinstance(cards, dict)
        and all(isinstance(card, str) for card in cards)
        and all(value is None or isinstance(value, str | int | float) for value in cards.values())
    )


def _detector(entry: _DetectorEntry, types: Mapping[str, DetectorType]) -> Detector:
    if entry.type is not None and entry.type not in types:
        raise InvalidCameraError(f"detectors: {entry.name}: type {entry.type!r} is none of detector_types")
    if (entry.x_mm is None) != (entry.y_mm is None):
        raise InvalidCameraError(f"detectors: {entry.name}: has one of x_mm and y_mm only")
    return Detector(
        number=entry.number,
        name=entry.name,
        purpose=entry.purpose,
        type=None if entry.type is None else types[entry.type],
        placement=None
        if entry.x_mm is None or entry.y_mm is None
        else Placement(x=entry.x_mm, y=entry.y_mm, yaw=entry.yaw_deg),
        hdu=entry.hdu,
        file=entry.file,
        serial=entry.serial,
        key_name=entry.key_name,
    )


def camera_converter() -> cattrs.Converter:
    """Return what reads parts of cameras: sections as boxes, and the rest strictly."""
    return _converter()


@functools.cache
def _converter() -> cattrs.Converter:
    converter = strict_converter()
    converter.register_structure_hook_func(
        lambda kind: kind == str | int | None, lambda value, _: _hdu(value)
    )
    converter.register_structure_hook(Box, lambda value, _: _box(value))
    converter.register_structure_hook_func(
        lambda kind: kind == Box | None, lambda value, _: None if value is None else _box(value)
    )
    as_lists = cattrs.gen.make_dict_structure_fn(AmplifierCards, converter)
    converter.register_structure_hook(AmplifierCards, lambda cards, kind: as_lists(_listed(cards), kind))
    rename(converter, DetectorType, _NAMES)
    converter.register_structure_hook(FocalPlane, lambda value, _: _focal_plane(converter, value))
    add_header_hooks(converter)
    return converter


def _box(section: object) -> Box:
    match = _SECTION.fullmatch(section.replace(" ", "")) if isinstance(section, str) else None
    if match is None:
        raise ValueError(f"{section!r} is not a section such as [1:256,1:512]")
    x_first, x_last, y_first, y_last = (int(bound) for bound in match.groups())
    return Box(x_first - 1, x_last, y_first - 1, y_last)


def _focal_plane(converter: cattrs.Converter, value: object) -> FocalPlane:
    entry = converter.structure(value, _FocalPlaneEntry)
    if entry.x_axis not in {"west", "east"}:
        raise ValueError(f"x_axis {entry.x_axis!r} is neither west nor east")
    return FocalPlane(
        plate_scale=entry.plate_scale_arcsec_per_mm,
        radial_distortion=entry.radial_distortion,
        x_is_east=entry.x_axis == "east",
    )


def _listed(cards: object) -> dict[str, Any]:
    """Write each single card of an amplifier as a list of one."""
    if not isinstance(cards, dict):
        raise TypeError("is not a mapping")
    return {name: [value] if isinstance(value, str) else value for name, value in cards.items()}


def _hdu(value: object) -> str | int | None:
    if isinstance(value, bool) or not isinstance(value, str | int | None) or value == "":
        raise ValueError(f"{value!r} is neither the name of an HDU nor its number")
    if isinstance(value, int) and value < 0:
        raise ValueError(f"HDU {value} is none: the primary one is 0")
    return value
