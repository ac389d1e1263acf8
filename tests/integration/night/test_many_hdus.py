"""Nights of cameras whose files have many HDUs, in processes as in production."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import yaml
from astropy.table import Table
from lsst.daf.butler import Butler
from scipy.spatial import KDTree

from adapters.files.cameras import load_camera
from prompt_pipelines.masks import any_of
from tests.integration.night.conftest import Commands
from tests.integration.night.results import chain_of, datasets, numbers
from tests.unit.simulator.distorted import SHARE, corrections_of, distort, leaks
from tests.unit.simulator.recorded import write_night

ALONE = ("--workers", "1", "--no-console")
"""How many workers there are is nothing to a camera, and each process takes seconds to start."""

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
    arguments = ("demo", "--camera", str(camera), "--speed", "10", *ALONE, "--results", str(results))
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
    file, folder, results = small("simulated-lsst", tmp_path), tmp_path / "night", tmp_path / "results"
    camera, known = load_camera(file), tmp_path / "known.yaml"
    folder.mkdir()
    write_night(folder, camera, lights=2, detectors=2, truth=tmp_path / "truth.fits")
    for path in folder.iterdir():
        distort(path, camera, int(path.name.partition(".")[0][-1]))
    known.write_text(yaml.safe_dump(corrections_of(camera, 2)))
    arguments = ("--camera", str(file), "--pipelines", "single-frame", *ALONE, "--results", str(results))
    night = commands.start("replay", str(folder), *arguments, "--corrections", str(known)).finish(580)
    assert night.code == 0, night.output
    assert "SimLSST: 2 visits, 4 visit-detectors" in night.output
    assert "outcomes: 4 completed" in night.output
    truth, measured = Table.read(tmp_path / "truth.fits"), []
    with Butler.from_config(str(results), writeable=False) as butler:
        chain = chain_of(butler)
        for ref in butler.query_datasets("single_visit_sources", chain):
            image = butler.get("preliminary_visit_image", ref.dataId, collections=chain)
            assert image.image.array.shape == (512, 512)
            # Ghosts of neighbours are gone, and what is bright is as much more as it should be.
            kind = camera.detector(int(ref.dataId["detector"])).type
            assert kind is not None
            assert abs(leaks(image.image.array, ~any_of(image.mask), kind.amplifiers)) < 0.4 * SHARE
            there = truth["detector"] == ref.dataId["detector"]
            there &= truth["exposure"] == ref.dataId["visit"]
            measured.append(recovered_light(butler.get(ref), truth[there]))
    peak, share = np.concatenate(measured, axis=1)
    assert len(peak) > 60
    faint, middle, bright = (
        np.median(share[(peak > low) & (peak <= high)])
        for low, high in ((300, 1000), (1000, 3000), (3000, np.inf))
    )
    # Medians of so few have errors of 0.6 %; left as they are, they would be 3 % apart.
    assert [faint / middle, bright / middle] == pytest.approx([1.0, 1.0], abs=0.015)


def recovered_light(sources: Table, truth: Table) -> np.ndarray:
    """Measure peaks, and how many electrons stand for a nanojansky, of clean sources."""
    nearest = KDTree(np.column_stack([truth["x"], truth["y"]]))
    distance, index = nearest.query(np.column_stack([sources["x"], sources["y"]]))
    good = distance < 0.5
    for name in ("saturated", "blended", "masked", "edge"):
        good &= ~np.asarray(sources[f"flag_{name}"])
    flux = np.asarray(sources["flux"])[good] / np.asarray(truth["flux"])[index[good]]
    return np.array([np.asarray(sources["peak"])[good], flux])
