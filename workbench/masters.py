"""Master calibrations of a night, made from its frames as an observatory makes them."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import cast

from attrs import frozen
from lsst.images import Image

from domain.cameras.camera_dict import camera_as_dict
from prompt_pipelines.calibrations import combine_biases, combine_flats
from prompt_pipelines.camera import CameraDict
from prompt_pipelines.errors import CalibrationError, UnusableImageError
from simulator.errors import SimulatorError
from simulator.summit.night import NightPlan

__all__ = ["Master", "make_masters"]


@frozen(kw_only=True, eq=False)
class Master:
    """One master frame."""

    dataset_type: str
    """``bias`` or ``flat``."""
    data_id: dict[str, str | int]
    image: Image


def make_masters(plan: NightPlan) -> Iterator[Master]:
    """Make the masters that a night needs: a bias for each detector, a flat for each of its filters.

    Raises
    ------
    SimulatorError
        Raised if there are no frames, or they cannot be combined.
    """
    # Threads help: most of it is in functions that let go of the interpreter.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for masters in pool.map(lambda detector: _masters_of(plan, detector), plan.detectors):
            yield from masters


def _masters_of(plan: NightPlan, detector: int) -> list[Master]:
    camera = cast(CameraDict, camera_as_dict(plan.camera))
    data_id: dict[str, str | int] = {"instrument": plan.camera.instrument, "detector": detector}
    try:
        bias = combine_biases(plan.calibrations.biases(detector), camera, detector)
        masters = [Master(dataset_type="bias", data_id=data_id, image=bias)]
        for physical_filter in plan.filters:
            frames = plan.calibrations.flats(detector, physical_filter)
            flat = combine_flats(frames, bias, camera, detector)
            flat_id = data_id | {"physical_filter": physical_filter}
            masters.append(Master(dataset_type="flat", data_id=flat_id, image=flat))
    except (CalibrationError, UnusableImageError) as error:
        raise SimulatorError(f"no calibrations for detector {detector}: {error}") from error
    return masters
