"""What is loaded before the image, and what is said of what cannot be."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import evolve
from lsst.daf.butler import Butler, DatasetRef

from adapters.butler.camera.camera_stack import OurCameraStack
from adapters.butler.workspace.workspace import ButlerWorkspace
from domain.times import TaiSeconds
from domain.visit import CoordinateSystem, RotationSystem
from domain.work.outcomes import Export
from ports.workspace import InitOutputsMissingError, NothingRunnableError, WorkspaceError
from tests.integration.butler import night as n
from tests.integration.butler.night import Bench, MakeWorkspace, Night
from tests.integration.butler.repository import CATALOGUE, FIELD, TEMPLATE
from tests.integration.butler.test_failures import exported

pytestmark = pytest.mark.slow

LATE_FLAT, EARLY_FLAT = 2.0, 1.0


def see(workspace: ButlerWorkspace, night: Night, bench: Bench, **plan: Any) -> dict[str, Any]:
    """Run the pipeline that writes down what it was given, and read that."""
    workspace.prepare(night.assignment(main=[n.LOOK], **plan))
    exposure = workspace.ingest(night.raws[0]).exposure
    assert workspace.process([exposure]).failure == ""
    message = workspace.export(Export.EVERYTHING)
    assert message is not None
    (path,) = [
        dataset["path"]
        for dataset in json.loads(message)["datasets"]
        if any(ref["dataset_type_name"] == "seen" for ref in dataset["refs"].values())
    ]
    seen: dict[str, Any] = yaml.safe_load((Path(bench.settings.central_repo) / path).read_text())
    return seen


def expected(central: Path, element: str, dataset_type: str, padding: float) -> set[int]:
    """Find by brute force what overlaps the footprint, without the registry's help in space."""
    region = OurCameraStack(n.CAMERA).footprint(n.DETECTOR, *FIELD, n.SKY_ANGLE, padding)
    with Butler.from_config(str(central)) as butler:
        refs = butler.query_datasets(
            dataset_type, collections=["refcats", "SimCam/templates"], with_dimension_records=True
        )
        places = {int(ref.dataId[element]): _region(ref, element) for ref in refs}
    return {number for number, place in places.items() if place.overlaps(region) is not False}


def _region(ref: DatasetRef, element: str) -> Any:
    record = ref.dataId.records[element]
    assert record is not None
    return record.region


@pytest.mark.parametrize("padding", [0.0, 30.0, 600.0])
def test_what_is_near_is_loaded(
    make_workspace: MakeWorkspace, night: Night, central: Path, padding: float
) -> None:
    workspace = make_workspace(padding=padding)
    prepared = workspace.prepare(night.assignment(main=[n.LOOK]))
    near = len(expected(central, "htm7", CATALOGUE, padding)) + len(
        expected(central, "patch", TEMPLATE, padding)
    )
    init_outputs = 4
    assert prepared.datasets == near + len({"bias", "flat"}) + init_outputs
    assert prepared.warnings == ()


def test_tasks_are_given_what_overlaps_them(
    make_workspace: MakeWorkspace, bench: Bench, night: Night, central: Path
) -> None:
    seen = see(make_workspace(), night, bench, preprocessing=[n.PRELOAD])
    assert set(seen["templates"]) == expected(central, "patch", TEMPLATE, 0.0)
    assert set(seen["catalogue"]) <= expected(central, "htm7", CATALOGUE, 0.0)
    assert seen["catalogue"]
    assert seen["preloaded"] == [True]
    assert seen["flat"] == LATE_FLAT


def test_calibrations_are_those_of_the_visits_time(
    make_workspace: MakeWorkspace, bench: Bench, night: Night, tmp_path: Path
) -> None:
    before = TaiSeconds(1.76e9)
    raw = n.write_raw(tmp_path / "bucket", DATE_BEG="2025-10-09T08:53:20", DATE_END="2025-10-09T08:53:35")
    early = evolve(night, visit=evolve(night.visit, start_time=before, sent=before), raws=(raw,))
    assert see(make_workspace(), early, bench)["flat"] == EARLY_FLAT


@pytest.mark.parametrize(
    "change",
    [
        {"coordinate_system": CoordinateSystem.NONE},
        {"coordinate_system": CoordinateSystem.OBSERVED},
        {"rotation_system": RotationSystem.MOUNT},
    ],
)
def test_without_a_place_the_rest_is_loaded(
    make_workspace: MakeWorkspace, bench: Bench, night: Night, change: dict[str, Any]
) -> None:
    somewhere = evolve(night, visit=evolve(night.visit, **change))
    workspace = make_workspace()
    prepared = workspace.prepare(somewhere.assignment(main=[n.LOOK]))
    assert [warning.partition(":")[0] for warning in prepared.warnings] == [
        "no reference catalogues and templates"
    ]
    seen = see(workspace, somewhere, bench)
    assert (seen["catalogue"], seen["templates"], seen["flat"]) == ([], [], LATE_FLAT)


