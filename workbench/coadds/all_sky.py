"""All the sky, cut into tracts and patches that stay where they are.

A tract is a HEALPix pixel (nested order) on the plane that touches the sky at its centre, with
north up and east to the left. Its plane is cut into square patches. Every position has one
tract and one patch at home, and a patch reaches into its neighbours by a border, so that
whatever looks at a position finds it within the image of the patch, away from its edges.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final, Self

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from astropy_healpix import healpix_to_lonlat, lonlat_to_healpix
from attrs import asdict, frozen
from lsst.images import Box, SkyProjection, TractFrame
from lsst.sphgeom import ConvexPolygon, LonLat, UnitVector3d

from prompt_pipelines.tangent_plane import TangentPlane
from simulator.world.arrays import Floats

__all__ = ["AllSky", "PatchId"]

_LARGEST: Final = 1500
"""Pixels of a patch, without its border: some ten of them are held in memory at once."""
_SMALLEST: Final = 256
_WIDEST: Final = 3.0
"""Degrees of a patch."""
_BORDER: Final = 50
"""Pixels by which patches reach into their neighbours."""
_PATCHES: Final = 8
"""Of a tract, from edge to edge."""
_NSIDE: Final = (8, 1024)
_PIXEL_SIDE: Final = 58.7
"""Degrees, of a HEALPix pixel of nside 1."""
_PIXEL_RADIUS: Final = 61.5
"""Degrees times nside: more than from a pixel's centre to its farthest corner."""
_HASH_BYTES: Final = 20  # that the registry has room for


@frozen(order=True)
class PatchId:
    """A patch of the sky."""

    tract: int
    patch: int

    def __str__(self) -> str:
        return f"{self.tract}/{self.patch}"


