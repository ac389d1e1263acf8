"""Nights that do not come to their end: stopped by Ctrl-C, or failed."""

import io
import time
from pathlib import Path

import pytest
from attrs import evolve
from rich.console import Console

from adapters.files.cameras import load_camera
from domain.times import UtcSeconds
from entrypoints.observatory.box import BoxSetup
from entrypoints.observatory.findings import Examination
from entrypoints.observatory.night import Observation, observe
from entrypoints.observatory.options import SINGLE_FRAME
from simulator.summit.demo import demo_plan
from tests.integration.night.conftest import Commands
from tests.integration.night.results import processes_with
from tests.unit.simulator.recorded import write_night

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def frames(small_camera: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("frames")
    write_night(folder, load_camera(small_camera), lights=6)
    return folder


@pytest.mark.parametrize("stage", ["making a central repository", "making templates"])
def test_ctrl_c_stops_a_replay_before_its_night_and_leaves_nothing(
    stage: str, commands: Commands, small_camera: Path, frames: Path, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    replay = commands.start("replay", str(frames), "--camera", str(small_camera), "--results", str(results))
    replay.wait_for(stage)
    replay.interrupt()
    night = replay.finish(30)
    assert night.code == 130, night.output
    assert night.output.splitlines()[-1] == "stopped; nothing is left running, and no results were kept"
    assert "Traceback" not in night.output
    assert night.left_behind == []
    assert list(tmp_path.glob("results*")) == []
    assert processes_with(str(tmp_path)) == []


def test_the_logs_of_a_night_that_failed_are_kept_with_the_reason(small_camera: Path, tmp_path: Path) -> None:
    night = demo_plan(load_camera(small_camera), seed=2, now=UtcSeconds(time.time()))
    setup = BoxSetup(
        plan=evolve(night.plan, visits=night.plan.visits[:1]),
        camera_file=str(small_camera),
        pipelines=SINGLE_FRAME,
        reference=None,
        workers=1,
        variables={"fan-out": {"CONSUMER_GROUP": ""}},
    )
    told = io.StringIO()
    asked = Observation(setup=setup, speed=10.0, results=tmp_path / "results", examination=Examination())
    assert observe(asked, Console(file=told, width=200)) == 1
    kept = tmp_path / "results-failed"
    (said,) = [line for line in told.getvalue().splitlines() if str(kept) in line]
    assert "the logs of the night, and why it failed, are kept in" in said
    assert "CONSUMER_GROUP" in (kept / "fan-out.log").read_text()
    assert (kept / "reason.txt").read_text().startswith("fan-out ended with exit code 2")
    assert not asked.results.exists()
