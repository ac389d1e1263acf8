"""Frames reduced one by one: to an image, a catalogue and a picture, with whatever calibrations there are."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from attrs import evolve, frozen
from lsst.daf.butler import Butler

from domain.cameras.camera import Camera
from domain.cameras.camera_dict import camera_as_dict
from prompt_pipelines.camera import CameraDict
from prompt_pipelines.errors import PromptPipelinesError, UnusableImageError
from prompt_pipelines.positions import pixel_scale
from prompt_pipelines.raw import read_raw
from prompt_pipelines.tasks.calibrate_visit import CalibrateVisitTask
from simulator.errors import SimulatorError
from workbench.masters.detector_masters import Lacking, masters_of
from workbench.masters.found_masters import certified_masters, reference_stars
from workbench.masters.pictures import write_picture
from workbench.masters.recorded_calibrations import RecordedCalibrations
from workbench.pace import Pace
from workbench.recorded_frames import RecordedFrame, read_frames
from workbench.reduction.reduced_files import write_catalogue, write_image
from workbench.reduction.single_exposures import SingleFrame, default_task, process_exposure
from workbench.same_exposures import without_copies

__all__ = ["Failed", "Reduced", "reduce_frames"]

_log = logging.getLogger(__name__)

_MARKED = 300  # brightest sources with a circle in the picture


@frozen(kw_only=True)
class Reduced:
    """What was made of a frame."""

    file: Path
    image: Path
    catalogue: Path
    picture: Path
    facts: Mapping[str, Any]
    """Numbers and words about it, with units in their names."""


@frozen(kw_only=True)
class Failed:
    """A frame of which nothing could be made."""

    file: Path
    reason: str
    is_logged: bool = False
    """Whether the log has named it already, with a better reason."""


def reduce_frames(
    paths: Sequence[Path], camera: Camera, butler: Butler | None, folder: Path, pace: Pace | None = None
) -> Iterator[Reduced | Failed]:
    """Reduce all science frames among files.

    Parameters
    ----------
    paths
        Files, and folders with all in them. Of bias, dark and flat frames among
        them masters are made, which come before the repository's.
    camera
        Whose they are.
    butler
        A repository with certified masters and a reference catalogue; None is
        none.
    folder
        For the results.
    pace
        Of the work.

    Raises
    ------
    SimulatorError
        Raised if there is no science frame.
    """
    pace = pace or Pace()
    frames = without_copies(read_frames(paths, camera, pace), camera)
    frames.tell_unused()
    science = frames.of_kind("science")
    if not science:
        raise SimulatorError(f"no science exposures ({frames})")
    seen = {frame.exposure.detector for frame in science}
    needed = [frame for frame in frames.frames if frame.exposure.detector in seen]
    calibrations = RecordedCalibrations(evolve(frames, frames=tuple(needed)))
    reducer = _Reducer(camera, calibrations, butler, folder, pace)
    for path in frames.unreadable:
        yield Failed(file=path, reason="it is left out: the log says why", is_logged=True)
    for frame in pace.over("reducing frames", science):
        try:
            yield reducer.reduce(frame)
        except (PromptPipelinesError, SimulatorError, OSError) as error:
            yield Failed(file=frame.path, reason=str(error).removeprefix(f"{frame.path}: "))


class _Reducer:
    """Makes the masters of a detector and filter once."""

    def __init__(
        self,
        camera: Camera,
        calibrations: RecordedCalibrations,
        butler: Butler | None,
        folder: Path,
        pace: Pace,
    ) -> None:
        self._pace = pace
        self._camera = camera
        self._description = cast(CameraDict, camera_as_dict(camera))
        self._calibrations = calibrations
        self._butler = butler
        self._folder = folder
        self._own: dict[tuple[int, str], dict[str, Any]] = {}

    def reduce(self, frame: RecordedFrame) -> Reduced:
        began = time.perf_counter()
        exposure = frame.exposure
        certified = {} if self._butler is None else certified_masters(self._butler, exposure)
        own = self._masters(exposure.detector, exposure.physical_filter, certified)
        masters = {**certified, **own}
        made = process_exposure(exposure, read_raw(frame.path, frame.hdus), self._description, masters)
        calibration = self._calibrate(made, frame)
        stem = self._stem(frame)
        image, catalogue, picture = (
            self._folder / f"{stem}{ending}" for ending in (".fits", "-sources.ecsv", ".png")
        )
        with self._pace.unbroken():
            write_image(image, made, calibration)
        with self._pace.unbroken():
            write_catalogue(catalogue, made, calibration)
        brightest = np.argsort(-np.asarray(made.sources["flux"]))[:_MARKED]
        marks = [(float(made.sources["x"][at]), float(made.sources["y"][at])) for at in brightest]
        with self._pace.unbroken():
            write_picture(picture, made.image.image.array, asinh=True, marks=marks)
        facts = {**_facts(frame, made, calibration), "seconds": round(time.perf_counter() - began, 2)}
        return Reduced(file=frame.path, image=image, catalogue=catalogue, picture=picture, facts=facts)

    def _masters(self, detector: int, physical_filter: str, certified: Mapping[str, Any]) -> dict[str, Any]:
        key = (detector, physical_filter)
        if key not in self._own:
            made = list(masters_of(self._camera, self._calibrations, detector, [physical_filter], certified))
            for one in made:
                if isinstance(one, Lacking):
                    _log.warning("detector %d is calibrated without a master: %s", detector, one.reason)
            self._own[key] = {one.dataset_type: one.content for one in made if not isinstance(one, Lacking)}
        return self._own[key]

    def _calibrate(self, made: SingleFrame, frame: RecordedFrame) -> Mapping[str, Any] | None:
        """Compare with the repository's reference stars; None if there are none, or they do not fit."""
        band = self._camera.filters.get(frame.exposure.physical_filter, "")
        if self._butler is None:
            return None
        reference = reference_stars(self._butler, self._camera.instrument, made.image)
        if reference is None:
            return None
        try:
            outputs = default_task(CalibrateVisitTask).run(made.image, made.sources, reference, band)
        except UnusableImageError as error:
            _log.warning("%s is not calibrated by stars: %s", frame.path, error)
            return None
        return cast(Mapping[str, Any], outputs.visit_calibration)

    def _stem(self, frame: RecordedFrame) -> str:
        """Name results as the frame; if the camera has several detectors, with the detector's name."""
        stem = _without_suffix(frame.path)
        name = self._camera.detector(frame.exposure.detector).name
        return stem if len(self._camera.detectors) == 1 or name in stem else f"{stem}-{name}"


