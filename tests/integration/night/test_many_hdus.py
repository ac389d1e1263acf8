"""Nights of cameras whose files have many HDUs, in processes as in production."""

from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from lsst.daf.butler import Butler

from adapters.files.cameras import load_camera
from tests.integration.night.conftest import Commands
from tests.integration.night.results import chain_of, datasets, numbers
from tests.unit.simulator.recorded import write_night

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.long]


def small(name: str, folder: Path) -> Path:
    """Leave two detectors of a shipped camera."""
    content = yaml.safe_load((files("cameras") / f"{name}.yaml").read_text())
    content["detectors"] = content["detectors"][:2]
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def test_a_mosaic_of_one_file_an_exposure_is_observed_to_alerts(commands: Commands, tmp_path: Path) -> None:
    camera, results = small("simulated-mosaic", tmp_path), tmp_path / "results"
    arguments = ("demo", "--camera", str(camera), "--speed", "10", "--results", str(results))
    night = commands.start(*arguments).finish(580)
    assert night.code == 0, night.output
    assert "SimMosaic: 3 visits, 6 visit-detectors" in night.output
    assert night.output.count("completed (ApPipe)") == 6
    found = datasets(results)
    assert found["difference_image"] == found["dia_source_apdb"] == 8
    recovered, injected = numbers(r"injected sources recovered: (\d+) of (\d+)", night.output)
    assert injected > 5
    assert recovered >= 0.7 * injected  # of the two dozen that two detectors see; 0.95 of all six's
    assert night.left_behind == []


def test_sixteen_compressed_amplifiers_are_replayed_as_one_image(commands: Commands, tmp_path: Path) -> None:
    camera, folder, results = small("simulated-lsst", tmp_path), tmp_path / "night", tmp_path / "results"
    folder.mkdir()
    write_night(folder, load_camera(camera), lights=2, detectors=2)
    arguments = ("--camera", str(camera), "--pipelines", "single-frame", "--results", str(results))
    night = commands.start("replay", str(folder), *arguments).finish(580)
    assert night.code == 0, night.output
    assert "SimLSST: 2 visits, 4 visit-detectors" in night.output
    assert "outcomes: 4 completed" in night.output
    with Butler.from_config(str(results), writeable=False) as butler:
        chain = chain_of(butler)
        for ref in butler.query_datasets("single_visit_sources", chain):
            image = butler.get("preliminary_visit_image", ref.dataId, collections=chain)
            assert image.image.array.shape == (512, 512)
            assert len(butler.get(ref)) > 10
