"""The way without a registry does what the middleware's own graph builder does, for every pipeline."""

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import evolve, frozen
from lsst.daf.butler import Butler, DatasetType

from adapters.butler.inputs.pipelines import PipelineLibrary
from adapters.butler.predicted.pipeline_shape import shape_of
from adapters.butler.workspace.settings import WorkspaceSettings
from adapters.butler.writer.central_registry import ButlerCentralRegistry
from domain.work.outcomes import Export
from ports.central_registry import OutputEvent
from ports.workspace import NothingRunnableError
from tests.integration.butler import night as n
from tests.integration.butler.night import Bench, Night
from tests.integration.butler.repository import FIELD
from tests.integration.butler.tasks import DAILY
from tests.integration.prompt_pipelines.running import close_apdb
from workbench.night.apdb import make_apdb

pytestmark = pytest.mark.slow

PASSING = ("_log", "_metadata", "_stage_times")
"""Ends of names of dataset types whose files tell times."""


@frozen(kw_only=True)
class Result:
    """What one way came to."""

    ending: str
    loaded: int
    message: Mapping[str, Any] | None
    quanta: Mapping[tuple[str, str], tuple[frozenset[str], frozenset[str]]]
    """Ids of inputs and outputs of each quantum, by task and data id."""
    contents: Mapping[str, bytes]


async def work(
    settings: WorkspaceSettings,
    night: Night,
    *,
    queries: bool,
    main: list[str],
    preprocessing: str,
    folder: Path,
) -> Result:
    """Work on a visit-detector on a repository of its own."""
    shutil.copytree(settings.central_repo, folder / "central")
    repository = str(folder / "central")
    own = evolve(settings, central_repo=repository, read_repo=repository, folder=folder / "work")
    workspace = n.make_workspace(Bench(settings=own, queries=queries))
    prepared = workspace.prepare(night.assignment(main=main, preprocessing=[preprocessing]))
    exposures = [workspace.ingest(raw).exposure for raw in night.raws]
    try:
        ending = workspace.process(exposures).failure
    except NothingRunnableError as error:
        ending = str(error)
    body = workspace.export(Export.EVERYTHING)
    workspace.close()
    quanta: dict[tuple[str, str], tuple[frozenset[str], frozenset[str]]] = {}
    contents: dict[str, bytes] = {}
    if body is not None:
        registry = ButlerCentralRegistry(repository)
        await registry.apply([OutputEvent(body=body, position="1")])
        await registry.close()
        quanta = read_quanta(repository)
        contents = read_contents(Path(repository), json.loads(body))
    return Result(
        ending=ending,
        loaded=prepared.datasets,
        message=None if body is None else json.loads(body),
        quanta=quanta,
        contents=contents,
    )


def read_quanta(repository: str) -> dict[tuple[str, str], tuple[frozenset[str], frozenset[str]]]:
    found = {}
    with Butler.from_config(repository) as butler:
        runs = butler.collections.query(f"SimCam/prompt/output-{n.DAY}/*", flatten_chains=True)
        for ref in butler.query_datasets("prompt_provenance", collections=runs, find_first=False):
            xgraph = butler.get(ref).bipartite_xgraph
            for node, state in xgraph.nodes(data=True):
                if "task_label" in state and "data_id" in state:
                    key = (state["task_label"], str(state["data_id"]))
                    found[key] = (
                        frozenset(str(number) for number in xgraph.predecessors(node)),
                        frozenset(str(number) for number in xgraph.successors(node)),
                    )
    return found


def read_contents(root: Path, message: Mapping[str, Any]) -> dict[str, bytes]:
    contents = {}
    for dataset in message["datasets"]:
        (ref,) = dataset["refs"].values()
        name = ref["dataset_type_name"]
        # Images name the quantum that made them, and are dithered by the clock.
        if (
            not name.endswith(PASSING)
            and name != "prompt_provenance"
            and Path(dataset["path"]).suffix != ".fits"
        ):
            contents[dataset["path"]] = (root / dataset["path"]).read_bytes()
    return contents


def in_order(message: Mapping[str, Any] | None) -> Any:
    """Sort what has no order of its own."""
    if message is None:
        return None
    return {
        "dimension_records": message["dimension_records"],
        "dataset_types": sorted(message["dataset_types"], key=lambda each: each["name"]),
        "datasets": sorted(message["datasets"], key=lambda each: each["path"]),
    }


OWN = [
    [n.PLAIN],
    [n.CHANGE],
    [n.LOOK],
    [n.PATCHWORK],
    [n.COUNT_RAISE],
    [n.COUNT_NO_WORK],
    [n.CHANGE_RAISE],
    [n.CHANGE_PARTIAL],
    [n.PICKY],
    [n.NEEDY, n.PICKY, n.LOOK],
]


POINTINGS: dict[str, dict[str, float | None]] = {
    "unknown": {"RA": None, "DEC": None},
    "without rotation": {"ROTPA": None},
    "elsewhere": {"RA": FIELD[0] + 0.1},
    "far away": {"RA": FIELD[0] + 90.0, "DEC": -80.0},
}


