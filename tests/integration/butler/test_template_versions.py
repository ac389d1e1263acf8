"""Templates in versions: which of them a visit is compared with, and those that come while workers run."""

from pathlib import Path

import pytest
from attrs import evolve
from lsst.daf.butler import Butler, CollectionType  # type: ignore[attr-defined]  # public, not marked as such

from domain.runs import input_collections, template_run
from tests.integration.butler import night as n
from tests.integration.butler.night import Bench, MakeWorkspace, Night
from tests.integration.butler.repository import FIELD, PATCH_SIDE, TEMPLATE, _square
from tests.integration.butler.test_preload import see

pytestmark = pytest.mark.slow

CHAIN = input_collections("SimCam").templates
LAST_NIGHT, SAME_NIGHT = 20260312, 20260313


def put_version(central: Path, number: int, newest_night: int, skymap: str = "tiny") -> None:
    """Put a version before all others; its templates say its number."""
    run = template_run("SimCam", f"version{number}", newest_night)
    with Butler.from_config(str(central), writeable=True) as butler:
        butler.collections.register(run)
        data_id = {"skymap": skymap, "tract": 0, "band": "r"}
        for record in butler.query_dimension_records("patch", skymap=skymap):
            butler.put({"patch": number}, TEMPLATE, {**data_id, "patch": record.id}, run=run)
        butler.collections.register(CHAIN, CollectionType.CHAINED)
        butler.collections.prepend_chain(CHAIN, run)


@pytest.fixture
def chained(central: Path) -> Path:
    """Give the repository templates in versions instead of a run."""
    with Butler.from_config(str(central), writeable=True) as butler:
        butler.removeRuns([CHAIN])
    return central


@n.both_ways
def test_a_visit_is_compared_with_what_older_nights_showed(
    make_workspace: MakeWorkspace, bench: Bench, night: Night, chained: Path
) -> None:
    for number, newest in enumerate((LAST_NIGHT, SAME_NIGHT), start=1):
        put_version(chained, number, newest)
    assert set(see(make_workspace(), night, bench)["templates"]) == {1}


@n.both_ways
def test_a_night_that_is_all_there_is_makes_no_templates_for_itself(
    make_workspace: MakeWorkspace, bench: Bench, night: Night, chained: Path
) -> None:
    put_version(chained, 1, SAME_NIGHT)
    assert see(make_workspace(), night, bench)["templates"] == []


@n.both_ways
def test_the_first_templates_ever_are_found_by_workers_that_run(
    make_workspace: MakeWorkspace, night: Night, chained: Path
) -> None:
    workspace = make_workspace(skymap="later")
    prepared = workspace.prepare(night.assignment(main=[n.LOOK]))
    assert prepared.warnings == (f"collection {CHAIN} does not exist",)
    workspace.clean()
    with Butler.from_config(str(chained), writeable=True) as butler:
        sizes = {"tract_max": 1, "patch_nx_max": 1, "patch_ny_max": 1}
        butler.registry.insertDimensionData("skymap", {"name": "later", "hash": b"2", **sizes})
        region = _square(*FIELD, 8 * PATCH_SIDE)
        butler.registry.insertDimensionData("tract", {"skymap": "later", "id": 0, "region": region})
        patch = {"skymap": "later", "tract": 0, "id": 0, "cell_x": 0, "cell_y": 0, "region": region}
        butler.registry.insertDimensionData("patch", patch)
    put_version(chained, 5, LAST_NIGHT, "later")
    again = evolve(night, visit=evolve(night.visit, group="again"))
    assert workspace.prepare(again.assignment(main=[n.LOOK])).datasets == prepared.datasets + 1
