"""The two commands for people, from start to end, in processes as in production."""

import asyncio
import html
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import requests
from lsst.daf.butler import Butler
from lsst.pipe.base.simple_pipeline_executor import SimplePipelineExecutor

import prompt_processing
from adapters.butler.shared.names import raw_run
from adapters.files.kept_ledger import KeptHistories
from adapters.files.log_archive import FolderLogArchive
from application.ledger import StoredLedger
from domain.results.images import ImageKind, PixelBox
from domain.results.sources import SourceQuery
from domain.runs import input_collections
from domain.work.attempts import AttemptRecord
from domain.work.outcomes import Completed
from entrypoints.containers.results import opened_archives, places_in
from tests.integration.butler.night import ROOT
from tests.integration.night.conftest import Commands
from tests.integration.night.notebook import run_notebook
from tests.integration.night.results import chain_of, datasets, numbers, processes_with

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.long]


def test_the_demo_observes_its_night_and_leaves_nothing_but_results(
    commands: Commands, small_camera: Path, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    demo = commands.start("demo", "--camera", str(small_camera), "--speed", "10", "--results", str(results))
    night = demo.finish(580)
    assert night.code == 0, night.output
    assert "SimCam: 3 visits, 6 visit-detectors" in night.output
    assert "outcomes: 6 completed" in night.output
    assert f"prompt-processing results {results}" in night.output
    assert f"prompt-processing console {results}" in night.output
    assert "the night in the browser: http://127.0.0.1:" in night.output
    # Three visits, one of two snaps, of two detectors.
    found = datasets(results)
    assert found["preliminary_visit_image"] == found["single_visit_sources"] == 8
    assert found["difference_image"] == found["dia_source_apdb"] == 8
    assert night.output.count("completed (ApPipe)") == 6
    alerts, sources = numbers(r"alerts sent: (\d+), read back from Kafka, for (\d+) DiaSources", night.output)
    assert alerts == sources > 5
    recovered, injected = numbers(r"injected sources recovered: (\d+) of (\d+)", night.output)
    assert injected > 5
    assert recovered >= 0.7 * injected  # of the two dozen that two detectors see; 0.95 of all nine's
    (false, images) = numbers(r"per detector: [\d.]+ \((\d+) on (\d+) difference images", night.output)
    assert images == 8
    assert false <= images
    assert night.left_behind == []
    assert processes_with(str(tmp_path)) == []
    with Butler.from_config(str(results), writeable=False) as butler:
        chain = chain_of(butler)
        for ref in butler.query_datasets("single_visit_sources", chain):
            image = butler.get("preliminary_visit_image", ref.dataId, collections=chain)
            assert image.image.array.shape == (512, 512)
            assert len(butler.get(ref)) > 10
    check_that_python_reads_it(results, alerts)
    check_that_it_is_explained(commands, results)
    check_that_it_can_be_reprocessed(results)
    asyncio.run(check_that_all_kinds_of_images_are_found(results))
    check_that_the_console_shows_it(results)
    summary = commands.start("results", str(results)).finish()
    assert summary.code == 0, summary.output
    assert "SimCam: 3 visits of 4 exposures, 6 visit-detectors" in summary.output
    assert f"{alerts} alerts" in summary.output
    assert summary.output.index("Objects seen most often") < summary.output.index("Exposures")
    assert "Datasets" not in summary.output


def check_that_python_reads_it(folder: Path, alerts: int) -> None:
    with prompt_processing.open(folder) as results:
        assert set(results.outcomes["outcome"]) == {"completed"}
        assert (results.outcomes["process_seconds"] > 0).all()
        assert len(results.alerts) == len(results.dia_sources) == alerts
        last = results.alerts[-1]["diaSourceId"]
        strongest = int(results.dia_objects["strongest"][0])
        sightings = results.light_curve(results.dia_objects["object"][0])
        assert strongest in sightings["dia_source"]
        assert len(sightings) == results.dia_objects["sightings"][0]
        cutouts = results.cutouts(strongest)
        assert {cutout.shape for cutout in cutouts.values()} == {(31, 31)}
        row = sightings[list(sightings["dia_source"]).index(strongest)]
        image = results.image(row["visit"], row["detector"], "difference")
        assert image.path.exists()
        assert image.wcs is not None
        assert results.image(row["visit"], row["detector"], "raw").array.shape >= image.array.shape
        ra, dec = image.wcs.wcs_pix2world(row["x"], row["y"], 0)
        assert (float(ra), float(dec)) == pytest.approx((row["ra"], row["dec"]), abs=1e-4)
    with prompt_processing.open(folder.as_uri(), apdb=str(folder / "night" / "apdb.db")) as central:
        assert len(central.dia_sources) == alerts
        assert len(central.outcomes) == 0
    shown = run_notebook(folder)
    assert shown.count("a picture of") == 2
    assert str(last) in shown
    assert (folder / "night" / "logs" / "worker-1.log").stat().st_size > 0
    check_that_the_ledger_is_kept(folder / "night")


def check_that_the_console_shows_it(folder: Path) -> None:
    """Look at the night as its pages lead: the objects, a light curve, cutouts, the image itself."""
    serving = [sys.executable, "-P", "-m", "entrypoints", "console", str(folder)]
    with subprocess.Popen(serving, stdout=subprocess.PIPE, text=True) as console:  # noqa: S603 - our own
        assert console.stdout is not None
        try:
            check_pages(console.stdout.readline().strip())
        finally:
            console.terminate()


def check_pages(address: str) -> None:
    # How many were in time is the machine's matter.
    assert re.search(r"[0-6] of 6\b", requests.get(address, timeout=30).text)
    [strongest, *_] = requests.get(f"{address}api/objects", timeout=30).json()
    page = requests.get(f"{address}object?id={strongest['object_id']}", timeout=30).text
    for path in ("picture/cutouts", "visit"):
        [found, *_] = re.findall(rf'(?:src|href)="/({path}\?[^"]*)"', page)
        assert requests.get(address + html.unescape(found), timeout=60).ok


def check_that_it_can_be_reprocessed(folder: Path) -> None:
    """Run two tasks on a raw of the night, with what is in the kept repository alone."""
    names = input_collections("SimCam")
    inputs = [names.defaults, names.reference_catalogues, names.skymaps, raw_run("SimCam")]
    with SimplePipelineExecutor.prep_butler(str(folder), inputs=inputs, output="again") as butler:
        (raw, *others) = butler.query_datasets("raw", raw_run("SimCam"))
        assert len(others) == 7
        executor = SimplePipelineExecutor.from_pipeline_filename(
            str(ROOT / "prompt_pipelines" / "pipelines" / "SingleFrame.yaml"),
            where="exposure = :wanted AND visit = :wanted AND detector = :of",
            bind={"wanted": raw.dataId["exposure"], "of": raw.dataId["detector"]},
            butler=butler,
        )
        executor.run(register_dataset_types=True)
        assert len(butler.query_datasets("single_visit_sources", "again")) == 1


async def check_that_all_kinds_of_images_are_found(folder: Path) -> None:
    repository, apdb = places_in(folder)
    with prompt_processing.open(folder) as results:
        groups = dict(zip(results.visits["visit"], results.visits["group"], strict=True))
    async with opened_archives(repository=repository, apdb=apdb, instrument="SimCam") as archives:
        assert archives.images is not None
        assert archives.sources is not None
        for source in await archives.sources.sources(SourceQuery(), limit=3):
            found = await archives.images.images(groups[source.visit], source.detector)
            assert [image.kind for image in found if image.visit == source.visit] == list(ImageKind)
            box = PixelBox(x=round(source.x), y=round(source.y), width=1, height=1)
            for image in found:
                assert (await archives.images.read(image, box)).array.shape == (1, 1)


def check_that_it_is_explained(commands: Commands, results: Path) -> None:
    with prompt_processing.open(results) as opened:
        group, detector = opened.outcomes["group"][0], opened.outcomes["detector"][0]
    asked = commands.start("explain", group, str(detector), "--results", str(results), "--json").finish()
    assert asked.code == 0, asked.output
    told = json.loads(asked.output)
    assert told["verdict"].startswith("completed (ApPipe); ")
    assert {"template", "difference"} <= {image["kind"] for image in told["images"]}
    assert told["sources"]
    assert told["lines"]
    assert told["faults"] == []


def check_that_the_ledger_is_kept(night: Path) -> None:
    records = asyncio.run(_latest(KeptHistories(night / "ledger.jsonl")))
    assert len(records) == 6
    for record in records:
        assert isinstance(record.outcome, Completed)
        assert record.about is not None
        assert record.outcome.pipeline in record.about.pipelines
        assert record.since_shutter is not None
        assert {"transfer", "ingest", "process.graph", "export"} <= record.seconds.keys()
        lines = asyncio.run(FolderLogArchive(night / "logs").lines(record.attempt.identity))
        assert "process" in {line.stage for line in lines}


async def _latest(store: KeptHistories) -> Sequence[AttemptRecord]:
    async with store:
        return await StoredLedger(store).latest("SimCam")


def test_ctrl_c_stops_the_demo_and_leaves_nothing(
    commands: Commands, small_camera: Path, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    # In no hurry: on a slow machine the night would be over before it is looked at.
    options = ("--camera", str(small_camera), "--speed", "1")
    demo = commands.start("demo", *options, "--results", str(results))
    demo.wait_for("visit-detectors to come")
    told = demo.wait_for(r"from another terminal: (.*) --watch")
    status = subprocess.run(  # noqa: S603 - what the demo told
        ["/bin/sh", "-c", f"{told[1]} --json"], capture_output=True, text=True, check=False
    )
    assert status.returncode == 0, status.stderr
    assert json.loads(status.stdout)["instrument"] == "SimCam"
    demo.interrupt()
    night = demo.finish(120)
    assert night.code == 130, night.output
    assert "nothing is left running" in night.output
    assert "Traceback" not in night.output
    assert night.left_behind == []
    assert not results.exists()
    assert processes_with(str(tmp_path)) == []


def test_a_folder_without_frames_is_named(commands: Commands, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    replay = commands.start("replay", str(empty), "--camera", "lowell").finish(60)
    assert replay.code == 1
    assert f"Error: {empty} holds no frame of Lowell42" in replay.output


@pytest.mark.parametrize(
    ("service", "required"),
    [("fan-out", 4), ("worker", 4), ("raw-presence", 1), ("butler-writer", 4), ("initialize", 4)],
)
def test_a_service_without_settings_lists_them_all(commands: Commands, service: str, required: int) -> None:
    refused = commands.start(service).finish(60)
    assert refused.code == 2
    assert refused.output.count("is required") >= required
    assert "Traceback" not in refused.output
