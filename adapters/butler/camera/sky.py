"""From corners on the sky and instants to the regions and time spans that the Butler understands."""

import numpy as np
from astropy.time import Time
from lsst.daf.butler import Timespan
from lsst.sphgeom import ConvexPolygon, LonLat, UnitVector3d

from domain.times import TaiSeconds

__all__ = ["hull", "timespan"]

_MOMENT = 0.001  # Seconds: an empty span would overlap nothing.


def hull(corners: np.ndarray) -> ConvexPolygon:
    """Make the smallest convex polygon around points.

    Parameters
    ----------
    corners
        Ra and dec in degrees ICRS, shape (..., 2), three points or more.
    """
    return ConvexPolygon.convexHull(
        [UnitVector3d(LonLat.fromDegrees(ra, dec)) for ra, dec in corners.reshape(-1, 2)]
    )


def timespan(begin: TaiSeconds, end: TaiSeconds) -> Timespan:
    """Make the span between two instants."""
    last = max(end, begin + _MOMENT)
    return Timespan(_time(begin), _time(last))


def _time(instant: float) -> Time:
    return Time(instant, format="unix_tai", scale="tai")
