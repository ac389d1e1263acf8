"""Where a camera's detectors are on the sky.

Angles are in degrees ICRS; a detector's pixels are counted from 0, with whole
numbers at their centres. `domain.cameras.field_angles` has the projection.
"""

import math
from collections.abc import Sequence

import numpy as np
from attrs import frozen

from domain.cameras.camera import Camera, FocalPlane
from domain.cameras.field_angles import (
    Floats,
    InvalidPointingError,
    NoGeometryError,
    focal_plane_of,
    placed_detector,
    to_degrees,
    to_vectors,
    unit,
)

__all__ = [
    "InvalidPointingError",
    "NoGeometryError",
    "corners_on_sky",
]

_CORNERS = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])


def corners_on_sky(
    camera: Camera,
    ra: float,
    dec: float,
    sky_angle: float,
    *,
    detectors: Sequence[int] | None = None,
    padding: float = 0.0,
) -> Floats:
    """Compute the footprints of detectors.

    Parameters
    ----------
    camera
        A camera with geometry.
    ra, dec
        Boresight, degrees ICRS.
    sky_angle
        Degrees, of focal-plane +Y, east of north.
    detectors
        Numbers; None is all, in the camera's order.
    padding
        Arcseconds by which every edge is moved outwards.

    Returns
    -------
    corners
        Degrees, shape (detectors, 4, 2), last axis RA in [0, 360) and Dec; the
        outer corners of the corner pixels, from the first pixel anticlockwise
        in the detector's own frame.

    Raises
    ------
    NoGeometryError
        Raised if the camera's file does not place one of them.
    UnknownDetectorError
        Raised if the camera has none of that number.
    InvalidPointingError
        Raised if an angle is not finite, or no declination, or the padding is
        negative.
    """
    if not (math.isfinite(padding) and padding >= 0):
        raise InvalidPointingError(f"padding of {padding} arcsec is no margin")
    layout = _Layout.of(camera, detectors)
    vectors = to_vectors(layout.focal_plane, layout.millimetres(_CORNERS), ra, dec, sky_angle)
    return to_degrees(_widened(vectors, math.radians(padding / 3600)) if padding else vectors)


@frozen(eq=False)
class _Layout:
    """Detectors of a camera as arrays, one row each."""

    focal_plane: FocalPlane
    centres: Floats
    """Millimetres, (n, 2)."""
    yaws: Floats
    """Radians, (n,)."""
    sizes: Floats
    """Millimetres, (n, 2)."""

    @classmethod
    def of(cls, camera: Camera, numbers: Sequence[int] | None) -> "_Layout":
        detectors = camera.detectors if numbers is None else [camera.detector(number) for number in numbers]
        placed = [placed_detector(camera, detector) for detector in detectors]
        table = np.array(
            [(at.x, at.y, math.radians(at.yaw), kind.nx, kind.ny, kind.pixel_size) for at, kind in placed]
        ).reshape(-1, 6)
        return cls(
            focal_plane=focal_plane_of(camera),
            centres=table[:, :2],
            yaws=table[:, 2],
            sizes=table[:, 3:5] * table[:, 5:] / 1000,
        )

    def millimetres(self, fractions: Floats) -> Floats:
        """Place points (m, 2), in fractions of the size from the centre, on the focal plane: (n, m, 2)."""
        own = fractions[None, :, :] * self.sizes[:, None, :]
        cosine, sine = np.cos(self.yaws)[:, None], np.sin(self.yaws)[:, None]
        x = own[..., 0] * cosine - own[..., 1] * sine
        y = own[..., 0] * sine + own[..., 1] * cosine
        return self.centres[:, None, :] + np.stack([x, y], axis=-1)


def _widened(corners: Floats, margin: float) -> Floats:
    """Move the edges of convex quadrilaterals (n, 4, 3) outwards by an angle in radians.

    This is done on the plane that touches the sphere at each one's middle,
    where great circles are straight; over a detector's width of a fraction of
    a degree its scale changes by parts in 100,000.
    """
    middle = unit(corners.sum(axis=1))[:, None, :]
    plane = corners / np.sum(corners * middle, axis=-1, keepdims=True)
    first = unit(plane[:, 1:2] - plane[:, 0:1])
    second = np.cross(middle, first)
    flat = np.stack([np.sum(plane * first, axis=-1), np.sum(plane * second, axis=-1)], axis=-1)
    edges = np.roll(flat, -1, axis=1) - flat
    edges /= np.linalg.norm(edges, axis=-1, keepdims=True)
    turn = np.sign(edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0])[:, None, None]
    outward = np.stack([edges[..., 1], -edges[..., 0]], axis=-1) * turn
    before = np.roll(outward, 1, axis=1)
    # Where two edges that both moved by the margin meet.
    shift = (before + outward) / (1 + np.sum(before * outward, axis=-1, keepdims=True)) * math.tan(margin)
    return unit(plane + shift[..., 0:1] * first + shift[..., 1:2] * second)
