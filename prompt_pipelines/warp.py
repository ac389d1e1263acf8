"""Resampling an image onto another image's pixels.

The way from pixel to sky to pixel is smooth, so it is computed on a coarse
grid and interpolated: to better than 0.001 pixel, and ten times as fast as
transforming each pixel.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from attrs import frozen
from lsst.images import Box, MaskedImage, SkyProjection
from scipy.interpolate import RectBivariateSpline
from scipy.ndimage import binary_dilation, map_coordinates

from prompt_pipelines.arrays import Flags, Floats, Pixels
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.masks import any_of

__all__ = ["Warped", "seen_box", "stitch", "warp"]

_GRID_STEP = 64  # pixels; distortion is cubic at most over this distance
_EDGE = 0.001  # pixels beyond the last that rounding may put a place on it
_KERNEL_REACH = 2  # pixels that a cubic interpolation looks around
_BAND = 128  # rows that are resampled at a time: what that takes is many times the size of the result
_SPLINE_REACH = 16  # pixels beyond which a cubic spline's coefficient depends on a pixel by less than 1e-9


@frozen(eq=False)
class Warped:
    """An image on new pixels."""

    pixels: Pixels
    """0 where there is no data."""
    variance: Pixels
    unusable: Flags
    """No data, or a masked pixel close by."""


def warp(
    source: MaskedImage,
    target: SkyProjection[Any],
    shape: tuple[int, int],
    origin: tuple[int, int] = (0, 0),
) -> Warped:
    """Resample an image, keeping the flux of sources.

    Parameters
    ----------
    source
        Image with a sky projection.
    target
        Projection of the new pixels.
    shape
        Rows and columns of the new image.
    origin
        Row and column of its first pixel.

    Returns
    -------
    warped
        Bicubic in the image; the nearest pixel's variance.
    """
    places = _Places.of(source, target, shape, origin)
    result = _nothing(shape)
    if places.covered is None:
        return result
    masked = any_of(source.mask)
    rows, columns = places.covered
    for first in range(rows.start, rows.stop, _BAND):
        band = (slice(first, min(first + _BAND, rows.stop)), columns)
        part = _resample(source, masked, places, band)
        result.pixels[band], result.variance[band], result.unusable[band] = (
            part.pixels,
            part.variance,
            part.unusable,
        )
    return result


def stitch(
    sources: Iterable[MaskedImage],
    target: SkyProjection[Any],
    shape: tuple[int, int],
    origin: tuple[int, int] = (0, 0),
) -> Warped:
    """Resample images, such as a template's patches, onto the same pixels: the first that is usable counts.

    They are taken one at a time: together they may be many times the size of the result.
    """
    result = _nothing(shape)
    for source in sources:
        warped = warp(source, target, shape, origin)
        new = result.unusable & ~warped.unusable
        result.pixels[new], result.variance[new] = warped.pixels[new], warped.variance[new]
        result.unusable[new] = False
        del source, warped  # before the next one is read
    return result


def seen_box(
    bbox: Box, projection: SkyProjection[Any], target: SkyProjection[Any], shape: tuple[int, int]
) -> Box | None:
    """Find the pixels of an image that `warp` looks at, so that no others need to be read.

    Parameters
    ----------
    bbox, projection
        Of the image.
    target, shape
        Of the new one.

    Returns
    -------
    box
        Within `bbox`; None if the two do not meet.
    """
    grid = _Grid.of(bbox, projection, target, shape, (0, 0))
    if not grid.near.any():
        return None
    rows, columns = grid.row[grid.near], grid.column[grid.near]
    return bbox.local[_seen(rows, bbox.y.size), _seen(columns, bbox.x.size)]


def _nothing(shape: tuple[int, int]) -> Warped:
    return Warped(np.zeros(shape, np.float32), np.full(shape, np.nan, np.float32), np.ones(shape, dtype=bool))


@frozen(eq=False)
class _Places:
    """Where new pixels lie in the array of the source."""

    rows: RectBivariateSpline
    columns: RectBivariateSpline
    covered: tuple[slice, slice] | None
    """Rows and columns of the new image beyond which there is nothing of the source."""
    scale: float
    """Old pixels in a new one's area."""

    @classmethod
    def of(
        cls,
        source: MaskedImage,
        target: SkyProjection[Any],
        shape: tuple[int, int],
        origin: tuple[int, int],
    ) -> "_Places":
        if source.sky_projection is None:
            raise UnusableImageError("an image without sky projection cannot be resampled")
        grid = _Grid.of(source.bbox, source.sky_projection, target, shape, origin)
        rows, columns = (RectBivariateSpline(grid.y, grid.x, values) for values in (grid.row, grid.column))
        middle = (shape[0] / 2.0, shape[1] / 2.0)
        scale = abs(
            rows.ev(*middle, dx=1) * columns.ev(*middle, dy=1)
            - rows.ev(*middle, dy=1) * columns.ev(*middle, dx=1)
        )
        return cls(rows, columns, grid.covered, float(scale))