@pytest.mark.parametrize("cards", POINTINGS.values(), ids=POINTINGS)
async def test_pointings_other_than_announced(
    settings: WorkspaceSettings, night: Night, tmp_path: Path, cards: dict[str, float | None]
) -> None:
    raws = (n.write_raw(tmp_path / "bucket", 0, **cards), n.write_raw(tmp_path / "bucket", 1))
    main = [n.PATCHWORK, n.LOOK, n.PLAIN]
    plain, fast = await compare(settings, evolve(night, raws=raws), tmp_path, main)
    assert fast.contents == plain.contents


@pytest.mark.parametrize("filters", ["", "g_sim,r_sim", "g_sim"])
async def test_filters_other_than_announced(
    settings: WorkspaceSettings, night: Night, tmp_path: Path, filters: str
) -> None:
    other = evolve(night, visit=evolve(night.visit, filters=filters))
    plain, fast = await compare(settings, other, tmp_path, [n.LOOK, n.PLAIN])
    assert fast.contents == plain.contents


@pytest.mark.parametrize("main", OWN, ids=lambda main: "+".join(Path(file).stem for file in main))
async def test_both_ways_come_to_the_same(
    settings: WorkspaceSettings, night: Night, tmp_path: Path, main: list[str]
) -> None:
    plain, fast = await compare(settings, night, tmp_path, main)
    assert fast.contents == plain.contents


@pytest.mark.parametrize("preprocessing", [n.PRELOAD, n.DAILY_AHEAD])
async def test_what_there_is_for_each_day_is_read_for_the_visits(
    settings: WorkspaceSettings, night: Night, tmp_path: Path, preprocessing: str
) -> None:
    write_daily(settings.central_repo, days=range(20260310, 20260316))
    await n.initialize(Path(settings.central_repo), [n.DAILY, n.DAILY_AHEAD])
    plain, fast = await compare(settings, night, tmp_path, [n.DAILY], preprocessing)
    assert fast.contents == plain.contents
    read = [body for path, body in fast.contents.items() if "/daily" in path]
    assert [yaml.safe_load(body) for body in read] == [{"weather": 20260313, "plan": 20260313}] * len(read)
    assert len(read) == (2 if preprocessing == n.PRELOAD else 3)


def write_daily(repository: str, days: Iterable[int]) -> None:
    """Put datasets of the days among the calibrations."""
    run = "SimCam/calib/daily"
    with Butler.from_config(repository, writeable=True) as butler:
        butler.collections.register(run)
        butler.collections.prepend_chain("SimCam/calib", run)
        for day in days:
            butler.registry.insertDimensionData("day_obs", {"instrument": "SimCam", "id": day})
        for name in ("weather", "plan"):
            kind = DatasetType(name, DAILY, "StructuredDataDict", universe=butler.dimensions)
            butler.registry.registerDatasetType(kind)
            for day in days:
                butler.put({"day": day}, kind, instrument="SimCam", day_obs=day, detector=4, run=run)


async def compare(
    settings: WorkspaceSettings,
    night: Night,
    tmp_path: Path,
    main: list[str],
    preprocessing: str = n.PRELOAD,
) -> tuple[Result, Result]:
    """Let both ways do the same work; what files hold is left to the caller."""
    results = []
    for queries in (True, False):
        folder = tmp_path / str(queries)
        folder.mkdir()
        results.append(
            await work(
                settings, night, queries=queries, main=main, preprocessing=preprocessing, folder=folder
            )
        )
    plain, fast = results
    assert fast.ending == plain.ending
    assert fast.loaded == plain.loaded
    assert in_order(fast.message) == in_order(plain.message)
    assert fast.quanta == plain.quanta
    assert len(plain.quanta) > 0
    return plain, fast


SHIPPED = sorted(file.name for file in (n.ROOT / "prompt_pipelines" / "pipelines").glob("*.yaml"))


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_pipelines_need_no_registry(settings: WorkspaceSettings, name: str) -> None:
    with Butler.from_config(settings.read_repo) as butler:
        library = PipelineLibrary(n.ROOT, "", frozenset(), lambda: butler, lambda: butler)
        pipeline = library.load(f"prompt_pipelines/pipelines/{name}")
    assert shape_of(pipeline.graph).obstacles == ()


async def test_shipped_pipelines_come_to_the_same(
    settings: WorkspaceSettings, night: Night, tmp_path: Path
) -> None:
    """ApPipe reads all kinds of inputs; that noise cannot be calibrated is told by both ways alike.

    Contents are not compared: images are dithered by the clock.
    """
    apdb = make_apdb(tmp_path)
    ap_pipe, single, preprocessing = (
        f"prompt_pipelines/pipelines/{name}.yaml" for name in ("ApPipe", "SingleFrame", "Preprocessing")
    )
    await n.initialize(Path(settings.central_repo), [ap_pipe, single, preprocessing], apdb)
    try:
        _, result = await compare(
            evolve(settings, apdb_config=apdb),
            evolve(night, raws=night.raws[:1]),
            tmp_path,
            [ap_pipe, single],
            preprocessing,
        )
    finally:
        close_apdb(apdb)
    tasks = {label for label, _ in result.quanta}
    assert {"isr", "detectSources", "calibrateVisit", "subtractImages"} <= tasks
