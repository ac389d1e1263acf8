"""Planes that touch the sky."""

from typing import Self

import numpy as np
from astropy.io import fits
from attrs import frozen
from lsst.images import DetectorFrame, SkyProjection

from prompt_pipelines.arrays import Floats
from prompt_pipelines.wcs import make_projection

__all__ = ["TangentPlane"]

_ARCSEC = 180.0 / np.pi * 3600.0


@frozen
class TangentPlane:
    """A gnomonic projection: arcseconds east and north of the point where it touches the sky."""

    ra: float
    """Degrees."""
    dec: float
    """Degrees."""

    @classmethod
    def amid(cls, ra: Floats, dec: Floats) -> Self:
        """Let it touch the sky amid positions (degrees), at least one."""
        east, north = np.radians(np.asarray(ra, dtype=float)), np.radians(np.asarray(dec, dtype=float))
        x, y, z = (
            float(np.mean(axis))
            for axis in (np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north))
        )
        return cls(
            float(np.degrees(np.arctan2(y, x))) % 360.0, float(np.degrees(np.arctan2(z, np.hypot(x, y))))
        )

    def from_sky(self, ra: Floats, dec: Floats) -> Floats:
        """Lay positions (degrees) on the plane, a row each; NaN for those 90 degrees away or more."""
        east, north = np.radians(np.asarray(ra) - self.ra), np.radians(np.asarray(dec))
        sine, cosine = np.sin(np.radians(self.dec)), np.cos(np.radians(self.dec))
        depth = sine * np.sin(north) + cosine * np.cos(north) * np.cos(east)
        depth = np.where(depth > 1e-9, depth, np.nan)
        x = np.cos(north) * np.sin(east) / depth
        y = (cosine * np.sin(north) - sine * np.cos(north) * np.cos(east)) / depth
        return _ARCSEC * np.column_stack([x, y])

    def to_sky(self, places: Floats) -> tuple[Floats, Floats]:
        """Give right ascension and declination of rows of arcseconds, degrees."""
        x, y = (places / _ARCSEC).T
        sine, cosine = np.sin(np.radians(self.dec)), np.cos(np.radians(self.dec))
        ra = self.ra + np.degrees(np.arctan2(x, cosine - y * sine))
        dec = np.degrees(np.arctan2(sine + y * cosine, np.hypot(x, cosine - y * sine)))
        return ra % 360.0, dec

    def projection(
        self, frame: DetectorFrame, middle: tuple[float, float] = (0.0, 0.0)
    ) -> SkyProjection[DetectorFrame]:
        """Make the projection of which the pixels are the arcseconds of the plane, from one of them."""
        header = fits.Header()
        for axis, (name, value) in enumerate((("RA---TAN", self.ra), ("DEC--TAN", self.dec)), start=1):
            header[f"CTYPE{axis}"], header[f"CUNIT{axis}"] = name, "deg"
            header[f"CRVAL{axis}"], header[f"CRPIX{axis}"] = value, middle[axis - 1] + 1.0
            header[f"CD{axis}_{axis}"] = 1.0 / 3600.0
        header["RADESYS"] = "ICRS"
        return make_projection(header, frame)
