"""A site at full size, from the wheel alone: frames dropped as they may, all killed, three nights."""

import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
import yaml
from astropy.table import Table, vstack

from adapters.files.cameras import load_camera
from benchmarks.services.site_frames import write_camera
from benchmarks.services.site_process import Site, ask, wait_until
from benchmarks.services.site_tally import tally
from domain.times import TaiSeconds
from domain.work.outcomes import Completed, describe
from entrypoints.containers.results import dia_sources
from simulator.summit.short_nights import Field, ShortNights
from workbench.night.apdb import source_table
from workbench.night.kept_night import DATABASE

__all__ = ["main"]

_CADENCE: Final = 60.0
"""Seconds from frame to frame."""
_DETECTORS: Final = 8
_VISITS: Final = (5, 2, 1)
"""To each field, night by night: for templates; with a new star; again."""
_FIELDS: Final = tuple(
    Field(name=name, ra=ra, dec=dec, physical_filter=physical_filter, aside=40 / 3600)
    for name, ra, dec, physical_filter in (
        ("one", 149.9, 2.2, "r_sim"),
        ("two", 210.0, -30.0, "i_sim"),
        ("three", 35.0, 15.0, "r_sim"),
        ("four", 300.0, -5.0, "i_sim"),
    )
)
_SETTINGS: Final = {"workers": 2, "child_idle_s": 60.0, "upkeep": ["templates"], "upkeep_idle_s": 120.0}
_PATIENCE: Final = 1800.0
_NEAR: Final = 1.0  # Arcseconds.


