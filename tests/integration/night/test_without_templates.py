"""A night for which nobody has made templates: the next best pipeline runs."""

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
from entrypoints.observatory.options import AP_PIPE
from simulator.summit.demo import demo_plan

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def test_single_frame_is_the_fallback(small_camera: Path, tmp_path: Path) -> None:
    night = demo_plan(load_camera(small_camera), seed=2, now=UtcSeconds(time.time()))
    setup = BoxSetup(
        plan=evolve(night.plan, visits=night.plan.visits[:1]),
        camera_file=str(small_camera),
        pipelines=AP_PIPE,
        reference=night.sky.stars,
        workers=1,
    )
    told = io.StringIO()
    asked = Observation(
        setup=setup,
        speed=10.0,
        results=tmp_path / "results",
        examination=Examination(truth=night.source.truth),
    )
    code = observe(asked, Console(file=told, width=200))
    assert code == 0, told.getvalue()
    assert told.getvalue().count("completed (SingleFrame)") == 2
    assert "no image was differenced: no DiaSources, no alerts" in told.getvalue()
