"""Background and sources of an image, by sep (Source Extractor as a library)."""

import numpy as np
import numpy.typing as npt
import sep
from astropy.table import Table
from attrs import frozen

from prompt_pipelines.errors import UnusableImageError

__all__ = ["Background", "Detections", "aperture_fluxes", "detect", "model_background"]

Pixels = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_MIN_GOOD_FRACTION = 0.02  # fewer pixels say nothing about the sky
_PIXEL_STACK_SHARE = 0.7  # of the image that may lie above the threshold before sep gives up
_SUB_OBJECT_LIMIT = 4096
_SMOOTHING = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], dtype=np.float32)


@frozen(eq=False)
class Background:
    """The sky of one image."""

    level: Pixels
    """Its brightness, in the image's unit."""
    global_level: float
    noise: float
    """Standard deviation of a sky pixel."""


@frozen(eq=False)
class Detections:
    """The sources of one image."""

    objects: npt.NDArray[np.void]
    """As sep.extract returns them."""
    footprints: npt.NDArray[np.int32]
    """For each pixel the 1-based number of its source, or 0."""


def model_background(pixels: Pixels, unusable: Mask, cell: int) -> Background:
    """Model the smooth sky.

    Parameters
    ----------
    pixels
        The image; every value finite.
    unusable
        Pixels to leave out.
    cell
        Size in pixels of the squares in which the sky is estimated.

    Raises
    ------
    UnusableImageError
        Raised if hardly a pixel is usable.
    """
    good = 1.0 - np.count_nonzero(unusable) / unusable.size
    if good < _MIN_GOOD_FRACTION:
        raise UnusableImageError(
            f"only {100 * good:.1f} % of the pixels are usable: no background", usable_fraction=good
        )
    model = sep.Background(np.ascontiguousarray(pixels), mask=unusable, bw=cell, bh=cell, fw=3, fh=3)
    return Background(model.back(dtype=np.float32), float(model.globalback), float(model.globalrms))


def detect(
    pixels: Pixels,
    noise: Pixels | float,
    unusable: Mask,
    *,
    threshold: float,
    min_area: int,
) -> Detections:
    """Find groups of pixels above the noise.

    Parameters
    ----------
    pixels
        The image, background subtracted; every value finite.
    noise
        Standard deviation of each pixel, or of all of them.
    unusable
        Pixels to leave out.
    threshold
        In standard deviations.
    min_area
        Fewest pixels above the threshold, after smoothing over 3 x 3 pixels.

    Raises
    ------
    UnusableImageError
        Raised if so much of the image is above the threshold that it shows no
        sources.
    """
    sep.set_extract_pixstack(max(100_000, int(_PIXEL_STACK_SHARE * pixels.size)))
    sep.set_sub_object_limit(_SUB_OBJECT_LIMIT)
    try:
        objects, footprints = sep.extract(
            np.ascontiguousarray(pixels),
            threshold,
            err=noise,
            mask=unusable,
            minarea=min_area,
            filter_kernel=_SMOOTHING,
            segmentation_map=True,
        )
    except Exception as error:  # sep raises nothing more special
        raise UnusableImageError(f"sources cannot be told apart: {error}") from error
    return Detections(objects, footprints)


def aperture_fluxes(
    pixels: Pixels,
    noise: Pixels,
    unusable: Mask,
    positions: tuple[npt.ArrayLike, npt.ArrayLike],
    radius: float,
) -> Table:
    """Sum the light in circles.

    Returns
    -------
    fluxes
        Columns ``flux``, ``flux_err`` (image unit; unusable pixels replaced by the
        mean of the circle's others), ``masked`` (circle holds unusable pixels)
        and ``edge`` (circle reaches over the image's edge).
    """
    flux, error, flag = sep.sum_circle(pixels, *positions, radius, err=noise, mask=unusable)
    return Table(
        {
            "flux": flux,
            "flux_err": error,
            "masked": (flag & sep.APER_HASMASKED) != 0,
            "edge": (flag & sep.APER_TRUNC) != 0,
        }
    )
