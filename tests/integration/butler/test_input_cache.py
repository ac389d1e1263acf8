"""Inputs are kept across visits, as many as were asked for, and never too few."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from attrs import evolve
from lsst.daf.butler import Butler, Timespan
from lsst.sphgeom import HtmPixelization

from adapters.butler.camera.camera_stack import OurCameraStack
from adapters.butler.predicted.input_files import InputFiles
from adapters.butler.predicted.input_objects import InputObjects
from adapters.butler.repository.datastores import stored_files
from adapters.butler.shared.central_repository import CentralRepositories
from ports.workspace import NothingRunnableError
from tests.integration.butler import night as n
from tests.integration.butler.night import Bench, MakeWorkspace, Night
from tests.integration.butler.repository import CATALOGUE, FIELD, TEMPLATE

pytestmark = pytest.mark.slow


def at(night: Night, ra: float, number: int) -> Night:
    """Look elsewhere, in another group."""
    visit = evolve(night.visit, group=f"{n.GROUP}{number}", position=(ra, FIELD[1]))
    return evolve(night, visit=visit)


def kept(bench: Bench) -> set[str]:
    """List the datasets that there are copies of."""
    return {path.name for path in (bench.settings.folder / "inputs").iterdir()}


def shards(bench: Bench, ra: float | None = None) -> set[str]:
    """List the shards of the catalogue that a visit to a place needs, or all of them."""
    region = None
    if ra is not None:
        padding = bench.settings.padding
        region = OurCameraStack(n.CAMERA).footprint(n.DETECTOR, ra, FIELD[1], n.SKY_ANGLE, padding)
    with Butler.from_config(bench.settings.central_repo) as butler:
        refs = butler.query_datasets(CATALOGUE, collections="refcats", with_dimension_records=True)
        pixels = {str(ref.id): HtmPixelization(7).pixel(int(ref.dataId["htm7"])) for ref in refs}
    return {
        number for number, pixel in pixels.items() if region is None or pixel.overlaps(region) is not False
    }


def test_what_the_next_visit_needs_is_not_copied_again(
    make_workspace: MakeWorkspace, bench: Bench, night: Night, central: Path
) -> None:
    workspace = make_workspace()
    first = workspace.prepare(night.assignment(main=[n.LOOK])).datasets
    workspace.clean()
    # Without the files, only what is kept can serve the next visit.
    for folder in ("refcats", "SimCam"):
        shutil.rmtree(central / folder)
    again = at(night, FIELD[0], 1)
    assert workspace.prepare(again.assignment(main=[n.LOOK])).datasets == first
    workspace.clean()
    assert len(kept(bench)) == first


@n.both_ways
def test_inputs_that_were_replaced_are_found_anew(
    make_workspace: MakeWorkspace, night: Night, central: Path
) -> None:
    workspace = make_workspace()
    first = workspace.prepare(night.assignment(main=[n.LOOK])).datasets
    with Butler.from_config(str(central), writeable=True) as butler:
        old = butler.query_datasets(TEMPLATE, collections="SimCam/templates")
        butler.pruneDatasets(old, purge=True, unstore=True, disassociate=True)
        for ref in old:
            butler.put({"patch": ref.dataId["patch"]}, TEMPLATE, ref.dataId, run=ref.run)
    # Some of the old ones were never copied here.
    there = at(night, FIELD[0] + 0.05, 1)
    assert workspace.prepare(there.assignment(main=[n.LOOK])).datasets == first


@n.both_ways
def test_what_was_removed_is_missed_by_its_name(
    make_workspace: MakeWorkspace, night: Night, central: Path
) -> None:
    workspace = make_workspace()
    workspace.prepare(night.assignment(main=[n.LOOK]))
    with Butler.from_config(str(central), writeable=True) as butler:
        flats = butler.query_all_datasets(["SimCam/calib/*/run"], name="flat", find_first=False)
        butler.pruneDatasets(flats, purge=True, unstore=True, disassociate=True)
    green = evolve(night, visit=evolve(night.visit, group="another", filters="g_sim"))
    with pytest.raises(NothingRunnableError, match="Look lacks flat"):
        workspace.prepare(green.assignment(main=[n.LOOK]))


@n.both_ways
def test_what_is_certified_late_is_found_by_the_next_visit(
    make_workspace: MakeWorkspace, night: Night, central: Path
) -> None:
    late, ever = "SimCam/calib/late", Timespan(None, None)
    with Butler.from_config(str(central), writeable=True) as butler:
        red = {"instrument": "SimCam", "detector": n.DETECTOR, "physical_filter": "r_sim"}
        [flat] = butler.query_datasets("flat", f"{late}/run", data_id=red)
        butler.registry.decertify(late, "flat", ever, dataIds=[flat.dataId])
    workspace = make_workspace(remembered=0.0)
    # There are flats of other filters, which are remembered.
    with pytest.raises(NothingRunnableError, match="lacks flat"):
        workspace.prepare(night.assignment(main=[n.LOOK]))
    with Butler.from_config(str(central), writeable=True) as butler:
        butler.registry.certify(late, [flat], ever)
    assert workspace.prepare(at(night, FIELD[0], 1).assignment(main=[n.LOOK])).datasets


def test_the_cache_is_bounded_by_what_is_left_over(
    make_workspace: MakeWorkspace, bench: Bench, night: Night
) -> None:
    workspace = make_workspace()
    catalogue = shards(bench)
    bound = 3  # what LOCAL_REPO_CACHE_SIZE is by default
    for number, ra in enumerate((FIELD[0] - 0.3, FIELD[0] - 0.1, FIELD[0] + 0.1, FIELD[0] + 0.3)):
        there = at(night, ra, number)
        workspace.prepare(there.assignment(main=[n.LOOK]))
        workspace.clean()
        needed, there_are = shards(bench, ra), kept(bench) & catalogue
        assert needed <= there_are
        assert len(there_are) <= len(needed) + bound


def test_the_least_recently_used_go_first(bench: Bench, tmp_path: Path) -> None:
    shared = CentralRepositories(bench.settings.read_repo, bench.settings.central_repo)
    files = InputFiles(shared, tmp_path / "inputs", size=2)
    refs = shared.reader.query_datasets(CATALOGUE, collections="refcats", limit=4)
    first, second, third, last = refs
    for ref in (first, second, first, third, last):
        (file,) = files.fetch([ref], [])[ref.id]
        assert file.uri.exists()
    shared.close()
    assert {path.name for path in (tmp_path / "inputs").iterdir()} == {
        str(ref.id) for ref in (first, third, last)
    }


def test_what_is_read_ahead_is_bounded_too(central: Path) -> None:
    with Butler.from_config(str(central)) as butler:
        first, second = butler.query_datasets("flat", "*", find_first=False, limit=2)
        files = stored_files(butler, [first, second])
        objects = InputObjects(max(file.uri.size() for [file] in files.values()))
        for ref in (first, second):
            objects.read(butler._datastore, [ref], files)
        assert first not in objects
        assert second in objects
        objects.get(second, None).array[:] = np.nan
        assert np.isfinite(objects.get(second, None).array).all()


def test_a_pipeline_is_read_once(make_workspace: MakeWorkspace, night: Night, tmp_path: Path) -> None:
    pipeline = tmp_path / Path(n.LOOK).name
    shutil.copy(n.ROOT / n.LOOK, pipeline)
    workspace = make_workspace()
    for number in range(2):
        again = at(night, FIELD[0], number)
        workspace.prepare(again.assignment(main=[str(pipeline)]))
        workspace.clean()
        pipeline.unlink(missing_ok=True)
