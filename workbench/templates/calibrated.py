"""Single frames calibrated by stars, and what they are worth to a template."""

from typing import Any, cast

import numpy as np
from astropy.table import Table
from lsst.images import MaskedImage

from prompt_pipelines.calibration import calibrated_projection
from prompt_pipelines.positions import pixel_positions, pixel_scale, sky_positions
from prompt_pipelines.tasks.calibrate_visit import CalibrateVisitTask
from prompt_pipelines.templates import Contribution
from workbench.reduction.single_exposures import SingleFrame, default_task
from workbench.templates.choice import Quality

__all__ = ["calibrated", "is_star", "quality_of"]

_STAR_SIGNAL_TO_NOISE = 10.0
_GRID = 16  # points on a side, of which those that an image covers are counted
_DAY = 86400.0  # seconds


def calibrated(frame: SingleFrame, catalogue: Table, band: str) -> Contribution:
    """Calibrate a frame by a catalogue.

    Raises
    ------
    UnusableImageError
        Raised if it does not show the catalogue's stars.
    """
    task = default_task(CalibrateVisitTask)
    calibration = task.run(frame.image, frame.sources, catalogue, band).visit_calibration
    projection = calibrated_projection(cast(Any, frame.image.sky_projection), calibration)
    image = MaskedImage(
        frame.image.image, mask=frame.image.mask, variance=frame.image.variance, sky_projection=projection
    )
    return Contribution(image, calibration["nanojansky_per_electron"])


def quality_of(frame: SingleFrame, part: Contribution, target: MaskedImage) -> Quality:
    """Measure what a frame is worth to a template.

    Parameters
    ----------
    frame
        What was calibrated.
    part
        What it is then.
    target
        Whose pixels the template has.
    """
    facts, projection = frame.facts, cast(Any, part.image.sky_projection)
    fwhm = facts["psf_fwhm_pixels"] if facts["psf_stars"] else np.nan
    return Quality(
        begin=_DAY * float(cast(float, frame.image.metadata["mjd_mid_tai"])),
        fwhm=float(fwhm * pixel_scale(projection, part.image.bbox)),
        noise=float(facts["sky_noise"] * part.nanojansky_per_electron),
        stars=int(np.count_nonzero(is_star(frame.sources))),
        covered=_covered(target, part.image),
    )


def is_star(sources: Table) -> np.ndarray:
    """Tell which sources are bright, whole and on the sky."""
    good = np.asarray(sources["flux"]) > _STAR_SIGNAL_TO_NOISE * np.asarray(sources["flux_err"])
    for name in ("flag_edge", "flag_masked", "flag_saturated"):
        good &= ~np.asarray(sources[name])
    return np.asarray(good & np.isfinite(sources["ra"]))


def _covered(target: MaskedImage, image: MaskedImage) -> float:
    """Measure the share of one image's area that another shows."""
    shares = (np.arange(_GRID) + 0.5) / _GRID
    columns, rows = (axis.min - 0.5 + shares * axis.size for axis in (target.bbox.x, target.bbox.y))
    x, y = (axis.ravel() for axis in np.meshgrid(columns, rows))
    ra, dec = sky_positions(target.sky_projection, x, y)
    x, y = pixel_positions(cast(Any, image.sky_projection), ra, dec)
    inside = (np.abs(x - image.bbox.x.center) <= image.bbox.x.size / 2.0) & (
        np.abs(y - image.bbox.y.center) <= image.bbox.y.size / 2.0
    )
    return float(np.mean(inside))
