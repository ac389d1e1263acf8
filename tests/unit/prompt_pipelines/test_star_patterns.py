"""Fields of stars whose pointing, rotation and parity are wrong: recognized rightly, or refused."""

import json
from typing import Any

import numpy as np
import pytest
from astropy.table import vstack
from attrs import evolve

from benchmarks.calibration import ENOUGH, RADIUS, Played, plans, play, task_with
from benchmarks.star_fields import SIZE, StarFieldPlan, make_star_field
from prompt_pipelines.calibration import calibrated_projection
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.tangent_plane import TangentPlane
from prompt_pipelines.triangles import Triangles

FAR_OFF = StarFieldPlan(seed=4, stars=60, pointing_error=0.7, rotation=130.0, mirrored=True, scale=0.985)


@pytest.fixture(scope="module")
def played() -> list[Played]:
    task = task_with(1.0)
    return [play(task, plan) for plan in plans(3, 30, stars=(15, 200))]


def test_no_field_is_recognized_wrongly(played: list[Played]) -> None:
    assert [one for one in played if one.wrong] == []


def test_fields_with_enough_stars_are_recognized(played: list[Played]) -> None:
    enough = [one for one in played if one.common >= ENOUGH and one.plan.pointing_error <= RADIUS]
    assert len(enough) > 10
    assert [one for one in enough if not one.solved] == []


def test_no_field_that_the_catalogue_lacks_is_recognized() -> None:
    task = task_with(1.0)
    foreign = [play(task, evolve(plan, elsewhere=True)) for plan in plans(4, 6, stars=(10, 40))]
    assert [one for one in foreign if one.solved] == []


def test_the_calibration_lays_the_image_where_it_is_and_says_how_far_off_it_was() -> None:
    made, task = make_star_field(FAR_OFF), task_with(1.0)
    calibration = task.run(made.image, made.sources, made.reference, "r").visit_calibration
    # As it is stored.
    mended: Any = calibrated_projection(made.projection, json.loads(json.dumps(calibration)))
    x = y = np.array([0.0, SIZE / 2, SIZE - 1.0])
    assert np.max(mended.pixel_to_sky(x=x, y=y).separation(made.truth.pixel_to_sky(x=x, y=y)).arcsec) < 1.0
    assert calibration["astrometric_shift_arcsec"] == pytest.approx(0.7 * 3600.0, rel=0.2)
    assert task.metadata["found_by_pattern"]
    assert task.metadata["false_alarms"] < 1e-6


TURNED = (
    # Clusters keep a part of the stars beside others, so that a shift seems to be found.
    StarFieldPlan(
        seed=2055412210, stars=71, rotation=0.996, scale=0.9872, missing=0.154, spurious=0.136, clustered=True
    ),
    StarFieldPlan(
        seed=97051328,
        stars=189,
        pointing_error=0.00208,
        rotation=-1.688,
        scale=1.0191,
        missing=0.0086,
        spurious=0.157,
        clustered=True,
    ),
)


@pytest.mark.parametrize("plan", TURNED)
def test_a_field_turned_by_little_is_not_calibrated_by_the_part_that_a_shift_fits(
    plan: StarFieldPlan,
) -> None:
    assert not play(task_with(0.0), plan).wrong
    found = play(task_with(1.0), plan)
    assert (found.solved, found.wrong) == (True, False)


def test_few_stars_of_a_turned_image_are_refused_and_those_of_a_straight_one_are_not() -> None:
    task, rng = task_with(0.0), np.random.default_rng(5)
    fields = [
        StarFieldPlan(seed=seed, stars=int(rng.integers(6, 40)), radius=0.1, rotation=float(turn))
        for seed, turn in enumerate(np.where(np.arange(120) % 3, rng.uniform(-1.0, 1.0, 120), 0.0))
    ]
    played = [play(task, plan) for plan in fields]
    assert [one for one in played if one.wrong] == []
    straight = [one for one in played if one.plan.rotation == 0.0 and one.common > 4]
    assert len(straight) > 30
    assert [one for one in straight if not one.solved] == []


def test_no_pattern_is_looked_for_where_the_pointing_is_right() -> None:
    made = make_star_field(FAR_OFF)
    with pytest.raises(UnusableImageError, match=r"^(?!.*pattern)"):
        task_with(0.0).run(made.image, made.sources, made.reference, "r")


def test_the_image_may_say_that_its_pointing_is_off() -> None:
    made = make_star_field(FAR_OFF)
    made.image.metadata["pointing_error_deg"] = 1.0
    assert task_with(0.0).run(made.image, made.sources, made.reference, "r").visit_calibration["placement"]


def test_a_search_ends_when_its_time_is_over() -> None:
    made = make_star_field(FAR_OFF)
    with pytest.raises(UnusableImageError, match=r"pattern of \d+ sources is not among the \d+ .* 1 degree"):
        task_with(1.0, search_seconds=0.0).run(made.image, made.sources, made.reference, "r")


def test_stars_crowded_in_a_corner_are_no_calibration() -> None:
    made = make_star_field(StarFieldPlan(seed=5, stars=2000, missing=0.0, spurious=0.0))
    x, y = (np.asarray(made.sources[name]) for name in ("x", "y"))
    corner = (x < SIZE / 6) & (y < SIZE / 6)
    # Elsewhere the image shows things that are no stars.
    others = made.sources[~corner][:60]
    others["x"], others["y"] = np.random.default_rng(1).uniform(0, SIZE, (2, 60))
    with pytest.raises(UnusableImageError, match=r"crowded into a part of the image \(spread 0\.1\d"):
        task_with(0.0).run(made.image, vstack([made.sources[corner], others]), made.reference, "r")


def test_a_plane_touches_the_sky_at_the_pole_and_across_the_zero_of_right_ascension() -> None:
    for ra, dec in ((0.0, 90.0), (359.999, -30.0), (12.0, 89.9)):
        plane = TangentPlane(ra, dec)
        places = np.array([[0.0, 0.0], [900.0, -2000.0], [-3600.0, 3600.0]])
        assert plane.from_sky(*plane.to_sky(places)) == pytest.approx(places, abs=1e-6)


def test_triangles_are_few_where_points_are() -> None:
    assert len(Triangles.among(np.array([1j, 2.0]), 6, 0.0).corners) == 0
    assert len(Triangles.among(np.array([0, 30.0, 40j]), 6, 0.0).corners) == 1
    assert len(Triangles.among(np.array([0, 30.0, 40j]), 6, 35.0).corners) == 0
