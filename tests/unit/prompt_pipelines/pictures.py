"""Images of a made-up sky, after instrument signature removal, in electrons."""

from typing import Any

import astropy.units as u
import numpy as np
from astropy.io import fits
from attrs import frozen
from lsst.images import Box, DetectorFrame, Image, MaskedImage, SkyProjection

from prompt_pipelines.arrays import Floats
from prompt_pipelines.masks import image_schema
from prompt_pipelines.wcs import make_projection

__all__ = ["SCALE", "Sky", "field", "picture", "projection_of"]

SCALE = 0.5
"""Arcseconds per pixel."""
READ_NOISE = 6.0


@frozen(eq=False)
class Sky:
    """Point sources."""

    x: Floats
    y: Floats
    flux: Floats
    """Electrons."""

    def and_also(self, x: float, y: float, flux: float) -> "Sky":
        """Add one."""
        return Sky(np.append(self.x, x), np.append(self.y, y), np.append(self.flux, flux))


def field(size: int, number: int, seed: int = 1) -> Sky:
    """Scatter stars of 5,000 to 200,000 electrons on a jittered grid, so that few blend."""
    rng = np.random.default_rng(seed)
    across = int(np.ceil(np.sqrt(number)))
    step = size / across
    index = rng.permutation(across**2)[:number]
    x = (index % across + rng.uniform(0.25, 0.75, number)) * step
    y = (index // across + rng.uniform(0.25, 0.75, number)) * step
    return Sky(x, y, 10 ** rng.uniform(3.7, 5.3, number))


def projection_of(size: int, rotation: float = 10.0) -> SkyProjection[Any]:
    """Make a tangent-plane projection about the middle of a square image."""
    angle, step = np.radians(rotation), SCALE / 3600
    header = fits.Header()
    matrix = ((-step * np.cos(angle), step * np.sin(angle)), (step * np.sin(angle), step * np.cos(angle)))
    for axis, (name, value) in enumerate((("RA---TAN", 150.0), ("DEC--TAN", 2.0)), start=1):
        header[f"CTYPE{axis}"], header[f"CUNIT{axis}"] = name, "deg"
        header[f"CRVAL{axis}"], header[f"CRPIX{axis}"] = value, size / 2
        for column in (1, 2):
            header[f"CD{axis}_{column}"] = matrix[axis - 1][column - 1]
    frame = DetectorFrame(instrument="Made", detector=0, bbox=Box.from_shape((size, size)))
    return make_projection(header, frame)


def picture(
    sky: Sky, size: int, *, sky_level: float = 300.0, sigma: float = 1.6, seed: int | None = 7
) -> MaskedImage:
    """Paint a sky with noise (none if `seed` is None), variance, empty mask and projection."""
    y, x = np.mgrid[0:size, 0:size]
    light = np.full((size, size), sky_level)
    reach = int(8 * sigma)
    for x0, y0, flux in zip(sky.x, sky.y, sky.flux, strict=True):
        box = (
            slice(max(int(y0) - reach, 0), int(y0) + reach + 1),
            slice(max(int(x0) - reach, 0), int(x0) + reach + 1),
        )
        distance = (x[box] - x0) ** 2 + (y[box] - y0) ** 2
        light[box] += flux / (2 * np.pi * sigma**2) * np.exp(-distance / (2 * sigma**2))
    variance = light + READ_NOISE**2
    pixels = light
    if seed is not None:
        pixels = light + np.sqrt(variance) * np.random.default_rng(seed).standard_normal(light.shape)
    return MaskedImage(
        Image(pixels.astype(np.float32), unit=u.electron),
        variance=Image(variance.astype(np.float32), unit=u.electron**2),
        mask_schema=image_schema(),
        sky_projection=projection_of(size),
    )
