"""A night of a small telescope, with darks, without overscan and flats: its images say what they lack."""

from pathlib import Path

import pytest
import yaml
from lsst.daf.butler import Butler

from adapters.files.cameras import load_camera
from tests.integration.night.conftest import Commands
from tests.integration.night.results import datasets
from tests.unit.simulator.recorded import write_night

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def plain_camera(small_camera: Path, tmp_path: Path) -> Path:
    """The small camera without overscan."""
    content = yaml.safe_load(small_camera.read_text())
    for amplifier in content["detector_types"]["ccd"]["amplifiers"]:
        del amplifier["overscan"]
    file = tmp_path / "plain.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def test_a_night_with_darks_and_without_overscan_and_flats_is_observed(
    commands: Commands, plain_camera: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "night"
    folder.mkdir()
    write_night(folder, load_camera(plain_camera), lights=6, biases=3, darks=3, flats=0, dark_current=3.0)
    results = tmp_path / "results"
    replay = commands.start(
        "replay", str(folder), "--camera", str(plain_camera), "--speed", "60", "--results", str(results)
    ).finish(580)
    assert replay.code == 0, replay.output
    assert "no flat fields of detector 0 in r_sim: " in replay.output
    assert "\nframes processed without: 6, no flat fields of detector 0 in r_sim\n" in replay.output
    assert replay.output.count("completed (ApPipe)") == 6
    assert datasets(results)["difference_image"] == 6
    with Butler.from_config(str(results)) as butler:
        (ref, *_) = butler.query_datasets("preliminary_visit_image", "*", find_first=False)
        image = butler.get(ref)
    assert image.metadata["calibrations"] == "bias dark defects"
    assert image.metadata["calibrations_missing"] == "flat"
