"""From the focal plane to the sphere: distortion, scale, parity, rotation and projection.

A point of the focal plane (mm) is stretched along its radius by the camera's
distortion and scaled to a field angle, which is a gnomonic (tangent-plane)
coordinate about the boresight. At sky angle 0 focal-plane +Y points north and
+X west; a flipped camera has +X east. The sky angle is that of +Y, east of
north.
"""

import math

import numpy as np
from numpy.typing import NDArray

from domain.cameras.camera import Camera, Detector, DetectorType, FocalPlane, Placement
from domain.errors import PromptProcessingError

__all__ = [
    "Floats",
    "InvalidPointingError",
    "NoGeometryError",
    "focal_plane_of",
    "placed_detector",
    "to_degrees",
    "to_vectors",
    "unit",
]

type Floats = NDArray[np.float64]

_ARCSEC_PER_RADIAN = 3600 * math.degrees(1)


class NoGeometryError(PromptProcessingError):
    """The camera's file does not say where its detectors are."""


class InvalidPointingError(PromptProcessingError):
    """A boresight, rotation or padding that cannot be."""


def focal_plane_of(camera: Camera) -> FocalPlane:
    """Take the camera's focal plane, or say that it has none."""
    if camera.focal_plane is None:
        raise NoGeometryError(f"{camera.instrument}: its camera file has no focal_plane")
    return camera.focal_plane


def placed_detector(camera: Camera, detector: Detector) -> tuple[Placement, DetectorType]:
    """Take a detector's place and type, or say that they are not known."""
    if detector.placement is None or detector.type is None:
        raise NoGeometryError(f"{camera.instrument}: its camera file does not place detector {detector.name}")
    return detector.placement, detector.type


def _stretch(focal_plane: FocalPlane, radius: Floats) -> Floats:
    """Compute the factor by which distortion moves points at a radius (mm) outwards."""
    return np.asarray(
        np.polynomial.polynomial.polyval(radius, focal_plane.radial_distortion[1:]), dtype=float
    )


def _sky_axes(focal_plane: FocalPlane, sky_angle: float) -> Floats:
    """Compute the matrix from focal-plane (x, y) to (east, north)."""
    cosine, sine = math.cos(math.radians(sky_angle)), math.sin(math.radians(sky_angle))
    parity = 1.0 if focal_plane.x_is_east else -1.0
    return np.array([[parity * cosine, sine], [-parity * sine, cosine]])


def _check_pointing(ra: float, dec: float, sky_angle: float) -> None:
    """Refuse what is no boresight and rotation."""
    if not (math.isfinite(ra) and math.isfinite(sky_angle) and -90 <= dec <= 90):
        raise InvalidPointingError(f"RA {ra}, Dec {dec}, sky angle {sky_angle} degrees is no pointing")


def to_vectors(focal_plane: FocalPlane, points: Floats, ra: float, dec: float, sky_angle: float) -> Floats:
    """Turn focal-plane points (..., 2) in millimetres into vectors (..., 3), of unit length, on the sky."""
    _check_pointing(ra, dec, sky_angle)
    radii = np.hypot(points[..., 0], points[..., 1])
    angles = (
        points * (_stretch(focal_plane, radii) * (focal_plane.plate_scale / _ARCSEC_PER_RADIAN))[..., None]
    )
    east_north = angles @ _sky_axes(focal_plane, sky_angle).T
    a, d = math.radians(ra), math.radians(dec)
    boresight = np.array([math.cos(d) * math.cos(a), math.cos(d) * math.sin(a), math.sin(d)])
    east = np.array([-math.sin(a), math.cos(a), 0.0])
    north = np.array([-math.sin(d) * math.cos(a), -math.sin(d) * math.sin(a), math.cos(d)])
    return unit(boresight + east_north @ np.stack([east, north]))


def to_degrees(vectors: Floats) -> Floats:
    """Turn vectors (..., 3) into RA in [0, 360) and Dec (..., 2), degrees."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    # The second remainder turns the 360 that the first makes of -1e-17 into 0.
    ra = np.degrees(np.arctan2(y, x)) % 360.0 % 360.0
    return np.stack([ra, np.degrees(np.arctan2(z, np.hypot(x, y)))], axis=-1)


def unit(vectors: Floats) -> Floats:
    """Scale vectors to unit length."""
    lengths: Floats = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / lengths