@frozen(kw_only=True)
class AllSky:
    """A skymap; its numbers never change, or patches would be elsewhere."""

    name: str
    nside: int
    scale: float
    """Arcseconds per pixel."""
    inner: int
    """Pixels of a patch from edge to edge, without its border."""
    border: int = _BORDER

    @classmethod
    def for_detector(cls, name: str, *, scale: float, pixels: int) -> Self:
        """Choose patches of about a detector's size.

        Parameters
        ----------
        name
            Of the skymap.
        scale
            Arcseconds per pixel.
        pixels
            Of the detector, along its longer side.
        """
        scale = float(f"{scale:.4g}")
        parts = math.ceil(pixels / min(_LARGEST, _WIDEST * 3600.0 / scale))
        inner = max(_SMALLEST, math.ceil(pixels / parts))
        wanted = _PIXEL_SIDE / (_PATCHES * inner * scale / 3600.0)
        least, most = _NSIDE
        return cls(
            name=name,
            nside=2 ** math.floor(math.log2(min(max(wanted, least), most))),
            scale=scale,
            inner=inner,
        )

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Read what `as_dict` wrote."""
        return cls(**content)

    def as_dict(self) -> dict[str, Any]:
        """Write it down."""
        return asdict(self)

    @property
    def across(self) -> int:
        """Patches in a row of a tract, and rows."""
        radius = math.tan(math.radians(_PIXEL_RADIUS / self.nside)) * math.degrees(3600.0) / self.scale
        return math.ceil(2.0 * radius / self.inner)

    @property
    def record(self) -> dict[str, Any]:
        """Of the dimension ``skymap``."""
        return {
            "name": self.name,
            "hash": hashlib.sha256(repr(self).encode()).digest()[:_HASH_BYTES],
            "tract_max": 12 * self.nside**2,
            "patch_nx_max": self.across,
            "patch_ny_max": self.across,
        }

    def tracts_of(self, ra: Floats, dec: Floats) -> np.ndarray:
        """Find the tracts in which positions (degrees) are at home."""
        lon, lat = (np.atleast_1d(np.asarray(angle, dtype=float)) * u.deg for angle in (ra, dec))
        return np.asarray(lonlat_to_healpix(lon, lat, self.nside, order="nested"))

    def pixels_of(self, tract: int, ra: Floats, dec: Floats) -> tuple[Floats, Floats]:
        """Find x and y of positions (degrees) on a tract's plane, counted from 0."""
        east, north = self._plane(tract).from_sky(np.atleast_1d(ra), np.atleast_1d(dec)).T / self.scale
        return self._centre - east, self._centre + north

    def patches_of(self, ra: Floats, dec: Floats) -> list[PatchId]:
        """List the patches in which positions (degrees) are at home."""
        ra, dec = np.atleast_1d(np.asarray(ra, dtype=float)), np.atleast_1d(np.asarray(dec, dtype=float))
        tracts = self.tracts_of(ra, dec)
        found: set[PatchId] = set()
        for tract in np.unique(tracts):
            here = tracts == tract
            x, y = self.pixels_of(int(tract), ra[here], dec[here])
            columns, rows = (np.floor((values + 0.5) / self.inner).astype(int) for values in (x, y))
            numbers = np.unique(rows * self.across + columns)
            found.update(PatchId(int(tract), int(number)) for number in numbers)
        return sorted(found)

    def box(self, patch: int, border: int | None = None) -> Box:
        """Return the pixels of a patch within its tract, with its border unless another is given."""
        border = self.border if border is None else border
        row, column = divmod(patch, self.across)
        y, x = ((at * self.inner - border, (at + 1) * self.inner + border) for at in (row, column))
        return Box.factory[y[0] : y[1], x[0] : x[1]]

    def projection(self, tract: int) -> SkyProjection[Any]:
        """Return the projection of a tract's pixels, which its patches share."""
        box = Box.factory[-self.border : self._size + self.border, -self.border : self._size + self.border]
        plane = self._plane(tract)
        header = fits.Header()
        for axis, (name, value) in enumerate((("RA---TAN", plane.ra), ("DEC--TAN", plane.dec)), start=1):
            header[f"CTYPE{axis}"], header[f"CUNIT{axis}"] = name, "deg"
            header[f"CRVAL{axis}"], header[f"CRPIX{axis}"] = value, self._centre + 1.0
        header["CDELT1"], header["CDELT2"] = -self.scale / 3600.0, self.scale / 3600.0
        frame = TractFrame(skymap=self.name, tract=tract, bbox=box)
        return SkyProjection.from_fits_wcs(WCS(header), pixel_frame=frame, pixel_bounds=box)

    def records(self, patches: Iterable[PatchId]) -> dict[str, list[dict[str, Any]]]:
        """List the registry's records of patches and their tracts, by dimension."""
        patches = list(patches)
        tracts = sorted({one.tract for one in patches})
        return {
            "tract": [
                {"skymap": self.name, "id": tract, "region": self._tract_region(tract)} for tract in tracts
            ],
            "patch": [
                {
                    "skymap": self.name,
                    "tract": one.tract,
                    "id": one.patch,
                    "cell_x": one.patch % self.across,
                    "cell_y": one.patch // self.across,
                    "region": self.region(one),
                }
                for one in patches
            ],
        }

    def region(self, patch: PatchId) -> ConvexPolygon:
        """Return the sky that the image of a patch covers, its border included."""
        return self._polygon(patch.tract, self.box(patch.patch))

    def positions(self, tract: int, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Find right ascension and declination (degrees) of pixels of a tract."""
        offsets = np.column_stack([self._centre - np.asarray(x), np.asarray(y) - self._centre])
        return self._plane(tract).to_sky(offsets * self.scale)

    @property
    def _size(self) -> int:
        return self.across * self.inner

    @property
    def _centre(self) -> float:
        """The pixel, in x and y, where a tract's plane touches the sky."""
        return (self._size - 1) / 2.0

    def _plane(self, tract: int) -> TangentPlane:
        lon, lat = healpix_to_lonlat(tract, self.nside, order="nested")
        return TangentPlane(float(lon.to_value(u.deg)), float(lat.to_value(u.deg)))

    def _tract_region(self, tract: int) -> ConvexPolygon:
        first, last = -self.border, self._size + self.border
        return self._polygon(tract, Box.factory[first:last, first:last])

    def _polygon(self, tract: int, box: Box) -> ConvexPolygon:
        x = np.array([box.x.start, box.x.stop, box.x.stop, box.x.start]) - 0.5
        y = np.array([box.y.start, box.y.start, box.y.stop, box.y.stop]) - 0.5
        corners = zip(*self.positions(tract, x, y), strict=True)
        return ConvexPolygon.convexHull([UnitVector3d(LonLat.fromDegrees(*corner)) for corner in corners])
