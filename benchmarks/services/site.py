"""A site on one server: from a frame's last byte to its outcomes, and its memory with and without frames."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import yaml

from adapters.host.processes import processes_of
from adapters.sqlite.store import SqliteStore
from benchmarks.report import table
from benchmarks.services.site_frames import Night, make_night, write_camera
from domain.work.attempts import WorkHistory
from simulator.world.skymap import SKYMAP

__all__ = ["main"]

_FRAMES = 4
_IDLE = 20.0  # Seconds after which processes for images are ended.
_ENDED = 15.0  # Seconds that they get for it.
_MB = 1e6
_COLUMNS = ("detectors", "first frame, s", "others, s", "worst, s", "at work, MB", "idle, MB", "processes")


def main() -> None:
    """Measure a site with one detector and one with six, two workers each."""
    rows = [_measure(detectors) for detectors in (1, 6)]
    notes = (
        "from a file's last byte to the outcomes of all its detectors, its quiet seconds included",
        "memory is that of the process tree; pages that processes share are counted in each",
    )
    print(table("A site with two workers, ApPipe", _COLUMNS, rows, notes))


def _measure(detectors: int) -> list[str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_camera(folder / "camera.yaml", detectors)
        night = make_night(folder / "camera.yaml", _FRAMES)
        frames = night.write_frames(folder)
        site = folder / "site"
        _make(site, night, folder / "camera.yaml")
        with _running(site) as process:
            took = [_time(site, night, number, frame) for number, frame in enumerate(frames)]
            busy = _memory(process)
            time.sleep(_IDLE + _ENDED)
            idle = _memory(process)
            count = len(processes_of(process.pid))
    first, *others = took
    numbers = (f"{first:.1f}", f"{median(others):.1f}", f"{max(others):.1f}", f"{busy:.0f}", f"{idle:.0f}")
    return [str(detectors), *numbers, str(count)]


def _make(site: Path, night: Night, camera: Path) -> None:
    subprocess.run(_command("init", str(site), "--camera", str(camera)), check=True, capture_output=True)  # noqa: S603 - our own
    night.furnish(site / "central")
    settings = yaml.safe_load((site / "site.yaml").read_text())
    own = {"skymap": SKYMAP, "workers": 2, "child_idle_s": _IDLE}
    (site / "site.yaml").write_text(yaml.safe_dump({**settings, **own}))


@contextmanager
def _running(site: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(_command("run", str(site)), stdout=subprocess.DEVNULL) as process:  # noqa: S603 - our own
        try:
            yield process
        finally:
            process.terminate()


def _time(site: Path, night: Night, number: int, frame: Path) -> float:
    """Let a frame appear; returns the seconds until all its detectors have their outcome."""
    part = site / "incoming" / f"{number}.part"
    shutil.copy(frame, part)
    part.rename(part.with_suffix(".fits"))
    begin, group = time.time(), night.visits[number].group
    store = SqliteStore(f"sqlite:///{site / 'state' / 'ledger.db'}")
    store.open()
    try:
        while True:
            histories = store.histories(night.camera.instrument, None)
            ends = [
                one.last.ended
                for one in histories
                if isinstance(one, WorkHistory)
                and one.identity.group == group
                and one.last is not None
                and one.last.final
                and one.last.ended is not None
            ]
            if len(ends) == len(night.camera.detectors):
                return max(ends) - begin
            time.sleep(0.1)
    finally:
        store.close()


def _memory(process: "subprocess.Popen[bytes]") -> float:
    return sum(one.memory for one in processes_of(process.pid)) / _MB


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "entrypoints", "site", *arguments]
