"""The skymap of the simulated field: one tract on a plane that touches the sky, cut into patches."""

import hashlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from attrs import frozen
from lsst.images import Box, SkyProjection, TractFrame
from lsst.sphgeom import ConvexPolygon, LonLat, UnitVector3d

from simulator.world.arrays import Floats
from simulator.world.stars import Patch

__all__ = ["SKYMAP", "TRACT", "Skymap", "make_skymap", "skymap_records"]

SKYMAP = "simulated_field"
"""Name of the skymap."""
TRACT = 0
_LARGEST_PATCH = 1200  # pixels
_POINTS = 20  # along a side of a patch
_HASH_BYTES = 20  # that the registry has room for
_BORDER = 50  # pixels by which patches reach into their neighbours


@frozen(kw_only=True)
class Skymap:
    """A grid of patches, as many across as up; north is up and east to the left."""

    sky: Patch
    """What is covered."""
    scale: float
    """Arcseconds per pixel."""
    across: int
    """Patches in a row, and rows."""
    inner: int
    """Pixels of a patch from edge to edge, without its border."""

    @property
    def size(self) -> int:
        """Pixels of the tract from edge to edge."""
        return self.across * self.inner

    def patches(self) -> Iterator[int]:
        """List the numbers of all patches, row by row."""
        yield from range(self.across**2)

    def box(self, patch: int) -> Box:
        """Return the pixels of a patch, its border included, within the tract."""
        row, column = divmod(patch, self.across)
        y, x = (
            (max(index * self.inner - _BORDER, 0), min((index + 1) * self.inner + _BORDER, self.size))
            for index in (row, column)
        )
        return Box.factory[y[0] : y[1], x[0] : x[1]]

    def region(self, box: Box) -> ConvexPolygon:
        """Return the sky that pixels cover."""
        corners = [(x - 0.5, y - 0.5) for x in (box.x.start, box.x.stop) for y in (box.y.start, box.y.stop)]
        ra, dec = self._wcs().all_pix2world(np.array(corners), 0).T
        vectors = [UnitVector3d(LonLat.fromDegrees(*point)) for point in zip(ra, dec, strict=True)]
        return ConvexPolygon.convexHull(vectors)

    def points(self, patch: int) -> Floats:
        """Return ra and dec (degrees) of points spread over a patch, its edges included: shape (2, n)."""
        box = self.box(patch)
        x, y = (np.linspace(side.start - 0.5, side.stop - 0.5, _POINTS) for side in (box.x, box.y))
        pixels = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        return np.asarray(self._wcs().all_pix2world(pixels, 0).T)

    def tract_box(self) -> Box:
        """Return all pixels of the tract."""
        return Box.factory[0 : self.size, 0 : self.size]

    def projection(self) -> SkyProjection[Any]:
        """Return the projection of the tract's pixels, which all patches share."""
        box = self.tract_box()
        frame = TractFrame(skymap=SKYMAP, tract=TRACT, bbox=box)
        return SkyProjection.from_fits_wcs(self._wcs(), pixel_frame=frame, pixel_bounds=box)

    def _wcs(self) -> WCS:
        header = fits.Header()
        for axis, (name, value) in enumerate(
            (("RA---TAN", self.sky.ra), ("DEC--TAN", self.sky.dec)), start=1
        ):
            header[f"CTYPE{axis}"] = name
            header[f"CUNIT{axis}"] = "deg"
            header[f"CRVAL{axis}"] = value
            header[f"CRPIX{axis}"] = self.centre + 1
        header["CDELT1"], header["CDELT2"] = -self.scale / 3600, self.scale / 3600
        return WCS(header)

    @property
    def centre(self) -> float:
        """The pixel, in x and y, on which the centre of the sky falls, counted from 0."""
        return (self.size - 1) / 2


def make_skymap(sky: Patch, *, scale: float) -> Skymap:
    """Cover a round piece of sky.

    Parameters
    ----------
    sky
        What to cover.
    scale
        Arcseconds per pixel.
    """
    wanted = 2 * math.tan(math.radians(sky.radius)) * math.degrees(3600) / scale
    across = math.ceil(wanted / _LARGEST_PATCH)
    return Skymap(sky=sky, scale=scale, across=across, inner=math.ceil(wanted / across))


def skymap_records(skymap: Skymap) -> dict[str, list[dict[str, Any]]]:
    """List the registry's records of a skymap, by dimension, in the order in which they go in."""
    described = f"{skymap.sky} {skymap.scale} {skymap.across} {skymap.inner}"
    return {
        "skymap": [
            {
                "name": SKYMAP,
                "hash": hashlib.sha256(described.encode()).digest()[:_HASH_BYTES],
                "tract_max": TRACT + 1,
                "patch_nx_max": skymap.across,
                "patch_ny_max": skymap.across,
            }
        ],
        "tract": [{"skymap": SKYMAP, "id": TRACT, "region": skymap.region(skymap.tract_box())}],
        "patch": [
            {
                "skymap": SKYMAP,
                "tract": TRACT,
                "id": patch,
                "cell_x": patch % skymap.across,
                "cell_y": patch // skymap.across,
                "region": skymap.region(skymap.box(patch)),
            }
            for patch in skymap.patches()
        ],
    }
