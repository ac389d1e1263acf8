"""A site that is left alone makes masters of new frames, and uses those that pass their checks."""

import asyncio
import json
import shutil
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from astropy.table import Table
from astropy.time import Time
from lsst.daf.butler import Butler, Timespan

from adapters.files.cameras import load_camera
from benchmarks.services.site_process import Site
from domain.upkeep import Job, JobEnding, JobKind, TakenFrames
from entrypoints.settings.site import SiteFolder
from entrypoints.site.upkeep.jobs import SiteJobs
from tests.integration.site.here import call
from tests.unit.simulator.recorded import write_night

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def write_camera(file: Path) -> None:
    """Write the simulated camera with one detector of a part of its size."""
    content = yaml.safe_load((files("cameras") / "simulated.yaml").read_text())
    content["detectors"] = content["detectors"][4:5]
    kind = content["detector_types"]["ccd"]
    kind["nx"], kind["ny"] = 128, 100
    sections = (("[1:64,1:100]", "[129:136,1:100]"), ("[65:128,1:100]", "[137:144,1:100]"))
    for amplifier, (data, overscan) in zip(kind["amplifiers"], sections, strict=True):
        amplifier.update(data=data, image=data, overscan=overscan)
    file.write_text(yaml.safe_dump(content))


def wait_for_job(folder: Path, patience: float = 200.0) -> dict[str, Any]:
    end = time.monotonic() + patience
    while not (folder / "state" / "jobs.json").exists():
        assert time.monotonic() < end
        time.sleep(0.2)
    status = json.loads(call("status", folder, "--json"))
    (job,) = status["jobs"]
    assert isinstance(job, dict)
    return job


def used(folder: Path, dataset_type: str, when: str) -> str | None:
    with Butler.from_config(str(folder / "central")) as butler:
        ref = butler.find_dataset(
            dataset_type,
            instrument="SimCam",
            detector=4,
            collections="SimCam/defaults",
            timespan=Timespan.fromInstant(Time(when, scale="utc").tai),
        )
        return None if ref is None else ref.run


def test_new_frames_become_masters_that_are_used_from_their_night_on(tmp_path: Path) -> None:
    folder, camera, frames = tmp_path / "site", tmp_path / "small.yaml", tmp_path / "frames"
    write_camera(camera)
    frames.mkdir()
    write_night(frames, load_camera(camera), lights=1, biases=4, darks=3, flats=0)
    call("init", folder, "--camera", str(camera))
    settings = yaml.safe_load((folder / "site.yaml").read_text())
    (folder / "site.yaml").write_text(yaml.safe_dump({**settings, "quiet_s": 0.5, "upkeep_idle_s": 4.0}))
    for path in (*frames.glob("bias*.fits"), *frames.glob("dark*.fits")):
        shutil.copy(path, folder / "incoming")
    with Site(folder).running():
        job = wait_for_job(folder)
        call("stop", folder)
    assert (job["kind"], job["ending"]) == ("calibrations", "done"), job["said"]
    night = str(job["night"])
    day = f"{night[:4]}-{night[4:6]}-{night[6:]}"
    run = used(folder, "bias", f"{day}T20:00:00")
    assert run is not None
    assert run.startswith(f"SimCam/calib/{night}-")
    assert used(folder, "dark", f"{day}T20:00:00") == used(folder, "bias", "2027-01-01") == run
    assert used(folder, "bias", f"{day}T11:00:00") is None
    assert list((folder / "calibrations" / run.rpartition("/")[2]).glob("bias-4*.png"))
    old_raws_go(folder, len(list((folder / "incoming").iterdir())))
    jobs = SiteJobs(folder=SiteFolder(folder), camera=load_camera(str(camera)), skymap="SimCam_sky")
    templates = Job(kind=JobKind.TEMPLATES, night=20260313, inputs="")
    result = asyncio.run(jobs.do(templates, TakenFrames()))
    assert result.ending is JobEnding.FAILED
    assert result.said.startswith("no image of SimCam can have a part in a template: ")
    tracklets = Job(kind=JobKind.TRACKLETS, night=20260313, inputs="")
    result = asyncio.run(jobs.do(tracklets, TakenFrames()))
    assert (result.ending, result.said) == (JobEnding.DONE, "nothing moves")
    assert len(Table.read(folder / "movers" / "20260313.ecsv")) == 0


def old_raws_go(folder: Path, files: int) -> None:
    """Let the site keep one night: its frames are in masters, and are months old."""
    assert call("prune", folder) == "nothing to remove\n"
    settings = yaml.safe_load((folder / "site.yaml").read_text())
    keep = {"keep_raws_days": 1, "keep_images_days": 1}
    (folder / "site.yaml").write_text(yaml.safe_dump({**settings, **keep}))
    assert "7 raws and 0 images" in call("prune", folder, "--dry-run")
    (removed,) = json.loads(call("prune", folder, "--json"))["removed"]
    assert removed["raws"] == files == 7
    assert removed["bytes"] > 7 * 2 * 128 * 100
    assert not list((folder / "raws").rglob("*.fits"))
    assert json.loads(call("prune", folder, "--json")) == {"removed": [], "kept": []}
