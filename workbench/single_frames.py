"""Single exposures of the past, calibrated and measured, without a visit of the service."""

from typing import Any, cast

from astropy.table import Table
from astropy.time import Time
from attrs import frozen
from lsst.daf.butler import Butler, Timespan
from lsst.images import MaskedImage
from lsst.pipe.base import PipelineTask

from domain.cameras.camera_dict import camera_as_dict
from domain.runs import input_collections
from domain.times import TaiSeconds
from prompt_pipelines.camera import CameraDict
from prompt_pipelines.corrections import CALIBRATIONS
from prompt_pipelines.ids import IdFactory
from prompt_pipelines.tasks.detect_sources import DetectSourcesTask
from prompt_pipelines.tasks.isr import IsrTask
from simulator.summit.night import NightPlan, PlannedVisit
from workbench.replay import Recording

__all__ = ["SingleFrame", "SingleFrames", "default_task"]


@frozen(kw_only=True, eq=False)
class SingleFrame:
    """What `SingleFrame.yaml` makes of one exposure and detector."""

    image: MaskedImage
    """Electrons, without the sky's brightness."""
    sources: Table
    """As ``single_visit_sources``."""


@frozen(kw_only=True)
class _Record:
    """What the task reads of an exposure's record."""

    obs_id: str
    exposure_time: float
    physical_filter: str
    timespan: Timespan
    tracking_ra: float | None
    tracking_dec: float | None
    sky_angle: float | None


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
        exposure = frame.exposure
        record = _Record(
            obs_id=exposure.obs_id,
            exposure_time=exposure.exposure_time,
            physical_filter=exposure.physical_filter,
            timespan=Timespan(_time(exposure.begin), _time(exposure.end)),
            tracking_ra=exposure.ra,
            tracking_dec=exposure.dec,
            sky_angle=exposure.sky_angle,
        )
        isr = default_task(IsrTask)
        calibrated = isr.run(
            raw,
            self._camera,
            detector,
            cast(Any, record),
            **self._masters_for(detector, exposure.physical_filter),
        )
        detect = default_task(DetectSourcesTask)
        ids = IdFactory(exposure.day_obs, exposure.seqnum, detector)
        found = detect.run(calibrated.post_isr_image, ids)
        return SingleFrame(image=found.preliminary_visit_image, sources=found.single_visit_sources)

    def _masters_for(self, detector: int, physical_filter: str) -> dict[str, Any]:
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


def default_task[T: PipelineTask](kind: type[T]) -> T:
    """Make a task as it is configured by default."""
    return kind(config=kind.ConfigClass())


def _time(instant: TaiSeconds) -> Time:
    return Time(instant, format="unix_tai", scale="tai")
