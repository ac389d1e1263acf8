"""Where a camera's detectors are on the sky.

Angles are in degrees ICRS; a detector's pixels are counted from 0, with whole
numbers at their centres. `domain.cameras.field_angles` has the projection.
"""

import math
from collections.abc import Sequence

import numpy as np
from attrs import frozen
from numpy.typing import ArrayLike

from domain.cameras.camera import Camera, FocalPlane
from domain.cameras.field_angles import (
    Floats,
    InvalidPointingError,
    NoGeometryError,
    check_pointing,
    focal_plane_of,
    placed_detector,
    sky_axes,
    stretch,
    to_degrees,
    to_vectors,
    unit,
)

__all__ = [
    "InvalidPointingError",
    "NoGeometryError",
    "TangentWcs",
    "centres_on_sky",
    "corners_on_sky",
    "pixels_to_sky",
    "tangent_wcs",
]

_CORNERS = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])


@frozen(kw_only=True)
class TangentWcs:
    """A linear gnomonic WCS, in the terms of FITS."""

    crval: tuple[float, float]
    """RA and Dec of the boresight, degrees ICRS."""
    crpix: tuple[float, float]
    """Pixel of the boresight in the trimmed frame, the first one counted 1."""
    cd: tuple[tuple[float, float], tuple[float, float]]
    """Degrees per pixel."""

    def cards(self) -> dict[str, str | float]:
        """Write it as header cards."""
        return {
            "RADESYS": "ICRS",
            "CTYPE1": "RA---TAN",
            "CTYPE2": "DEC--TAN",
            "CUNIT1": "deg",
            "CUNIT2": "deg",
            "CRVAL1": self.crval[0],
            "CRVAL2": self.crval[1],
            "CRPIX1": self.crpix[0],
            "CRPIX2": self.crpix[1],
            "CD1_1": self.cd[0][0],
            "CD1_2": self.cd[0][1],
            "CD2_1": self.cd[1][0],
            "CD2_2": self.cd[1][1],
        }


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


def centres_on_sky(
    camera: Camera, ra: float, dec: float, sky_angle: float, *, detectors: Sequence[int] | None = None
) -> Floats:
    """Compute the centres of detectors.

    Parameters and errors are those of `corners_on_sky`.

    Returns
    -------
    centres
        Degrees, shape (detectors, 2): RA in [0, 360) and Dec.
    """
    layout = _Layout.of(camera, detectors)
    return to_degrees(to_vectors(layout.focal_plane, layout.centres, ra, dec, sky_angle))


def pixels_to_sky(
    camera: Camera, detector: int, ra: float, dec: float, sky_angle: float, *, pixels: ArrayLike
) -> Floats:
    """Compute where pixels of one detector are on the sky.

    Parameters
    ----------
    camera
        A camera with geometry.
    detector
        Number of the detector.
    ra, dec
        Boresight, degrees ICRS.
    sky_angle
        Degrees, of focal-plane +Y, east of north.
    pixels
        Shape (..., 2): x and y in the trimmed frame, from 0.

    Returns
    -------
    positions
        Degrees, shape (..., 2): RA in [0, 360) and Dec.

    Raises
    ------
    NoGeometryError
        Raised if the camera's file does not place the detector.
    UnknownDetectorError
        Raised if the camera has none of that number.
    InvalidPointingError
        Raised if an angle is not finite, or no declination.
    """
    layout = _Layout.of(camera, [detector])
    fractions = (np.asarray(pixels, dtype=float) + 0.5) * layout.pixel_mm[0] / layout.sizes[0] - 0.5
    points = layout.millimetres(fractions.reshape(-1, 2)).reshape(fractions.shape)
    return to_degrees(to_vectors(layout.focal_plane, points, ra, dec, sky_angle))


def tangent_wcs(camera: Camera, detector: int, ra: float, dec: float, sky_angle: float) -> TangentWcs:
    """Compute a detector's WCS, tangent at the boresight.

    It is exact where the camera has no distortion. Elsewhere it follows the
    distortion to first order from the detector's centre, where it is exact.

    Parameters
    ----------
    camera
        A camera with geometry.
    detector
        Number of the detector.
    ra, dec
        Boresight, degrees ICRS.
    sky_angle
        Degrees, of focal-plane +Y, east of north.

    Raises
    ------
    NoGeometryError
        Raised if the camera's file does not place the detector.
    UnknownDetectorError
        Raised if the camera has none of that number.
    InvalidPointingError
        Raised if an angle is not finite, or no declination.
    """
    check_pointing(ra, dec, sky_angle)
    focal_plane = focal_plane_of(camera)
    place, kind = placed_detector(camera, camera.detector(detector))
    centre = np.array([place.x, place.y])
    cosine, sine = math.cos(math.radians(place.yaw)), math.sin(math.radians(place.yaw))
    pixel = kind.pixel_size / 1000 * np.array([[cosine, -sine], [sine, cosine]])
    to_sky = sky_axes(focal_plane, sky_angle) * (focal_plane.plate_scale / 3600)
    cd = to_sky @ _stretch_matrix(focal_plane, centre) @ pixel
    offset = to_sky @ (centre * stretch(focal_plane, np.hypot(place.x, place.y)))
    crpix = np.array([(kind.nx + 1) / 2, (kind.ny + 1) / 2]) - np.linalg.solve(cd, offset)
    return TangentWcs(
        crval=(ra % 360.0 % 360.0, dec),
        crpix=(float(crpix[0]), float(crpix[1])),
        cd=((float(cd[0, 0]), float(cd[0, 1])), (float(cd[1, 0]), float(cd[1, 1]))),
    )


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
    pixel_mm: Floats
    """Millimetres, (n,)."""

    @classmethod
    def of(cls, camera: Camera, numbers: Sequence[int] | None) -> "_Layout":
        detectors = camera.detectors if numbers is None else [camera.detector(number) for number in numbers]
        placed = [placed_detector(camera, detector) for detector in detectors]
        table = np.array(
            [(at.x, at.y, math.radians(at.yaw), kind.nx, kind.ny, kind.pixel_size) for at, kind in placed]
        ).reshape(-1, 6)
        pixel_mm = table[:, 5] / 1000
        return cls(
            focal_plane=focal_plane_of(camera),
            centres=table[:, :2],
            yaws=table[:, 2],
            sizes=table[:, 3:5] * pixel_mm[:, None],
            pixel_mm=pixel_mm,
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


def _stretch_matrix(focal_plane: FocalPlane, point: Floats) -> Floats:
    """Differentiate the distorted position by the undistorted one."""
    radius = np.hypot(*point)
    factor = np.eye(2) * stretch(focal_plane, radius)
    if radius == 0:
        return factor
    slope = np.polynomial.polynomial.polyval(
        radius, np.polynomial.polynomial.polyder(focal_plane.radial_distortion[1:])
    )
    matrix: Floats = factor + np.outer(point, point) * (slope / radius)
    return matrix
