"""Masters made from files, for good: into a repository, with figures and pictures."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from attrs import frozen
from lsst.daf.butler import Butler

from domain.cameras.camera import Camera
from domain.cameras.corrections import DetectorCorrections
from simulator.errors import SimulatorError
from workbench.masters.calibration_repository import opened
from workbench.masters.detector_masters import Lacking, Master, masters_of
from workbench.masters.found_masters import certified_masters
from workbench.masters.master_quality import Quality, measure_quality, pixels_of
from workbench.masters.pictures import write_picture
from workbench.masters.recorded_calibrations import RecordedCalibrations
from workbench.masters.stored_masters import put_masters
from workbench.pace import Pace
from workbench.recorded_frames import read_frames
from workbench.repository import open_repository
from workbench.same_exposures import without_copies

__all__ = ["Built", "build_masters"]


@frozen(kw_only=True)
class Built:
    """What became of frames."""

    run: str
    masters: tuple[tuple[Master, Quality], ...]
    lacking: tuple[Lacking, ...]
    pictures: Path


def build_masters(
    paths: Sequence[Path],
    camera: Camera,
    corrections: Mapping[int, DetectorCorrections],
    root: str,
    *,
    run: str,
    pictures: Path,
    pace: Pace | None = None,
) -> Built:
    """Make all masters that frames allow, and store them; nothing is certified.

    Parameters
    ----------
    paths
        Files, and folders with all in them: bias, dark and flat frames; others
        are not looked at.
    camera
        Whose they are.
    corrections
        What is known of its detectors.
    root
        The repository, which is made if there is none. What it has certified for
        the frames' time corrects them, as far as they make no such masters.
    run
        The collection for them, which must not exist.
    pictures
        Folder for a PNG of each.
    pace
        Of the work.

    Raises
    ------
    SimulatorError
        Raised if no master can be made.
    """
    pace = pace or Pace()
    frames = without_copies(read_frames(paths, camera, pace), camera)
    calibrations = RecordedCalibrations(frames, corrections)
    certified = _certified(root, calibrations)

    def make(detector: int) -> list[tuple[Master, Quality] | Lacking]:
        pace.step("making masters of detectors", len(calibrations.detectors))
        filters = calibrations.filters_of(detector)
        return [
            one if isinstance(one, Lacking) else (one, measure_quality(one, camera))
            for one in masters_of(camera, calibrations, detector, filters, certified.get(detector))
        ]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        made = [one for several in pool.map(make, calibrations.detectors) for one in several]
    lacking = tuple(one for one in made if isinstance(one, Lacking))
    masters = tuple(one for one in made if not isinstance(one, Lacking))
    if not masters:
        reasons = "; ".join(dict.fromkeys(one.reason for one in lacking))
        raise SimulatorError(f"no master can be made: {reasons or 'no bias, dark or flat frames'}")
    with pace.unbroken():
        repository = open_repository(root, camera)
    with repository as butler:
        put_masters(butler, camera, run, masters, pace)
    for master, _ in pace.over("drawing masters", masters):
        pixels = pixels_of(master, camera)
        if pixels is not None:
            with pace.unbroken():
                write_picture(pictures / f"{_stem(master)}.png", pixels)
    return Built(run=run, masters=masters, lacking=lacking, pictures=pictures)


def _certified(root: str, calibrations: RecordedCalibrations) -> dict[int, Mapping[str, Any]]:
    """Read what is certified for the time of each detector's first frame."""
    firsts = {detector: calibrations.first(detector) for detector in calibrations.detectors}
    with opened(root if Butler.has_repo_config(root) else None) as butler:
        return {
            detector: certified_masters(butler, first)
            for detector, first in firsts.items()
            if butler is not None and first is not None
        }


def _stem(master: Master) -> str:
    parts = (master.dataset_type, master.data_id["detector"], master.data_id.get("physical_filter", ""))
    return "-".join(str(part).replace("/", "_") for part in parts if part != "")
