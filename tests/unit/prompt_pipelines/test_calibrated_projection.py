"""What a calibration makes of a projection, and what other programs read of it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from lsst.images import Box, DetectorFrame, MaskedImage, SkyProjection

from benchmarks.calibration import task_with
from benchmarks.star_fields import SIZE, StarField, StarFieldPlan, distorted, make_star_field
from prompt_pipelines.calibration import calibrated_projection
from prompt_pipelines.fits_approximation import with_fits_approximation
from prompt_pipelines.positions import pixel_positions, sky_positions
from prompt_pipelines.wcs import make_projection

DISTORTED = StarFieldPlan(seed=4, stars=900, distortion=0.002)
X, Y = (axis.ravel() for axis in np.meshgrid(*[np.linspace(0.0, SIZE - 1.0, 7)] * 2))


def _calibrated(made: StarField) -> SkyProjection[Any]:
    calibration = task_with(1.0).run(made.image, made.sources, made.reference, "r").visit_calibration
    # As it is stored.
    return calibrated_projection(made.projection, json.loads(json.dumps(calibration)))


def _off(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> float:
    """Measure the largest distance, arcsec."""
    east = (one[0] - other[0]) * np.cos(np.radians(one[1]))
    return float(np.max(np.hypot(east, one[1] - other[1]))) * 3600.0


@pytest.fixture(scope="module")
def mended() -> SkyProjection[Any]:
    return _calibrated(make_star_field(DISTORTED))


def test_a_distortion_that_the_camera_file_does_not_know_is_fitted(mended: SkyProjection[Any]) -> None:
    truth = make_star_field(DISTORTED).truth
    # Where the stars of places without distortion are seen.
    seen = distorted(X, Y, DISTORTED.distortion)
    assert _off(sky_positions(mended, *seen), sky_positions(truth, X, Y)) < 0.15
    assert np.column_stack(pixel_positions(mended, *sky_positions(mended, X, Y))) == pytest.approx(
        np.column_stack([X, Y]), abs=1e-6
    )


def test_a_few_stars_are_fitted_without_distortion() -> None:
    made = make_star_field(StarFieldPlan(seed=4, stars=40))
    calibration = task_with(0.0).run(made.image, made.sources, made.reference, "r").visit_calibration
    assert calibration["pixel_distortion"] is None


def test_other_programs_read_a_calibrated_image_as_well(mended: SkyProjection[Any], tmp_path: Path) -> None:
    image = make_star_field(DISTORTED).image
    stored = MaskedImage(image.image, mask=image.mask, variance=image.variance, sky_projection=mended)
    stored.write(str(tmp_path / "image.fits"))
    with fits.open(tmp_path / "image.fits") as hdus:
        assert _off(WCS(hdus["IMAGE"].header).all_pix2world(X, Y, 0), sky_positions(mended, X, Y)) < 1e-4
    back = MaskedImage.read(str(tmp_path / "image.fits"))
    assert _off(sky_positions(back.sky_projection, X, Y), sky_positions(mended, X, Y)) < 1e-6


def test_other_programs_read_a_field_that_was_recognized() -> None:
    found = _calibrated(make_star_field(StarFieldPlan(seed=4, stars=60, pointing_error=0.7, rotation=130.0)))
    wcs: Any = found.as_fits_wcs(found.pixel_frame.bbox, allow_approximation=True)
    assert _off(wcs.all_pix2world(X, Y, 0), sky_positions(found, X, Y)) < 1e-4


def test_other_programs_read_the_radial_distortion_of_a_camera() -> None:
    frame = DetectorFrame(instrument="Made", detector=0, bbox=Box.from_shape((SIZE, SIZE)))
    header = fits.Header()
    for axis, (name, value) in enumerate((("RA---TPV", 30.0), ("DEC--TPV", -5.0)), start=1):
        header[f"CTYPE{axis}"], header[f"CRVAL{axis}"], header[f"CRPIX{axis}"] = name, value, 600.0
        header[f"CUNIT{axis}"], header[f"CD{axis}_{axis}"] = "deg", 1e-3
        header.update({f"PV{axis}_1": 1.0, f"PV{axis}_7": 0.01, f"PV{axis}_9": 0.01})
    told = with_fits_approximation(make_projection(header, frame))
    wcs: Any = told.as_fits_wcs(frame.bbox, allow_approximation=True)
    assert _off(wcs.all_pix2world(X, Y, 0), sky_positions(told, X, Y)) < 1e-4
