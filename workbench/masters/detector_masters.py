"""The masters of one detector, of what frames there are and what is known of it."""

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from attrs import frozen
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
from simulator.summit.night import CalibrationFrames, PlannedVisit

__all__ = ["Lacking", "Master", "masters_of"]

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


def masters_of(
    camera: Camera,
    frames: CalibrationFrames,
    detector: int,
    filters: Sequence[str],
    stored: Mapping[str, Any] | None = None,
) -> Iterator[Master | Lacking]:
    """Make the masters of one detector: bias, dark, a flat in each filter, and what is known of it.

    Nothing is made, nor said to be lacking, of what there are no frames.

    Parameters
    ----------
    camera, frames, detector, filters
        Of what masters are wanted.
    stored
        Masters that there are, by dataset type: frames are corrected by them
        as far as none are made.
    """
    description = cast(CameraDict, camera_as_dict(camera))
    stored = stored or {}
    known = frames.corrections(detector)
    own = datasets_of(camera, detector, known)
    electronics = {name: stored[name] for name in ("linearity", "crosstalk") if name in stored} | own

    def master(dataset_type: str, content: Image | MaskedImage | dict[str, Any], **more: str) -> Master:
        data_id: dict[str, str | int] = {"instrument": camera.instrument, "detector": detector, **more}
        return Master(dataset_type=dataset_type, data_id=data_id, content=content)

    try:
        bias, darks = _bias(frames, description, detector, stored.get("bias"))
    except (PromptPipelinesError, SimulatorError) as error:
        yield Lacking(detector=detector, physical_filter=None, reason=str(error))
        return
    dark = _dark(darks, bias, description, detector, electronics) or stored.get("dark")
    for name, image in (("bias", bias), ("dark", dark)):
        if image is not None and image is not stored.get(name):
            yield master(name, image)
    made: list[Image] = []
    for physical_filter in filters:
        try:
            flats = _flats(frames, description, detector, physical_filter, has_bias=bias is not None)
            if flats:
                made.append(combine_flats(flats, bias, description, detector, dark, **electronics))
                yield master("flat", made[-1], physical_filter=physical_filter)
        except (PromptPipelinesError, SimulatorError) as error:
            yield Lacking(detector=detector, physical_filter=physical_filter, reason=str(error))
    dark = None if dark is stored.get("dark") else dark
    if boxes := _defects(find_detector(description, detector), dark, made, known):
        yield master("defects", {"boxes": boxes})
    for name, content in own.items():
        yield master(name, content)


def _defects(
    description: DetectorDict, dark: MaskedImage | None, flats: Sequence[Image], known: DetectorCorrections
) -> list[list[int]]:
    defects = find_defects((description["ny"], description["nx"]), dark, flats)
    for box in known.defects:
        defects[box.y_min : box.y_max, box.x_min : box.x_max] = True
    return boxes_of(defects)


def _bias(
    frames: CalibrationFrames, camera: CameraDict, detector: int, stored: Image | None
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
    if stored is not None or not darks or _has_overscan(camera, detector):
        return stored, darks
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


def _flats(
    frames: CalibrationFrames, camera: CameraDict, detector: int, physical_filter: str, *, has_bias: bool
) -> Sequence[RawFrame]:
    """Read flats whose zero is known; none if there are none such."""
    flats = frames.flats(detector, physical_filter)
    if not flats or has_bias or _has_overscan(camera, detector):
        return flats
    _log.warning(
        "detector %d has neither overscan nor biases: its flats in %s, whose zero is not known, are not used",
        detector,
        physical_filter,
    )
    return ()


def _has_overscan(camera: CameraDict, detector: int) -> bool:
    """Tell whether frames tell their own offset, by the camera's description or by their cards."""
    description = find_detector(camera, detector)
    if {"overscan", "parallel_overscan"} & description.get("amplifier_cards", {}).keys():
        return True
    none = [0, 0, 0, 0]
    boxes = [
        (amplifier["overscan"], amplifier.get("parallel_overscan", none))
        for amplifier in description["amplifiers"]
    ]
    return all(any(box[1] > box[0] for box in both) for both in boxes)


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