def test_each_thing_that_places_a_visit_is_missed_by_itself(
    make_workspace: MakeWorkspace, night: Night
) -> None:
    visit = evolve(night.visit, coordinate_system=CoordinateSystem.NONE, rotation_system=RotationSystem.NONE)
    somewhere = evolve(night, visit=visit)
    position, rotation = make_workspace().prepare(somewhere.assignment(main=[n.PLAIN])).warnings
    assert "position" in position
    assert "rotation" in rotation


def test_without_a_filter_calibrations_of_all_are_loaded(
    make_workspace: MakeWorkspace, bench: Bench, night: Night
) -> None:
    any_filter = evolve(night, visit=evolve(night.visit, filters=""))
    workspace = make_workspace()
    prepared = workspace.prepare(any_filter.assignment(main=[n.LOOK]))
    assert [warning.partition(":")[0] for warning in prepared.warnings] == ["no filter announced"]
    seen = see(workspace, any_filter, bench)
    assert (seen["flat"], seen["templates"]) == (LATE_FLAT, [])
    assert seen["catalogue"]


def test_one_of_several_filters_may_come(make_workspace: MakeWorkspace, bench: Bench, night: Night) -> None:
    two = evolve(night, visit=evolve(night.visit, filters="g_sim, r_sim"))
    assert see(make_workspace(), two, bench)["flat"] == LATE_FLAT


@pytest.mark.parametrize(
    ("filters", "warnings"),
    [
        ("g_sim, r_sim", ("no templates: filters of several bands: g_sim, r_sim",)),
        ("mystery", ("no templates: filters of no known band: mystery",)),
        ("mystery, r_sim", ()),
    ],
)
def test_filters_without_one_band_are_said(
    make_workspace: MakeWorkspace, night: Night, filters: str, warnings: tuple[str, ...]
) -> None:
    other = evolve(night, visit=evolve(night.visit, filters=filters))
    assert make_workspace().prepare(other.assignment(main=[n.PLAIN])).warnings == warnings


def test_a_filter_without_calibrations_is_said_in_time(make_workspace: MakeWorkspace, night: Night) -> None:
    other = evolve(night, visit=evolve(night.visit, filters="u_sim"))
    with pytest.raises(NothingRunnableError, match="Look lacks flat"):
        make_workspace().prepare(other.assignment(main=[n.LOOK]))


def test_what_each_pipeline_lacks_is_said(make_workspace: MakeWorkspace, night: Night) -> None:
    other = evolve(night, visit=evolve(night.visit, filters="u_sim"))
    with pytest.raises(NothingRunnableError, match="Look lacks flat; Needy lacks nowhere"):
        make_workspace().prepare(other.assignment(main=[n.LOOK, n.NEEDY]))


def test_a_missing_collection_is_a_warning(
    make_workspace: MakeWorkspace, bench: Bench, night: Night, central: Path
) -> None:
    with Butler.from_config(str(central), writeable=True) as butler:
        butler.removeRuns(["SimCam/templates"])
    workspace = make_workspace()
    prepared = workspace.prepare(night.assignment(main=[n.LOOK]))
    assert prepared.warnings == ("collection SimCam/templates does not exist",)
    assert see(workspace, night, bench)["templates"] == []


@n.both_ways
def test_what_else_is_missing_is_said_where_nothing_can_run(
    make_workspace: MakeWorkspace, night: Night, central: Path
) -> None:
    with Butler.from_config(str(central), writeable=True) as butler:
        for name in ("SimCam/defaults", "SimCam/calib"):
            butler.collections.x_remove(name)
    other = evolve(night, visit=evolve(night.visit, filters="mystery"))
    with pytest.raises(NothingRunnableError) as caught:
        make_workspace().prepare(other.assignment(main=[n.PLAIN]))
    assert str(caught.value).split("; ") == [
        "no pipeline can run: Plain lacks bias",
        "no templates: filters of no known band: mystery",
        "collection SimCam/defaults does not exist",
        "collection SimCam/calib does not exist",
    ]


