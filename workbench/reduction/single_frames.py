"""Single exposures of a recorded night, calibrated and measured."""

from functools import lru_cache
from typing import Any, cast

from attrs import evolve
from lsst.daf.butler import Butler

from domain.cameras.camera_dict import camera_as_dict
from domain.raws.exposure import Exposure
from domain.runs import input_collections
from prompt_pipelines.camera import CameraDict
from prompt_pipelines.corrections import CALIBRATIONS
from simulator.summit.night import NightPlan, PlannedVisit
from workbench.reduction.single_exposures import SingleFrame, process_exposure
from workbench.replay import Recording

__all__ = ["SingleFrames"]


class SingleFrames:
    """Makes single frames, one at a time.

    Parameters
    ----------
    butler
        The repository with the night's calibrations.
    plan, night
        The night.
    """

    def __init__(self, butler: Butler, plan: NightPlan, night: Recording) -> None:
        self._butler = butler
        self._night = night
        self._camera = cast(CameraDict, camera_as_dict(plan.camera))
        self._instrument = plan.camera.instrument
        self._masters = f"{input_collections(self._instrument).calibrations}/masters"
        # One exposure of a detector follows the other; reading these takes as long as all else of a frame.
        self._masters_for = lru_cache(maxsize=1)(self._read_masters)

    def make(self, visit: PlannedVisit, detector: int) -> SingleFrame:
        """Process a visit's first snap.

        Raises
        ------
        UnusableImageError
            Raised if nothing can be made of it.
        SimulatorError
            Raised if the frame is missing or cannot be read.
        """
        frame, raw = self._night.frame(visit, detector)
        masters = self._masters_for(detector, frame.exposure.physical_filter)
        return process_exposure(self._placed(frame.exposure, visit), raw, self._camera, masters)

    def _placed(self, exposure: Exposure, visit: PlannedVisit) -> Exposure:
        """Fill in what the header does not say of the pointing, as workers do."""
        if not self._camera.get("pointing_error_deg"):
            return exposure
        if exposure.ra is None or exposure.dec is None:
            exposure = evolve(exposure, ra=visit.ra, dec=visit.dec)
        return (
            exposure if exposure.sky_angle is not None else evolve(exposure, sky_angle=visit.sky_angle or 0.0)
        )

    def _read_masters(self, detector: int, physical_filter: str) -> dict[str, Any]:
        """Read what masters there are."""
        data_id: dict[str, str | int] = {"instrument": self._instrument, "detector": detector}
        refs = {
            name: self._butler.find_dataset(
                name,
                data_id | ({"physical_filter": physical_filter} if name == "flat" else {}),
                collections=self._masters,
            )
            for name in CALIBRATIONS
        }
        return {name: self._butler.get(ref) for name, ref in refs.items() if ref is not None}
