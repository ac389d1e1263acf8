"""From pixels to the sky and to regions of it."""

from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from lsst.images import Box, SkyProjection
from lsst.sphgeom import ConvexPolygon, LonLat, UnitVector3d

from prompt_pipelines.arrays import Floats

__all__ = ["image_region", "pixel_positions", "pixel_scale", "sky_positions"]


def sky_positions(projection: SkyProjection[Any] | None, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Compute right ascension and declination, degrees; NaN where there is no projection."""
    if projection is None or not len(x):  # AST refuses to transform nothing
        return np.full(len(x), np.nan), np.full(len(x), np.nan)
    sky = projection.pixel_to_sky(x=np.asarray(x), y=np.asarray(y))
    return np.atleast_1d(sky.ra.deg), np.atleast_1d(sky.dec.deg)


def pixel_positions(projection: SkyProjection[Any], ra: Floats, dec: Floats) -> tuple[Floats, Floats]:
    """Compute x and y of positions on the sky, degrees."""
    if not len(ra):  # AST refuses to transform nothing
        return np.zeros(0), np.zeros(0)
    place = projection.sky_to_pixel(SkyCoord(np.asarray(ra), np.asarray(dec), unit="deg"))
    return np.atleast_1d(place.x), np.atleast_1d(place.y)


def pixel_scale(projection: SkyProjection[Any], box: Box) -> float:
    """Measure the size of a pixel in the middle of a box, arcseconds."""
    x, y = box.x.center, box.y.center
    corner = projection.pixel_to_sky(x=np.array([x, x + 1.0, x]), y=np.array([y, y, y + 1.0]))
    return float(np.sqrt(corner[0].separation(corner[1]).arcsec * corner[0].separation(corner[2]).arcsec))


def image_region(projection: SkyProjection[Any], box: Box) -> ConvexPolygon:
    """Make the region of the sky that an image covers."""
    x = np.array([box.x.min - 0.5, box.x.max + 0.5, box.x.max + 0.5, box.x.min - 0.5])
    y = np.array([box.y.min - 0.5, box.y.min - 0.5, box.y.max + 0.5, box.y.max + 0.5])
    ra, dec = sky_positions(projection, x, y)
    corners = [UnitVector3d(LonLat.fromDegrees(float(a), float(b))) for a, b in zip(ra, dec, strict=True)]
    return ConvexPolygon.convexHull(corners)
