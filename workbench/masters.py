"""Master calibrations of a night, made from its frames as an observatory makes them."""

import logging
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import cast

from attrs import evolve, frozen
from lsst.images import Image, MaskedImage

from domain.cameras.camera import Camera
from domain.cameras.camera_dict import camera_as_dict
from prompt_pipelines.calibrations import combine_biases, combine_darks, combine_flats
from prompt_pipelines.camera import CameraDict, find_detector
from prompt_pipelines.errors import PromptPipelinesError
from prompt_pipelines.raw import RawFrame
from simulator.errors import SimulatorError
from simulator.summit.night import CalibrationFrames, NightPlan, PlannedVisit

__all__ = ["Lacking", "Master", "make_masters", "masters_of", "without_lacking"]

_log = logging.getLogger(__name__)


@frozen(kw_only=True, eq=False)
class Master:
    """One master frame."""

    dataset_type: str
    """``bias``, ``dark`` or ``flat``."""
    data_id: dict[str, str | int]
    image: Image | MaskedImage

    @property
    def name(self) -> str:
        """What it is, for people."""
        of = f"{self.dataset_type} of detector {self.data_id['detector']}"
        return f"{of} in {self.data_id['physical_filter']}" if "physical_filter" in self.data_id else of


@frozen(kw_only=True)
class Lacking:
    """A master that could not be made of the frames that there are."""

    detector: int
    physical_filter: str | None
    """Of a flat; None: without this bias the detector is of no use in any filter."""
    reason: str

    def concerns(self, visit: PlannedVisit, detector: int) -> bool:
        """Tell whether a visit-detector cannot be calibrated for want of it."""
        return detector == self.detector and self.physical_filter in {None, visit.physical_filter}


def make_masters(plan: NightPlan) -> Iterator[Master | Lacking]:
    """Make the masters that a night needs, as far as there are frames for them."""
    # Threads help: most of it is in functions that let go of the interpreter.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for masters in pool.map(
            lambda detector: list(
                masters_of(plan.camera, plan.calibrations, detector, plan.filters_of(detector))
            ),
            plan.detectors,
        ):
            yield from masters


def without_lacking(plan: NightPlan, lacking: Sequence[Lacking]) -> NightPlan:
    """Leave out of a plan what cannot be calibrated, and name it in the log.

    Raises
    ------
    SimulatorError
        Raised if nothing is left; the text says why.
    """
    visits = []
    for visit in plan.visits:
        kept = []
        for detector in visit.detectors:
            reasons = [one.reason for one in lacking if one.concerns(visit, detector)]
            if reasons:
                _log.warning("%s, detector %d, left out: %s", visit.group, detector, "; ".join(reasons))
            else:
                kept.append(detector)
        if kept:
            visits.append(evolve(visit, detectors=tuple(kept)))
    if not visits:
        reasons = list(dict.fromkeys(one.reason for one in lacking))
        raise SimulatorError(f"nothing of the night can be calibrated: {'; '.join(reasons)}")
    return evolve(plan, visits=tuple(visits))


def masters_of(
    camera: Camera, frames: CalibrationFrames, detector: int, filters: Sequence[str]
) -> Iterator[Master | Lacking]:
    """Make the masters of one detector: bias, dark, and a flat in each filter.

    Nothing is made, nor said to be lacking, of what there are no frames.
    """
    description = cast(CameraDict, camera_as_dict(camera))
    data_id: dict[str, str | int] = {"instrument": camera.instrument, "detector": detector}
    try:
        bias, darks = _bias(frames, description, detector)
    except (PromptPipelinesError, SimulatorError) as error:
        yield Lacking(detector=detector, physical_filter=None, reason=str(error))
        return
    if bias is not None:
        yield Master(dataset_type="bias", data_id=data_id, image=bias)
    dark = _dark(darks, bias, description, detector)
    if dark is not None:
        yield Master(dataset_type="dark", data_id=data_id, image=dark)
    for physical_filter in filters:
        try:
            flats = frames.flats(detector, physical_filter)
            if not flats:
                continue
            flat = combine_flats(flats, bias, description, detector, dark)
        except (PromptPipelinesError, SimulatorError) as error:
            yield Lacking(detector=detector, physical_filter=physical_filter, reason=str(error))
            continue
        flat_id = data_id | {"physical_filter": physical_filter}
        yield Master(dataset_type="flat", data_id=flat_id, image=flat)


def _bias(
    frames: CalibrationFrames, camera: CameraDict, detector: int
) -> tuple[Image | None, Sequence[RawFrame]]:
    """Make the bias; returns what dark frames are left to measure the dark current with."""
    biases = frames.biases(detector)
    try:
        darks = frames.darks(detector)
    except SimulatorError as error:
        _log.warning("detector %d is calibrated without dark: %s", detector, error)
        darks = []
    if biases:
        return combine_biases(biases, camera, detector), darks
    if not darks or _has_overscan(camera, detector):
        return None, darks
    # Nothing but the darks tells the offset: those of one exposure time hold it with their dark current.
    by_time: dict[float, list[RawFrame]] = defaultdict(list)
    for dark in darks:
        by_time[dark.exposure_time or 0.0].append(dark)
    seconds, chosen = max(by_time.items(), key=lambda pair: len(pair[1]))
    _log.warning(
        "detector %d has neither overscan nor bias frames: its %d dark frames of %g s serve as bias, which is"
        " right for exposures of that time",
        detector,
        len(chosen),
        seconds,
    )
    return combine_biases(chosen, camera, detector), ()


def _has_overscan(camera: CameraDict, detector: int) -> bool:
    boxes = [amplifier["overscan"] for amplifier in find_detector(camera, detector)["amplifiers"]]
    return all(box[1] > box[0] for box in boxes)


def _dark(
    frames: Sequence[RawFrame], bias: Image | None, camera: CameraDict, detector: int
) -> MaskedImage | None:
    if not frames:
        return None
    try:
        return combine_darks(frames, bias, camera, detector)
    except PromptPipelinesError as error:
        _log.warning("detector %d is calibrated without dark: %s", detector, error)
        return None