def test_a_failing_preprocessing_pipeline_is_a_warning(
    make_workspace: MakeWorkspace, bench: Bench, night: Night
) -> None:
    workspace = make_workspace()
    assignment = night.assignment(main=[n.LOOK], preprocessing=[n.PRELOAD_RAISE])
    (warning,) = workspace.prepare(assignment).warnings
    assert "PreloadRaise" in warning
    assert "no database" in warning
    assert see(workspace, night, bench, preprocessing=[n.PRELOAD_RAISE])["preloaded"] == [False]


@pytest.fixture
def broken(tmp_path: Path) -> str:
    file = tmp_path / "Broken.yaml"
    file.write_text("description: Of a task that there is not.\ntasks:\n  count: no.such.Task\n")
    return str(file)


@n.both_ways
def test_pipelines_that_cannot_be_loaded_are_warnings_where_another_can(
    make_workspace: MakeWorkspace, night: Night, broken: str
) -> None:
    workspace = make_workspace()
    assignment = night.assignment(main=[broken, n.PLAIN], preprocessing=["nowhere.yaml", n.PRELOAD])
    missing, wrong = workspace.prepare(assignment).warnings
    assert "nowhere.yaml: FileNotFoundError" in missing
    assert "no.such" in wrong
    processed = workspace.process([workspace.ingest(raw).exposure for raw in night.raws])
    assert (processed.pipeline, processed.failure) == ("Plain", "")
    assert exported(workspace.export(Export.EVERYTHING))["preloaded"] == 1


def test_where_no_main_pipeline_can_be_loaded_each_is_named(
    make_workspace: MakeWorkspace, night: Night, broken: str
) -> None:
    with pytest.raises(WorkspaceError, match=r"no\.such.*; pipeline nowhere\.yaml: FileNotFoundError"):
        make_workspace().prepare(night.assignment(main=[broken, "nowhere.yaml"]))


def test_a_pipeline_that_cannot_be_loaded_leaves_the_visit_to_another_attempt_where_the_others_cannot_run(
    make_workspace: MakeWorkspace, night: Night, broken: str
) -> None:
    with pytest.raises(WorkspaceError, match=r"Needy lacks nowhere; pipeline .*Broken\.yaml"):
        make_workspace().prepare(night.assignment(main=[broken, n.NEEDY]))


def test_init_outputs_that_come_later_are_found(
    make_workspace: MakeWorkspace, untouched: tuple[Path, Night], central: Path, night: Night
) -> None:
    for path in central.iterdir():
        if path.name in {"gen3.sqlite3", "butler.yaml"}:
            path.write_bytes((untouched[0] / path.name).read_bytes())
    workspace = make_workspace()
    with pytest.raises(InitOutputsMissingError, match=f"{n.DEPLOYMENT}.*{n.DAY}"):
        workspace.prepare(night.assignment(main=[n.PLAIN]))
    n.initialize_now(central, [n.PLAIN])
    assert workspace.prepare(night.assignment(main=[n.PLAIN])).datasets > 0


@n.both_ways
def test_inputs_and_outputs_may_be_in_different_repositories(
    make_workspace: MakeWorkspace, bench: Bench, night: Night, untouched: tuple[Path, Night], tmp_path: Path
) -> None:
    read = Path(shutil.copytree(untouched[0], tmp_path / "read"))
    # What is not in the other one cannot be read there by mistake.
    with Butler.from_config(bench.settings.central_repo, writeable=True) as butler:
        butler.removeRuns(["SimCam/templates"])
    before = {path: path.stat().st_mtime_ns for path in read.rglob("*") if path.is_file()}
    workspace = make_workspace(read_repo=str(read))
    seen = see(workspace, night, bench, preprocessing=[n.PRELOAD])
    assert set(seen["templates"]) == expected(read, "patch", TEMPLATE, 0.0)
    assert {path: path.stat().st_mtime_ns for path in read.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("queries", [True], indirect=True)
def test_chains_and_certifications_are_those_of_the_shared_repository(
    make_workspace: MakeWorkspace, bench: Bench, night: Night, central: Path
) -> None:
    workspace = make_workspace()
    workspace.prepare(night.assignment(main=[n.LOOK]))
    (local,) = bench.settings.folder.glob("SimCam-*/repo")
    with Butler.from_config(str(local)) as copy, Butler.from_config(str(central)) as original:
        for name in ("SimCam/defaults", "SimCam/calib", "refcats"):
            assert copy.collections.get_info(name).children == original.collections.get_info(name).children
        (mine, theirs) = (
            {
                (found.ref.id, found.collection, str(found.timespan))
                for found in butler.registry.queryDatasetAssociations("flat", collections="SimCam/calib")
                if found.timespan is not None
            }
            for butler in (copy, original)
        )
    assert mine
    assert mine <= theirs
