"""Master calibrations of a night, made from its frames as an observatory makes them."""

import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import cast

from attrs import evolve, frozen
from lsst.images import Image

from domain.cameras.camera_dict import camera_as_dict
from prompt_pipelines.calibrations import combine_biases, combine_flats
from prompt_pipelines.camera import CameraDict
from prompt_pipelines.errors import PromptPipelinesError
from simulator.errors import SimulatorError
from simulator.summit.night import NightPlan, PlannedVisit

__all__ = ["Lacking", "Master", "make_masters", "without_lacking"]

_log = logging.getLogger(__name__)


@frozen(kw_only=True, eq=False)
class Master:
    """One master frame."""

    dataset_type: str
    """``bias`` or ``flat``."""
    data_id: dict[str, str | int]
    image: Image


@frozen(kw_only=True)
class Lacking:
    """A master that could not be made."""

    detector: int
    physical_filter: str | None
    """Of a flat; None: without this bias the detector is of no use in any filter."""
    reason: str

    def concerns(self, visit: PlannedVisit, detector: int) -> bool:
        """Tell whether a visit-detector cannot be calibrated for want of it."""
        return detector == self.detector and self.physical_filter in {None, visit.physical_filter}


def make_masters(plan: NightPlan) -> Iterator[Master | Lacking]:
    """Make the masters that a night needs: a bias for each detector, a flat for each of its filters."""
    # Threads help: most of it is in functions that let go of the interpreter.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for masters in pool.map(lambda detector: list(_masters_of(plan, detector)), plan.detectors):
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


def _masters_of(plan: NightPlan, detector: int) -> Iterator[Master | Lacking]:
    camera = cast(CameraDict, camera_as_dict(plan.camera))
    data_id: dict[str, str | int] = {"instrument": plan.camera.instrument, "detector": detector}
    try:
        bias = combine_biases(plan.calibrations.biases(detector), camera, detector)
    except (PromptPipelinesError, SimulatorError) as error:
        yield Lacking(detector=detector, physical_filter=None, reason=str(error))
        return
    yield Master(dataset_type="bias", data_id=data_id, image=bias)
    for physical_filter in plan.filters_of(detector):
        try:
            frames = plan.calibrations.flats(detector, physical_filter)
            flat = combine_flats(frames, bias, camera, detector)
        except (PromptPipelinesError, SimulatorError) as error:
            yield Lacking(detector=detector, physical_filter=physical_filter, reason=str(error))
            continue
        flat_id = data_id | {"physical_filter": physical_filter}
        yield Master(dataset_type="flat", data_id=flat_id, image=flat)
