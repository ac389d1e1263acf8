"""Templates from visits of the same field."""

import itertools
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import astropy.units as u
import numpy as np
from attrs import frozen
from lsst.images import Box, Image, MaskedImage, SkyProjection

from prompt_pipelines.arrays import Flags, Floats, Pixels
from prompt_pipelines.errors import CalibrationError
from prompt_pipelines.masks import image_schema
from prompt_pipelines.warp import warp

__all__ = ["Contribution", "Grid", "combine_template"]

_CLIP = 4.0  # standard deviations from the median
_SEEING_SHARE = 0.2  # of a pixel's light, one standard deviation
_MIN_IMAGES = 3  # fewer cannot tell a cosmic ray from the sky
_MIN_KEPT = 2  # of them, in a pixel: of three the median says which one is wrong
_BAND = 128  # rows that are combined at a time: what that takes is several times all images


@frozen(eq=False)
class Contribution:
    """One visit's part in a template."""

    image: MaskedImage
    """``preliminary_visit_image``."""
    nanojansky_per_electron: float
    """From ``visit_calibration``."""


@frozen(eq=False)
class Grid:
    """The pixels of a template."""

    bbox: Box
    sky_projection: SkyProjection[Any] | None


@frozen(eq=False)
class _Layer:
    """An image on the template's pixels, nJy; NaN where it shows nothing."""

    pixels: Pixels
    variance: Pixels
    weight: float
    """One over the variance of its sky: brighter pixels count alike, or stars would come out too faint."""


def combine_template(
    contributions: Iterable[Contribution],
    onto: MaskedImage | Grid | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> MaskedImage:
    """Combine visits by a clipped mean, weighted by the noise of their skies.

    Parameters
    ----------
    contributions
        Background-subtracted images with their photometric scales; they are taken one at a time.
    onto
        Whose pixels and projection the template has; None: those of the first.
    metadata
        Of the template.

    Returns
    -------
    template
        nJy; ``NO_DATA`` where fewer than three images contribute.

    Raises
    ------
    CalibrationError
        Raised if there are fewer than three images, or one has no projection.
    """
    parts = iter(contributions)
    first = next(parts, None)
    target = onto if onto is not None or first is None else first.image
    if target is None or first is None:
        raise CalibrationError(f"0 images make no template, it takes {_MIN_IMAGES}")
    if target.sky_projection is None:
        raise CalibrationError("no template without a sky projection")
    layers = [_layer(part, target) for part in itertools.chain([first], parts)]
    if len(layers) < _MIN_IMAGES:
        raise CalibrationError(f"{len(layers)} images make no template, it takes {_MIN_IMAGES}")
    pixels, variance, missing = _combined(layers, (target.bbox.y.size, target.bbox.x.size))
    template = MaskedImage(
        Image(pixels, bbox=target.bbox, unit=u.nJy),
        variance=Image(variance, bbox=target.bbox, unit=u.nJy**2),
        mask_schema=image_schema(),
        sky_projection=target.sky_projection,
        metadata=None if metadata is None else dict(metadata),
    )
    template.mask.set("NO_DATA", missing)
    return template


def _layer(part: Contribution, target: MaskedImage | Grid) -> _Layer:
    box, projection = target.bbox, target.sky_projection
    if projection is None:
        raise CalibrationError("no template without a sky projection")
    warped = warp(part.image, projection, (box.y.size, box.x.size), (box.y.start, box.x.start))
    scale = np.float32(part.nanojansky_per_electron)
    pixels, variance = warped.pixels * scale, warped.variance * scale**2
    pixels[warped.unusable], variance[warped.unusable] = np.nan, np.nan
    seen = variance[~warped.unusable]
    return _Layer(pixels, variance, 1.0 / float(np.median(seen)) if seen.size else 0.0)


def _combined(layers: list[_Layer], shape: tuple[int, int]) -> tuple[Pixels, Pixels, Flags]:
    """Combine layers; returns pixels, their variance, and where there is nothing."""
    pixels, variance = np.zeros(shape, np.float32), np.full(shape, np.nan, np.float32)
    missing = np.ones(shape, dtype=bool)
    for first in range(0, shape[0], _BAND):
        band = slice(first, first + _BAND)
        seen = [layer for layer in layers if np.isfinite(layer.pixels[band]).any()]
        if len(seen) < _MIN_IMAGES:
            continue
        values, noise = (
            np.stack([getattr(layer, name)[band] for layer in seen]) for name in ("pixels", "variance")
        )
        mean, error, missing[band] = _clipped_mean(values, noise, np.array([one.weight for one in seen]))
        pixels[band] = np.where(missing[band], 0.0, mean)
        variance[band] = np.where(missing[band], np.nan, error)
    return pixels, variance, missing


def _clipped_mean(values: Pixels, noise: Pixels, weights: Floats) -> tuple[Pixels, Pixels, Flags]:
    # Pixels without data are NaN, and where all are, so is their median.
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        middle = np.nanmedian(values, axis=0)
        # Seeing makes the cores of stars differ by far more than their noise.
        allowed = _CLIP * np.sqrt(noise + (_SEEING_SHARE * middle) ** 2)
        kept = np.abs(values - middle) <= allowed
    missing = (np.isfinite(values).sum(axis=0) < _MIN_IMAGES) | (kept.sum(axis=0) < _MIN_KEPT)
    weight = np.where(kept, weights[:, None, None].astype(np.float32), np.float32(0.0))
    total = np.where(missing, np.float32(1.0), weight.sum(axis=0))
    mean = np.where(kept, weight * values, np.float32(0.0)).sum(axis=0) / total
    error = np.where(kept, weight**2 * noise, np.float32(0.0)).sum(axis=0) / total**2
    return mean.astype(np.float32), error.astype(np.float32), missing
