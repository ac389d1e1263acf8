"""A site on which frames drop as they may, and whose processes are all killed at three stages."""

import gzip
import json
import os
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import prompt_processing
from benchmarks.services.site_frames import make_night, write_camera
from benchmarks.services.site_process import Site, ask, wait_until
from benchmarks.services.site_tally import tally
from entrypoints.settings.site import SiteFolder
from entrypoints.site import lock
from simulator.world.skymap import SKYMAP
from tests.integration.site.here import call

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(400)]

_VISITS, _DETECTORS = 3, 2


def drop(frames: Sequence[Path], incoming: Path) -> None:
    """Write frames as cameras and people do."""
    shutil.copy(frames[0], incoming / "light0.fits")
    part = incoming / "light1.part"
    part.write_bytes(gzip.compress(frames[1].read_bytes()))
    part.rename(incoming / "light1.fits.gz")
    (incoming / "torn.fits").write_bytes(frames[-1].read_bytes()[:1_000_000])
    long_ago = time.time() - 7200.0
    os.utime(incoming / "torn.fits", (long_ago, long_ago))
    content = frames[2].read_bytes()
    with (incoming / "slow.fits").open("wb") as slow:
        for begin in range(0, len(content), 400_000):
            slow.write(content[begin : begin + 400_000])
            slow.flush()
            time.sleep(0.3)
    shutil.copy(frames[0], incoming / "again.fits")


def test_nothing_is_lost_and_nothing_doubled(tmp_path: Path) -> None:
    site = Site(tmp_path / "site")
    write_camera(tmp_path / "camera.yaml", _DETECTORS)
    night = make_night(tmp_path / "camera.yaml", _VISITS + 1)
    frames = night.write_frames(tmp_path)
    call("init", site.folder, "--camera", str(tmp_path / "camera.yaml"))
    night.furnish(site.folder / "central")
    site.change_settings(skymap=SKYMAP, workers=2, quiet_s=1.0, grace_s=30.0)
    stages: list[Callable[[], bool]] = [
        lambda: bool(ask(site.work, "SELECT 1 FROM delivery WHERE consumer IS NOT NULL")),
        lambda: bool(ask(site.ledger, "SELECT 1 FROM claim")),
        lambda: bool(ask(site.apdb, 'SELECT 1 FROM "DiaSource"')),
    ]
    dropping = threading.Thread(target=drop, args=(frames, site.folder / "incoming"))
    dropping.start()
    for stage in stages:
        with site.running() as running:
            wait_until(stage)
            running.kill()
    dropping.join()
    with site.running():
        wait_until(lambda: lock.find_holder(SiteFolder(site.folder)) is not None)
        second = subprocess.run(site.command("run"), capture_output=True, text=True, check=False)  # noqa: S603 - our own
        assert (second.returncode, "is run already by process" in second.stderr) == (1, True)
        wait_until(lambda: len(site.finals()) == _VISITS * _DETECTORS)
        wait_until(lambda: not ask(site.work, "SELECT 1 FROM delivery"))
        status = json.loads(call("status", site.folder, "--json"))
        assert status["run_by"] is not None
        call("stop", site.folder)
    check(site, status)


def check(site: Site, status: dict[str, Any]) -> None:
    """See that each detector has one outcome, and what was made of it is there once."""
    # What was killed after its claim is left as it is: its changes may have been made.
    found = tally(site, "SimMosaic")
    outcomes = found.outcomes
    assert {group for group, _ in outcomes} == {f"night-{number}" for number in range(_VISITS)}
    assert len(outcomes) == _VISITS * _DETECTORS
    assert set(outcomes.values()) <= {"completed", "failed after change"}
    completed = {key for key, outcome in outcomes.items() if outcome == "completed"}
    assert len(completed) >= len(outcomes) - 3
    assert ask(site.work, "SELECT 1 FROM dead_letter") == []
    assert status["frames"] == {"taken": _VISITS, "copy": 1, "unfinished": 1}
    assert status["queue"] == {"waiting": 0, "leased": 0, "delayed": 0, "dead": 0}
    (torn,) = (one for one in status["not_processed"] if one["file"].endswith("torn.fits"))
    assert "truncated" in torn["reason"]
    assert not found.lost
    assert not found.doubled
    assert set(found.differences) >= completed
    assert found.alerts == found.sources > 0
    with prompt_processing.open(site.folder) as results:
        assert Counter(results.outcomes["outcome"]) == Counter(outcomes.values())
        assert len(results.dia_sources) == found.sources
