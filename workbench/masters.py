"""Master calibrations of a night, made from its frames as an observatory makes them."""

import logging
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from attrs import evolve, frozen
from lsst.images import Image, MaskedImage

from domain.cameras.camera import Camera
from domain.cameras.camera_dict import camera_as_dict
from domain.cameras.corrections import DetectorCorrections, datasets_of
from prompt_pipelines.calibrations import combine_biases, combine_darks, combine_flats
from prompt_pipelines.camera import CameraDict, DetectorDict, find_detector
from prompt_pipelines.defects import boxes_of, find_defects
from prompt_pipelines.errors import PromptPipelinesError
from prompt_pipelines.raw import RawFrame
from simulator.errors import SimulatorError
from simulator.summit.night import CalibrationFrames, NightPlan, PlannedVisit

__all__ = ["Lacking", "Master", "make_masters", "masters_of", "without_lacking"]

_log = logging.getLogger(__name__)


@frozen(kw_only=True, eq=False)
class Master:
    """One master: a frame, or what is known of a detector."""

    dataset_type: str
    """One of `prompt_pipelines.corrections.CALIBRATIONS`."""
    data_id: dict[str, str | int]
    content: Image | MaskedImage | dict[str, Any]

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
    """Make the masters of one detector: bias, dark, a flat in each filter, and what is known of it.

    Nothing is made, nor said to be lacking, of what there are no frames.
    """
    description = cast(CameraDict, camera_as_dict(camera))
    known = frames.corrections(detector)
    electronics = datasets_of(camera, detector, known)

    def master(dataset_type: str, content: Image | MaskedImage | dict[str, Any], **more: str) -> Master:
        data_id: dict[str, str | int] = {"instrument": camera.instrument, "detector": detector, **more}
        return Master(dataset_type=dataset_type, data_id=data_id, content=content)

    try:
        bias, darks = _bias(frames, description, detector)
    except (PromptPipelinesError, SimulatorError) as error:
        yield Lacking(detector=detector, physical_filter=None, reason=str(error))
        return
    if bias is not None:
        yield master("bias", bias)
    dark = _dark(darks, bias, description, detector, electronics)
    if dark is not None:
        yield master("dark", dark)
    made: list[Image] = []
    for physical_filter in filters:
        try:
            flats = frames.flats(detector, physical_filter)
            if not flats:
                continue
            made.append(combine_flats(flats, bias, description, detector, dark, **electronics))
        except (PromptPipelinesError, SimulatorError) as error:
            yield Lacking(detector=detector, physical_filter=physical_filter, reason=str(error))
            continue
        yield master("flat", made[-1], physical_filter=physical_filter)
    if boxes := _defects(find_detector(description, detector), dark, made, known):
        yield master("defects", {"boxes": boxes})
    for name, content in electronics.items():
        yield master(name, content)


def _defects(
    description: DetectorDict, dark: MaskedImage | None, flats: Sequence[Image], known: DetectorCorrections
) -> list[list[int]]:
    defects = find_defects((description["ny"], description["nx"]), dark, flats)
    for box in known.defects:
        defects[box.y_min : box.y_max, box.x_min : box.x_max] = True
    return boxes_of(defects)


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
    frames: Sequence[RawFrame],
    bias: Image | None,
    camera: CameraDict,
    detector: int,
    electronics: Mapping[str, Mapping[str, Any]],
) -> MaskedImage | None:
    if not frames:
        return None
    try:
        return combine_darks(frames, bias, camera, detector, **electronics)
    except PromptPipelinesError as error:
        _log.warning("detector %d is calibrated without dark: %s", detector, error)
        return None