def _without_suffix(path: Path) -> str:
    stem = path
    while stem.suffix.lower() in {".gz", ".fz", ".fits", ".fit", ".fts"}:
        stem = stem.with_suffix("")
    return stem.name


def _facts(frame: RecordedFrame, made: SingleFrame, calibration: Mapping[str, Any] | None) -> dict[str, Any]:
    exposure, image, tasks = frame.exposure, made.image, made.facts
    stars = tasks["psf_stars"]
    scale = (
        None
        if image.sky_projection is None
        else round(pixel_scale(cast(Any, image.sky_projection), image.bbox), 5)
    )
    return {
        "obs_id": exposure.obs_id,
        "detector": exposure.detector,
        "physical_filter": exposure.physical_filter,
        "exposure_time_s": exposure.exposure_time,
        "calibrations": str(image.metadata["calibrations"]).split(),
        "calibrations_missing": str(image.metadata["calibrations_missing"]).split(),
        "sources": len(made.sources),
        "psf_stars": stars,
        "psf_fwhm_pixels": round(tasks["psf_fwhm_pixels"], 3) if stars else None,
        "pixel_scale_arcsec": scale,
        "sky_level_electron": round(tasks["sky_level"], 3),
        "sky_noise_electron": round(tasks["sky_noise"], 3),
        "saturated_pixels": tasks["saturated_pixels"],
        "bad_pixels": tasks["bad_pixels"],
        "calibration_by_stars": None if calibration is None else dict(calibration),
    }
