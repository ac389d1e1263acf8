"""A camera as plain JSON-able values, for whoever does not share our classes."""

from typing import Any

import attrs

from domain.cameras.camera import Amplifier, AmplifierCards, Box, Camera, Detector, FocalPlane

__all__ = ["camera_as_dict"]


def camera_as_dict(camera: Camera) -> dict[str, Any]:
    """Write what processing needs of a camera.

    Boxes are ``[x_min, x_max, y_min, y_max]``, from 0, the upper bounds
    excluded. What a camera leaves open is None.
    """
    wcs = camera.header.wcs
    return {
        "instrument": camera.instrument,
        "detectors": {str(detector.number): _detector(detector) for detector in camera.detectors},
        "focal_plane": None if camera.focal_plane is None else _focal_plane(camera.focal_plane),
        "wcs": None if wcs is None else {"projection": wcs.projection},
        "filters": dict(camera.filters),
        "calibrations": None if camera.calibrations is None else list(camera.calibrations),
        "pointing_error_deg": camera.pointing_error,
        "observatory": None if camera.observatory is None else attrs.asdict(camera.observatory),
    }


def _detector(detector: Detector) -> dict[str, Any]:
    kind, place = detector.type, detector.placement
    return {
        "name": detector.name,
        "purpose": detector.purpose.value,
        "nx": None if kind is None else kind.nx,
        "ny": None if kind is None else kind.ny,
        "pixel_size_um": None if kind is None else kind.pixel_size,
        "x_mm": None if place is None else place.x,
        "y_mm": None if place is None else place.y,
        "yaw_deg": None if place is None else place.yaw,
        "amplifiers": []
        if kind is None
        else [_amplifier(amplifier, detector.hdu_of(amplifier)) for amplifier in kind.amplifiers],
        **({} if kind is None or kind.amplifier_cards is None else _cards(kind.amplifier_cards)),
    }


def _amplifier(amplifier: Amplifier, hdu: str | int | None) -> dict[str, Any]:
    boxes = {
        "parallel_overscan": amplifier.parallel_overscan,
        "prescan": amplifier.prescan,
        "parallel_prescan": amplifier.parallel_prescan,
    }
    more = {
        "hdu": hdu,
        **{name: None if box is None else _box(box) for name, box in boxes.items()},
        "flip_x": amplifier.flip_x or None,
        "flip_y": amplifier.flip_y or None,
    }
    return {
        "name": amplifier.name,
        "data": _box(amplifier.data),
        "overscan": _box(amplifier.overscan),
        "image": _box(amplifier.image),
        "gain": amplifier.gain,
        "read_noise": amplifier.read_noise,
        "saturation": amplifier.saturation,
        # What most cameras leave out would be written for each of thousands of amplifiers.
        **{name: value for name, value in more.items() if value is not None},
    }


def _box(box: Box | None) -> list[int]:
    return [0, 0, 0, 0] if box is None else [box.x_min, box.x_max, box.y_min, box.y_max]


def _cards(cards: AmplifierCards) -> dict[str, Any]:
    named = {name: list(value) for name, value in attrs.asdict(cards).items() if isinstance(value, tuple)}
    return {
        "amplifier_cards": {
            **{name: value for name, value in named.items() if value},
            **({"image_from_top": True} if cards.image_from_top else {}),
        }
    }


def _focal_plane(focal_plane: FocalPlane) -> dict[str, Any]:
    return {
        "plate_scale_arcsec_per_mm": focal_plane.plate_scale,
        "radial_distortion": list(focal_plane.radial_distortion),
        "x_is_east": focal_plane.x_is_east,
    }
