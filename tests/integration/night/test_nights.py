"""The two commands for people, from start to end, in processes as in production."""

from pathlib import Path

import pytest
from lsst.daf.butler import Butler

from tests.integration.night.conftest import Commands
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
    assert "butler query-datasets" in night.output
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


def test_ctrl_c_stops_the_demo_and_leaves_nothing(
    commands: Commands, small_camera: Path, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    demo = commands.start("demo", "--camera", str(small_camera), "--results", str(results))
    demo.wait_for("visit-detectors to come")
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


@pytest.mark.parametrize("service", ["fan-out", "worker", "raw-presence", "butler-writer", "initialize"])
def test_a_service_without_settings_lists_them_all(commands: Commands, service: str) -> None:
    refused = commands.start(service).finish(60)
    assert refused.code == 2
    assert refused.output.count("is required") > 3
    assert "Traceback" not in refused.output
