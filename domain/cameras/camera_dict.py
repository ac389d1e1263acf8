"""A camera as plain JSON-able values, for whoever does not share our classes."""

from typing import Any

from domain.cameras.camera import Amplifier, Box, Camera, Detector, FocalPlane

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
        "amplifiers": [] if kind is None else [_amplifier(amplifier) for amplifier in kind.amplifiers],
    }


def _amplifier(amplifier: Amplifier) -> dict[str, Any]:
    return {
        "name": amplifier.name,
        "data": _box(amplifier.data),
        "overscan": _box(amplifier.overscan),
        "image": _box(amplifier.image),
        "gain": amplifier.gain,
        "read_noise": amplifier.read_noise,
        "saturation": amplifier.saturation,
    }


def _box(box: Box) -> list[int]:
    return [box.x_min, box.x_max, box.y_min, box.y_max]


def _focal_plane(focal_plane: FocalPlane) -> dict[str, Any]:
    return {
        "plate_scale_arcsec_per_mm": focal_plane.plate_scale,
        "radial_distortion": list(focal_plane.radial_distortion),
        "x_is_east": focal_plane.x_is_east,
    }