def main() -> None:
    """Serve three nights, and say what came of them; raises if anything is lost or doubled."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_camera(root / "camera.yaml", _DETECTORS)
        camera = load_camera(str(root / "camera.yaml"))
        nights = ShortNights(camera=camera, fields=_FIELDS, begin=TaiSeconds(1_773_456_164.0))
        site = Site(root / "site", (_install(root),))
        _write_stars(root, nights)
        catalogue = ("--reference-catalogue", "stars.ecsv", "--columns", "columns.yaml")
        site.call("init", "--camera", "camera.yaml", *catalogue)
        site.change_settings(**_SETTINGS)
        frames = [
            sorted(nights.write(root / f"{n}", n, visits), key=_number) for n, visits in enumerate(_VISITS)
        ]
        _first_night(site, frames[0])
        took = _second_night(site, frames[1])
        site.change_settings(upkeep=[])
        with site.running() as running:
            took += _timed(site, frames[2])
            wait_until(lambda: running.count == 1, _PATIENCE)
            idle = running.memory
            status = json.loads(site.call("status", "--json"))
            site.call("stop")
        _say(site, camera.instrument, took, idle, status)


def _install(root: Path) -> str:
    """Build the wheel, and install it into an environment of its own; returns its program."""
    begin = time.monotonic()
    wheels, fresh = root / "wheels", root / "fresh"
    for command in (
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels), "."],
        [sys.executable, "-m", "venv", str(fresh)],
    ):
        subprocess.run(command, check=True)  # noqa: S603 - our own
    (wheel,) = wheels.iterdir()
    subprocess.run([str(fresh / "bin" / "pip"), "install", "--quiet", str(wheel)], check=True)  # noqa: S603 - our own
    print(f"{wheel.name} is installed after {time.monotonic() - begin:.0f} s", flush=True)
    return str(fresh / "bin" / "prompt-processing")


def _write_stars(root: Path, nights: ShortNights) -> None:
    stars = [nights.sky(field, 0).stars for field in nights.fields]
    bands = list(stars[0].flux)
    tables = [
        Table({"ra": one.ra, "dec": one.dec, **{band: one.flux[band] for band in bands}}) for one in stars
    ]
    vstack(tables).write(root / "stars.ecsv")
    columns = {"ra": "ra", "dec": "dec", "fluxes": {band: {"flux": band, "unit": "nJy"} for band in bands}}
    (root / "columns.yaml").write_text(yaml.safe_dump(columns))


def _number(frame: Path) -> tuple[int, str]:
    """Sort frames as they are observed: field by field, again and again."""
    _, name, number, *_ = frame.name.split("-")
    return int(number), name


def _first_night(site: Site, frames: Sequence[Path]) -> None:
    """Drop frames while the site is killed twice, and wait until it has built templates of them."""
    dropping = threading.Thread(target=_drop, args=(frames, site.folder / "incoming"))
    dropping.start()
    _killed(site, lambda: bool(ask(site.work, "SELECT 1 FROM delivery WHERE consumer IS NOT NULL")))
    wait_until(lambda: len(list((site.folder / "incoming").iterdir())) > len(frames) // 2, _PATIENCE)
    before = len(ask(site.ledger, "SELECT 1 FROM claim"))
    _killed(site, lambda: len(ask(site.ledger, "SELECT 1 FROM claim")) > before)
    with site.running():
        dropping.join()
        wait_until(lambda: len(site.finals()) == len(frames) * _DETECTORS, _PATIENCE)
        wait_until(lambda: '"templates"' in _read(site.folder / "state" / "jobs.json"), _PATIENCE)
        site.call("stop")


def _second_night(site: Site, frames: Sequence[Path]) -> list[tuple[float, float]]:
    """Drop a frame and kill the site while its DiaSources are stored; time the others."""
    _put(frames[0], site.folder / "incoming")
    _killed(site, lambda: bool(ask(site.apdb, 'SELECT 1 FROM "DiaSource"')))
    with site.running():
        site.time_to_end(_group(frames[0]), _DETECTORS, time.time(), _PATIENCE)
        took = _timed(site, frames[1:])
        site.call("stop")
    return took


def _timed(site: Site, frames: Sequence[Path]) -> list[tuple[float, float]]:
    """Drop frames at their cadence, but none before all of the last one has its outcome."""
    took = []
    for frame in frames:
        _put(frame, site.folder / "incoming")
        took.append(site.time_to_end(_group(frame), _DETECTORS, time.time(), _PATIENCE))
        time.sleep(max(0.0, _CADENCE - took[-1][1]))
    return took


def _killed(site: Site, stage: Callable[[], bool]) -> None:
    with site.running() as running:
        wait_until(stage, _PATIENCE)
        running.kill()
    print(f"killed with {len(site.finals())} outcomes", flush=True)


def _drop(frames: Sequence[Path], incoming: Path) -> None:
    """Write frames as cameras and people do: one is torn before it comes whole, one comes twice."""
    ways = (_put, _write_slowly, _put_packed)
    for number, frame in enumerate(frames):
        begin = time.monotonic()
        ways[number % len(ways)](frame, incoming)
        if number == 1:
            shutil.copy(frames[0], incoming / "again.fits")
        if number == 2:
            torn = incoming / "torn.fits"
            torn.write_bytes(frames[-1].read_bytes()[:1_000_000])
            os.utime(torn, (begin, begin))
        time.sleep(max(0.0, _CADENCE - (time.monotonic() - begin)))


def _put(frame: Path, incoming: Path) -> None:
    part = incoming / f"{frame.name}.part"
    shutil.copy(frame, part)
    part.rename(part.with_suffix(""))


def _write_slowly(frame: Path, incoming: Path) -> None:
    content = frame.read_bytes()
    with (incoming / frame.name).open("wb") as slow:
        for begin in range(0, len(content), 1_000_000):
            slow.write(content[begin : begin + 1_000_000])
            slow.flush()
            time.sleep(1.0)


def _put_packed(frame: Path, incoming: Path) -> None:
    part = incoming / f"{frame.name}.gz.part"
    part.write_bytes(gzip.compress(frame.read_bytes(), 1))
    part.rename(part.with_suffix(""))


def _group(frame: Path) -> str:
    """Name the group of a file, which its name begins with."""
    return "-".join(frame.name.split("-")[:3])


def _read(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def _say(
    site: Site, instrument: str, took: Sequence[tuple[float, float]], idle: float, status: dict[str, object]
) -> None:
    found = tally(site, instrument)
    frames = sum(_VISITS) * len(_FIELDS)
    print(f"files {status['frames']}; queue {status['queue']}")
    print(f"{frames} exposures of {_DETECTORS} detectors: {dict(Counter(found.outcomes.values()))}")
    print(f"{found.images.total()} images, {found.differences.total()} differences, ", end="")
    print(f"{found.sources} DiaSources, {found.alerts} alerts; lost {found.lost}; doubled {found.doubled}")
    for (group, detector), last in site.finals().items():
        if last.outcome is not None and not isinstance(last.outcome, Completed):
            print(f"  {group} detector {detector}: {describe(last.outcome)}")
    supernovae = {field.name: _supernova(site, field) for field in _FIELDS}
    for name, seen in supernovae.items():
        print(f"supernova of {name}: {len(seen)} visits, DiaObjects {set(seen.values())}")
    alerts, outcomes = zip(*took, strict=True)
    print(f"from a frame's last byte, s: its last alert {np.nanmedian(alerts):.1f} at the median,", end=" ")
    print(f"{np.nanmax(alerts):.1f} at worst; its last outcome {median(outcomes):.1f}, {max(outcomes):.1f}")
    print(f"idle: 1 process, {idle:.0f} MB")
    assert len(found.outcomes) == frames * _DETECTORS
    assert not found.lost
    assert not found.doubled
    assert all(len(set(seen.values())) == 1 for seen in supernovae.values())


def _supernova(site: Site, field: Field) -> dict[int, int]:
    """Find the DiaObject at a field's new star on each visit."""
    sources = source_table(dia_sources(site.folder / "apdb" / DATABASE))
    ra, dec = field.supernova
    east = (np.asarray(sources["ra"]) - ra) * np.cos(np.deg2rad(dec))
    near = np.hypot(east, np.asarray(sources["dec"]) - dec) * 3600.0 < _NEAR
    return {int(one["visit"]): int(one["object"]) for one in sources[near]}