@frozen(eq=False)
class _Grid:
    """A coarse grid of new pixels, followed to the sky and to the source."""

    y: Floats
    x: Floats
    row: Floats
    """In the array of the source, indexed ``[y, x]``."""
    column: Floats
    near: Flags
    """Within a cell's size of the source."""

    @classmethod
    def of(
        cls,
        bbox: Box,
        projection: SkyProjection[Any],
        target: SkyProjection[Any],
        shape: tuple[int, int],
        origin: tuple[int, int],
    ) -> "_Grid":
        grid_y = np.linspace(0.0, shape[0] - 1.0, max(4, shape[0] // _GRID_STEP + 1))
        grid_x = np.linspace(0.0, shape[1] - 1.0, max(4, shape[1] // _GRID_STEP + 1))
        y, x = np.meshgrid(grid_y, grid_x, indexing="ij")
        sky = target.pixel_to_sky(x=x.ravel() + origin[1], y=y.ravel() + origin[0])
        there = projection.sky_to_pixel(sky)
        row = np.asarray(there.y).reshape(y.shape) - bbox.y.start
        column = np.asarray(there.x).reshape(y.shape) - bbox.x.start
        near = np.ones(row.shape, dtype=bool)
        for values, size in ((row, bbox.y.size), (column, bbox.x.size)):
            # A cell is skewed at most as much as it is long, in either direction.
            cell = sum(np.abs(np.diff(values, axis=axis)).max() for axis in (0, 1))
            near &= (values > -cell) & (values < size + cell)
        return cls(grid_y, grid_x, row, column, near)

    @property
    def covered(self) -> tuple[slice, slice] | None:
        """Rows and columns of the new image beyond which there is nothing of the source."""
        if not self.near.any():
            return None
        lines = (np.flatnonzero(self.near.any(axis=1)), np.flatnonzero(self.near.any(axis=0)))
        return tuple(  # type: ignore[return-value]  # two directions, two slices
            slice(int(at[found[0]]), int(np.ceil(at[found[-1]])) + 1)
            for found, at in zip(lines, (self.y, self.x), strict=True)
        )


def _resample(source: MaskedImage, masked: Flags, places: _Places, box: tuple[slice, slice]) -> Warped:
    new_y, new_x = (np.arange(one.start, one.stop) for one in box)
    rows, columns = places.rows(new_y, new_x), places.columns(new_y, new_x)
    last_row, last_column = source.bbox.y.size - 1 + _EDGE, source.bbox.x.size - 1 + _EDGE
    inside = (rows >= -_EDGE) & (rows <= last_row) & (columns >= -_EDGE) & (columns <= last_column)
    seen_y, seen_x = _seen(rows, source.bbox.y.size), _seen(columns, source.bbox.x.size)
    rows, columns = rows - seen_y.start, columns - seen_x.start
    values, noise = source.image.array[seen_y, seen_x], source.variance.array[seen_y, seen_x]
    bad = masked[seen_y, seen_x] | ~np.isfinite(values) | ~np.isfinite(noise)
    filled = np.where(bad, np.float32(0.0), values)
    pixels = map_coordinates(filled, [rows, columns], order=3, output=np.float32, mode="nearest")
    nearest = tuple(
        np.clip(np.rint(at).astype(np.intp), 0, size - 1)
        for at, size in zip((rows, columns), bad.shape, strict=True)
    )
    unusable = ~inside | binary_dilation(bad, iterations=_KERNEL_REACH)[nearest]
    pixels[unusable] = 0.0
    scale = np.float32(places.scale)
    variance = np.where(unusable, np.float32(np.nan), noise[nearest] * scale**2)
    return Warped(pixels * scale, variance, unusable)


def _seen(places: Floats, size: int) -> slice:
    """Find which of so many rows or columns have a part in pixels at these places."""
    first, last = np.floor(places.min()) - _SPLINE_REACH, np.ceil(places.max()) + _SPLINE_REACH
    return slice(int(np.clip(first, 0, size - 1)), int(np.clip(last, 0, size - 1)) + 1)
