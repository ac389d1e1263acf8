"""A site on which frames drop as they may, and whose processes are all killed at three stages."""

import contextlib
import gzip
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from lsst.daf.butler import Butler

import prompt_processing
from adapters.common.history import history_from_json
from adapters.host.processes import processes_of
from benchmarks.services.site_frames import make_night, write_camera
from domain.visit import Identity
from domain.work.outcomes import RULES
from entrypoints.settings.site import SiteFolder
from entrypoints.site import lock
from simulator.world.skymap import SKYMAP

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(400)]

_VISITS, _DETECTORS = 3, 2


def site_command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "entrypoints", "site", *arguments]


def run_command(*arguments: str) -> str:
    done = subprocess.run(site_command(*arguments), capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextlib.contextmanager
def running(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(site_command("run", str(folder)), stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        try:
            yield process
        finally:
            process.kill()


def kill_all(process: "subprocess.Popen[str]") -> None:
    for one in processes_of(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(one.pid, signal.SIGKILL)


def wait_until(condition: Callable[[], bool], patience: float = 150.0) -> None:
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def ask(database: Path, query: str) -> list[tuple[Any, ...]]:
    """Read a table that may not be there yet."""
    try:
        with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()
    except sqlite3.OperationalError:
        return []


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
    folder = tmp_path / "site"
    write_camera(tmp_path / "camera.yaml", _DETECTORS)
    night = make_night(tmp_path / "camera.yaml", _VISITS + 1)
    frames = night.write_frames(tmp_path)
    run_command("init", str(folder), "--camera", str(tmp_path / "camera.yaml"))
    night.furnish(folder / "central")
    settings = yaml.safe_load((folder / "site.yaml").read_text())
    (folder / "site.yaml").write_text(
        yaml.safe_dump({**settings, "skymap": SKYMAP, "workers": 2, "quiet_s": 1.0, "grace_s": 30.0})
    )
    ledger, work = folder / "state" / "ledger.db", folder / "state" / "work.db"
    stages: list[Callable[[], bool]] = [
        lambda: bool(ask(work, "SELECT 1 FROM delivery WHERE consumer IS NOT NULL")),
        lambda: bool(ask(ledger, "SELECT 1 FROM claim")),
        lambda: bool(ask(folder / "apdb" / "apdb.db", 'SELECT 1 FROM "DiaSource"')),
    ]
    dropping = threading.Thread(target=drop, args=(frames, folder / "incoming"))
    dropping.start()
    for stage in stages:
        with running(folder) as site:
            wait_until(stage)
            kill_all(site)
    dropping.join()
    with running(folder):
        wait_until(lambda: lock.find_holder(SiteFolder(folder)) is not None)
        second = subprocess.run(site_command("run", str(folder)), capture_output=True, text=True, check=False)  # noqa: S603 - our own
        assert (second.returncode, "is run already by process" in second.stderr) == (1, True)
        wait_until(lambda: len(finals(folder)) == _VISITS * _DETECTORS)
        wait_until(lambda: not ask(work, "SELECT 1 FROM delivery"))
        status = json.loads(run_command("status", str(folder), "--json"))
        assert status["run_by"] is not None
        run_command("stop", str(folder))
    check(folder, status)


def finals(folder: Path) -> dict[tuple[str, int], str]:
    """Find the final outcome of each group and detector."""
    rows = ask(folder / "state" / "ledger.db", "SELECT visit_group, detector, record FROM history")
    found = {}
    for group, detector, record in rows:
        last = history_from_json(Identity("SimMosaic", group, detector), record).last
        if last is not None and last.final and last.outcome is not None:
            found[group, detector] = RULES[type(last.outcome)].name
    return found


def check(folder: Path, status: dict[str, Any]) -> None:
    """See that each detector has one outcome, and what was made of it is there once."""
    # What was killed after its claim is left as it is: its changes may have been made.
    outcomes = finals(folder)
    assert {group for group, _ in outcomes} == {f"night-{number}" for number in range(_VISITS)}
    assert len(outcomes) == _VISITS * _DETECTORS
    assert set(outcomes.values()) <= {"completed", "failed after change"}
    completed = {key for key, outcome in outcomes.items() if outcome == "completed"}
    assert len(completed) >= len(outcomes) - 3
    assert ask(folder / "state" / "work.db", "SELECT 1 FROM dead_letter") == []
    assert status["frames"] == {"taken": _VISITS, "copy": 1, "unfinished": 1}
    assert status["queue"] == {"waiting": 0, "leased": 0, "dead": 0}
    (torn,) = (one for one in status["not_processed"] if one["file"].endswith("torn.fits"))
    assert "truncated" in torn["reason"]
    stored = read_registry(folder / "central")
    assert set(stored) >= completed
    assert set(stored.values()) == {1}
    sources = ask(folder / "apdb" / "apdb.db", 'SELECT visit, detector, diaSourceId, x, y FROM "DiaSource"')
    assert sources
    assert len({source[2] for source in sources}) == len(sources)
    assert len({(visit, detector, x, y) for visit, detector, _, x, y in sources}) == len(sources)
    with prompt_processing.open(folder) as results:
        assert Counter(results.outcomes["outcome"]) == Counter(outcomes.values())
        assert len(results.dia_sources) == len(sources)
        # Those of what was killed after its claim may never have been written.
        alerts = Counter(alert["diaSourceId"] for alert in results.alerts)
    assert set(alerts.values()) == {1}
    assert set(alerts) <= {source[2] for source in sources}


def read_registry(central: Path) -> Counter[tuple[str, int]]:
    """Count the difference images of each group and detector, whose files must be there."""
    with Butler.from_config(str(central)) as butler:
        groups = {
            record.id: record.group
            for record in butler.query_dimension_records("exposure", instrument="SimMosaic")
        }
        found: Counter[tuple[str, int]] = Counter()
        for ref in butler.query_all_datasets("SimMosaic/prompt/*", name="difference_image", find_first=False):
            assert butler.getURI(ref).exists()
            found[groups[int(ref.dataId["visit"])], int(ref.dataId["detector"])] += 1
    return found
