"""Templates from visits of the same field."""

import warnings
from collections.abc import Sequence

import astropy.units as u
import numpy as np
from attrs import frozen
from lsst.images import Image, MaskedImage

from prompt_pipelines.errors import CalibrationError
from prompt_pipelines.masks import image_schema
from prompt_pipelines.warp import Warped, warp

__all__ = ["Contribution", "combine_template"]

_CLIP = 4.0  # standard deviations from the median
_SEEING_SHARE = 0.2  # of a pixel's light, one standard deviation
_MIN_IMAGES = 3  # fewer cannot tell a cosmic ray from the sky
_MEDIAN_NOISE = 1.2533141373155  # of a median over that of a mean: the square root of pi / 2


@frozen(eq=False)
class Contribution:
    """One visit's part in a template."""

    image: MaskedImage
    """``preliminary_visit_image``."""
    nanojansky_per_electron: float
    """From ``visit_calibration``."""


def combine_template(contributions: Sequence[Contribution], onto: MaskedImage | None = None) -> MaskedImage:
    """Combine visits by a clipped median.

    Parameters
    ----------
    contributions
        Background-subtracted images with their photometric scales.
    onto
        Whose pixels and projection the template has; None: those of the first.

    Returns
    -------
    template
        nJy; ``NO_DATA`` where fewer than three images contribute.

    Raises
    ------
    CalibrationError
        Raised if there are fewer than three images, or one has no projection.
    """
    if len(contributions) < _MIN_IMAGES:
        raise CalibrationError(f"{len(contributions)} images make no template, it takes {_MIN_IMAGES}")
    target = contributions[0].image if onto is None else onto
    if target.sky_projection is None:
        raise CalibrationError("no template without a sky projection")
    shape = (target.bbox.y.size, target.bbox.x.size)
    warped = [warp(part.image, target.sky_projection, shape) for part in contributions]
    scales = [part.nanojansky_per_electron for part in contributions]
    values = np.stack([_scaled(one.pixels, one, scale) for one, scale in zip(warped, scales, strict=True)])
    noise = np.stack(
        [_scaled(one.variance, one, scale**2) for one, scale in zip(warped, scales, strict=True)]
    )
    # Pixels without data are NaN, and where all are, so is their median.
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        middle = np.nanmedian(values, axis=0)
        # Seeing makes the cores of stars differ by far more than their noise.
        allowed = _CLIP * np.sqrt(noise + (_SEEING_SHARE * middle) ** 2)
        values[np.abs(values - middle) > allowed] = np.nan
        pixels = np.nanmedian(values, axis=0)
        number = np.isfinite(values).sum(axis=0)
        variance = np.nanmean(noise, axis=0) * _MEDIAN_NOISE**2 / np.maximum(number, 1)
    missing = (number < _MIN_IMAGES) | ~np.isfinite(pixels)
    template = MaskedImage(
        Image(np.where(missing, 0.0, pixels).astype(np.float32), unit=u.nJy),
        variance=Image(np.where(missing, np.nan, variance).astype(np.float32), unit=u.nJy**2),
        mask_schema=image_schema(),
        sky_projection=target.sky_projection,
    )
    template.mask.set("NO_DATA", missing)
    return template


def _scaled(plane: np.ndarray, warped: Warped, factor: float) -> np.ndarray:
    return np.where(warped.unusable, np.float32(np.nan), plane * np.float32(factor))
