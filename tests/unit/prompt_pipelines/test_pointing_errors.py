"""What a wrong pointing leads to: the right calibration or none, over fields of stars without pixels."""

import re
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table
from astropy.time import Time
from attrs import frozen
from lsst.pipe.base import Struct

from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.positions import sky_positions
from prompt_pipelines.tasks.calibrate_visit import CalibrateVisitTask
from tests.unit.prompt_pipelines.chain import make_task
from tests.unit.prompt_pipelines.pictures import SCALE, Sky, picture

SIZE = 768
IMAGE = picture(Sky(*np.zeros((3, 0))), SIZE, seed=None)
NANOJANSKY_PER_ELECTRON = 2.0
STARS_ON_IMAGE = (10, 30, 100, 200, 400)
SMALL_ERRORS = (0.0, 1.0, 3.0, 5.0, 7.0, 9.0)
LARGE_ERRORS = (15.0, 20.0, 30.0, 45.0, 60.0, 100.0, 150.0, 250.0, 400.0, 550.0, 700.0, 900.0)


@frozen(eq=False)
class Field:
    """What is detected on an image, and the catalogue of the sky around it."""

    sources: Table
    reference: Table


def make_field(seed: int, stars_on_image: int, error: float) -> Field:
    """Scatter stars over a wide sky, and look at it with a pointing error (arcseconds).

    A fifth of the stars on the image is not in the catalogue, another fifth
    not detected; to each five stars comes a source that is none.
    """
    rng = np.random.default_rng(seed)
    margin = 1000.0 / SCALE  # pixels; the catalogue reaches beyond every error
    count = rng.poisson(stars_on_image * (1.0 + 2.0 * margin / SIZE) ** 2)
    x, y = rng.uniform(-margin, SIZE + margin, (2, count))
    flux = _fluxes(rng, count)
    angle = rng.uniform(0.0, 2.0 * np.pi)
    seen_x, seen_y = x + error / SCALE * np.cos(angle), y + error / SCALE * np.sin(angle)
    on_image = (seen_x > 0) & (seen_x < SIZE) & (seen_y > 0) & (seen_y < SIZE)
    detected = np.flatnonzero(on_image & (rng.random(count) < 0.8))
    listed = rng.random(count) < 0.8
    ra, dec = sky_positions(IMAGE.sky_projection, x[listed], y[listed])
    known = flux[listed] * 10 ** (0.4 * rng.normal(0.0, 0.1, len(ra)))
    false = rng.poisson(stars_on_image / 5)
    place = np.concatenate([[seen_x[detected], seen_y[detected]], rng.uniform(0, SIZE, (2, false))], axis=1)
    place += rng.normal(0.0, 0.1 / SCALE, place.shape)
    electrons = np.append(flux[detected], _fluxes(rng, false)) / NANOJANSKY_PER_ELECTRON
    reference = {"id": np.arange(len(ra)), "ra": ra * u.deg, "dec": dec * u.deg, "r_flux": known * u.nJy}
    return Field(_sources(place, electrons * rng.normal(1.0, 0.02, len(electrons))), Table(reference))


def _fluxes(rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw fluxes of five magnitudes, ten times as many faint as bright ones to three of them."""
    low, high = 10 ** (0.33 * np.array([0.0, 5.0]))
    return np.asarray(1e6 * 10 ** (-0.4 * np.log10(rng.uniform(low, high, count)) / 0.33))


def _sources(place: np.ndarray, flux: np.ndarray) -> Table:
    x, y = place
    columns: dict[str, Any] = {"id": np.arange(len(x)), "x": x, "y": y, "flux": flux, "flux_err": flux / 50.0}
    flags = {name: np.zeros(len(x), dtype=bool) for name in ("flag_edge", "flag_masked", "flag_saturated")}
    return Table(columns | flags)


def _calibrate(field: Field) -> Struct | None:
    try:
        return make_task(CalibrateVisitTask).run(IMAGE, field.sources, field.reference, "r")
    except UnusableImageError:
        return None


def _is_right(outputs: Struct, error: float) -> bool:
    found = outputs.visit_calibration
    scale = found["nanojansky_per_electron"] / NANOJANSKY_PER_ELECTRON
    return bool(abs(scale - 1.0) < 0.2 and abs(found["astrometric_shift_arcsec"] - error) < 0.5)


def test_no_field_is_calibrated_wrongly() -> None:
    accepted = {}
    for stars in STARS_ON_IMAGE:
        for error in SMALL_ERRORS + LARGE_ERRORS:
            outputs = _calibrate(make_field(round(1000 * stars + error), stars, error))
            if outputs is not None:
                accepted[stars, error] = outputs
    wrong = {field for field, outputs in accepted.items() if not _is_right(outputs, field[1])}
    assert wrong == set()
    assert set(accepted) == {(stars, error) for stars in STARS_ON_IMAGE for error in SMALL_ERRORS}


def test_a_refusal_says_what_was_found_and_what_chance_would_find() -> None:
    field = make_field(1, 400, 60.0)
    with pytest.raises(UnusableImageError) as refusal:
        make_task(CalibrateVisitTask).run(IMAGE, field.sources, field.reference, "r")
    number = r"[\d.e+]+"
    assert re.search(
        rf"^\d+ of \d+ sources lie where reference stars are, .*pointing off by over 10 arcsec.*: \d+ agree "
        rf"in flux, chance alone gives {number} .*{number} shifts.*{number} matches as good.*at most 0.01.*; "
        rf"scatter {number} mag and {number} arcsec$",
        str(refusal.value),
    )
    assert refusal.value.metadata["false_alarms"] > 0.01
    assert refusal.value.metadata["matched"] >= 3


def test_stars_in_their_places_with_other_fluxes_are_no_calibration() -> None:
    field = make_field(1, 100, 2.0)
    field.reference["r_flux"] = np.random.default_rng(1).permutation(field.reference["r_flux"])
    with pytest.raises(UnusableImageError, match=r"fluxes disagree by over 0\.3 mag"):
        make_task(CalibrateVisitTask).run(IMAGE, field.sources, field.reference, "r")


def test_the_calibration_of_a_right_field_keeps_its_evidence() -> None:
    field, task = make_field(1, 100, 2.0), make_task(CalibrateVisitTask)
    task.run(IMAGE, field.sources, field.reference, "r")
    assert 0.0 < task.metadata["matches_by_chance"] < 5.0
    assert task.metadata["false_alarms"] < 1e-6


def test_stars_are_taken_where_they_are_at_the_time_of_the_exposure() -> None:
    field, image = make_field(1, 100, 2.0), IMAGE.copy()
    moved = field.reference
    # In 10 years, 30 arcsec to the north: further than any shift that is looked for.
    moved["dec"][:] = np.asarray(moved["dec"]) - 30.0 / 3600.0
    moved["pm_ra"], moved["pm_dec"], moved["epoch"] = 0.0, 3000.0, 2016.0
    task = make_task(CalibrateVisitTask)
    with pytest.raises(UnusableImageError, match="pointing off by over 10 arcsec"):
        task.run(image, field.sources, moved, "r")
    image.metadata["mjd_mid_tai"] = float(Time(2026.0, format="jyear", scale="tdb").tai.mjd)
    calibration = task.run(image, field.sources, moved, "r").visit_calibration
    assert calibration["astrometric_shift_arcsec"] == pytest.approx(2.0, abs=0.1)
