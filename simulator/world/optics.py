"""Where a point of the sky falls on a detector.

Written apart from the projections that the services and the pipelines use, so
that the simulated images can prove them.
"""

import math

import numpy as np
from attrs import frozen
from numpy.polynomial import polynomial

from domain.cameras.camera import Camera, Detector, DetectorType, FocalPlane, Placement
from simulator.errors import SimulatorError
from simulator.world.arrays import Floats

__all__ = ["Pointing", "field_radius", "pixel_scale", "pixels_of", "tangent_plane"]

_ARCSEC = math.radians(1 / 3600)
_ROUNDS = 8  # Newton's; the distortion of any camera is a per cent.


@frozen(kw_only=True)
class Pointing:
    """Where the telescope looks."""

    ra: float
    """Degrees ICRS, of the boresight."""
    dec: float
    """Degrees ICRS, of the boresight."""
    sky_angle: float
    """Degrees, of focal-plane +Y, east of north."""


def pixels_of(camera: Camera, detector: Detector, pointing: Pointing, ra: Floats, dec: Floats) -> Floats:
    """Find the pixels on which points of the sky fall.

    Parameters
    ----------
    camera, detector, pointing
        What looks, and where.
    ra, dec
        Degrees ICRS, shape (n,).

    Returns
    -------
    pixels
        x and y in the trimmed frame, shape (2, n), the first pixel's centre
        at 0; also outside the detector, and NaN behind the telescope.

    Raises
    ------
    SimulatorError
        Raised if the camera does not say where the detector is.
    """
    plane, kind, placement = _geometry(camera, detector)
    focal = _focal_plane(plane, tangent_plane(pointing, ra, dec), pointing.sky_angle)
    dx, dy = focal[0] - placement.x, focal[1] - placement.y
    yaw = math.radians(placement.yaw)
    along = np.stack([dx * math.cos(yaw) + dy * math.sin(yaw), dy * math.cos(yaw) - dx * math.sin(yaw)])
    centre = np.array([[(kind.nx - 1) / 2], [(kind.ny - 1) / 2]])
    return np.asarray(along / (kind.pixel_size / 1000) + centre)


def tangent_plane(pointing: Pointing, ra: Floats, dec: Floats) -> Floats:
    """Project on the plane that touches the sky at the boresight.

    Parameters
    ----------
    pointing
        Where that is; its angle means nothing here.
    ra, dec
        Degrees ICRS, shape (n,).

    Returns
    -------
    plane
        East and north in arcseconds, shape (2, n); NaN behind the telescope.
    """
    lon, lat = np.radians(ra - pointing.ra), np.radians(dec)
    lat0 = math.radians(pointing.dec)
    depth = np.sin(lat) * math.sin(lat0) + np.cos(lat) * math.cos(lat0) * np.cos(lon)
    east = np.cos(lat) * np.sin(lon)
    north = np.sin(lat) * math.cos(lat0) - np.cos(lat) * math.sin(lat0) * np.cos(lon)
    depth = np.where(depth > 0, depth, np.nan)
    return np.stack([east, north]) / depth / _ARCSEC


def pixel_scale(camera: Camera, detector: Detector) -> float:
    """Arcseconds per pixel at the centre of the field.

    Raises
    ------
    SimulatorError
        Raised if the camera does not say how large pixels are.
    """
    plane, kind, _ = _geometry(camera, detector)
    return plane.plate_scale * kind.pixel_size / 1000


def field_radius(camera: Camera) -> float:
    """Degrees from the boresight to the farthest corner of a detector.

    Raises
    ------
    SimulatorError
        Raised if the camera does not say where its detectors are.
    """
    radii = []
    for detector in camera.detectors:
        plane, kind, placement = _geometry(camera, detector)
        half_diagonal = math.hypot(kind.nx, kind.ny) * kind.pixel_size / 2000
        radius = math.hypot(placement.x, placement.y) + half_diagonal
        scaled = plane.plate_scale * float(polynomial.polyval(radius, plane.radial_distortion))
        radii.append(math.degrees(math.atan(scaled * _ARCSEC)))
    return max(radii)


def _geometry(camera: Camera, detector: Detector) -> tuple[FocalPlane, DetectorType, Placement]:
    if camera.focal_plane is None or detector.type is None or detector.placement is None:
        raise SimulatorError(
            f"{camera.instrument} cannot be simulated: its description says not where detector"
            f" {detector.number} is, or how large"
        )
    return camera.focal_plane, detector.type, detector.placement


def _focal_plane(plane: FocalPlane, tangent: Floats, sky_angle: float) -> Floats:
    """Turn, scale and undo the distortion: from arcseconds to millimetres."""
    east, north = tangent
    angle = math.radians(sky_angle)
    up = east * math.sin(angle) + north * math.cos(angle)
    across = east * math.cos(angle) - north * math.sin(angle)
    turned = np.stack([across if plane.x_is_east else -across, up]) / plane.plate_scale
    distorted = np.hypot(*turned)
    radius = distorted.copy()
    slope = polynomial.polyder(plane.radial_distortion)
    for _ in range(_ROUNDS):
        excess = polynomial.polyval(radius, plane.radial_distortion) - distorted
        radius -= excess / polynomial.polyval(radius, slope)
    # At the centre itself nothing is distorted.
    return np.asarray(turned * np.divide(radius, distorted, out=np.ones_like(radius), where=distorted > 0))
