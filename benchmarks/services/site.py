"""A site on one server: from a frame's last byte to alerts and outcomes, and its memory."""

import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.report import table
from benchmarks.services.site_frames import FieldVisits, make_night, write_camera
from benchmarks.services.site_process import Site
from simulator.world.skymap import SKYMAP

__all__ = ["main"]

_FRAMES = 5
_IDLE = 20.0  # Seconds after which processes for images are ended.
_ENDED = 15.0  # Seconds that they get for it.
_COLUMNS = (
    "detectors", "first frame, s", "others: alerts, s", "outcomes, s", "worst, s",
    "at work, MB", "idle, MB", "processes",
)  # fmt: skip


def main() -> None:
    """Measure a site with one detector and one with eight, two workers each."""
    rows = [_measure(detectors) for detectors in (1, 8)]
    notes = (
        "from a file's last byte to its last alert and to the outcomes of all its detectors, quiet seconds",
        "included: medians, and the worst of the outcomes; the first frame is timed to its outcomes",
        "memory is that of the process tree; pages that processes share are counted in each",
    )
    print(table("A site with two workers, ApPipe", _COLUMNS, rows, notes))


def _measure(detectors: int) -> list[str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_camera(folder / "camera.yaml", detectors)
        night = make_night(folder / "camera.yaml", _FRAMES)
        frames = night.write_frames(folder)
        site = Site(folder / "site")
        site.call("init", "--camera", str(folder / "camera.yaml"))
        night.furnish(site.folder / "central")
        site.change_settings(skymap=SKYMAP, workers=2, child_idle_s=_IDLE)
        with site.running() as running:
            took = [_time(site, night, number, frame) for number, frame in enumerate(frames)]
            busy = running.memory
            time.sleep(_IDLE + _ENDED)
            idle, count = running.memory, running.count
    (_, first), *others = took
    alerts, outcomes = zip(*others, strict=True)
    numbers = (first, median(alerts), median(outcomes), max(outcomes))
    return [str(detectors), *(f"{one:.1f}" for one in numbers), f"{busy:.0f}", f"{idle:.0f}", str(count)]


def _time(site: Site, night: FieldVisits, number: int, frame: Path) -> tuple[float, float]:
    """Let a frame appear; returns the seconds until its last alert and its last outcome."""
    part = site.folder / "incoming" / f"{number}.part"
    shutil.copy(frame, part)
    part.rename(part.with_suffix(".fits"))
    return site.time_to_end(night.visits[number].group, len(night.camera.detectors), time.time())
