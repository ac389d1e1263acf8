"""Templates of a real night, made from its own exposures."""

from pathlib import Path

import numpy as np
import pytest
from attrs import evolve
from lsst.daf.butler import Butler

from adapters.files.cameras import load_camera
from tests.shared_data import shared_data
from workbench.night_templates import SKYMAPS, add_night_templates
from workbench.replay import recorded_night
from workbench.repository import make_repository

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_each_half_gets_templates_of_its_own(tmp_path: Path) -> None:
    plan, night = recorded_night(shared_data("lowell-2019-03-26"), load_camera("lowell"))
    make_repository(tmp_path, plan)
    parts, text = add_night_templates(tmp_path, plan, night)
    assert text.startswith("made 4 templates")
    assert [part.skymap for part in parts] == list(SKYMAPS)
    assert (*parts[0].visits, *parts[1].visits) == plan.visits
    with Butler.from_config(str(tmp_path), collections="Lowell42/defaults") as butler:
        one, other = (
            butler.get("template_coadd", skymap=skymap, tract=0, patch=0, band="r") for skymap in SKYMAPS
        )
        catalogue = [butler.get(ref) for ref in butler.query_datasets("reference_catalogue")]
    assert one.image.array.shape == other.image.array.shape == (400, 1365)
    assert not np.array_equal(one.image.array, other.image.array)
    # The same sky: stars agree to a few per cent in sum.
    usable = ~one.mask.get("NO_DATA") & ~other.mask.get("NO_DATA")
    bright = usable & (one.image.array > 1000)
    assert other.image.array[bright].sum() == pytest.approx(one.image.array[bright].sum(), rel=0.1)
    assert sum(len(table) for table in catalogue) > 50


def test_too_few_visits_make_no_templates(tmp_path: Path) -> None:
    plan, night = recorded_night(shared_data("lowell-2019-03-26"), load_camera("lowell"))
    plan = evolve(plan, visits=plan.visits[:5])
    make_repository(tmp_path, plan)
    parts, text = add_night_templates(tmp_path, plan, night)
    assert text == (
        "no templates, so no differences but SingleFrame:"
        " half of the night has 2 visits in VR, a template takes 3"
    )
    assert [part.visits for part in parts] == [plan.visits]
    with Butler.from_config(str(tmp_path)) as butler:
        found = butler.query_datasets("template_coadd", "Lowell42/templates", explain=False)
    assert not found
