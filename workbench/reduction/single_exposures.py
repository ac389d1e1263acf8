"""One exposure of a detector, calibrated and measured, without a visit of the service."""

from collections.abc import Mapping
from typing import Any, cast

from astropy.table import Table
from attrs import frozen
from lsst.daf.butler import Timespan
from lsst.images import MaskedImage
from lsst.pipe.base import PipelineTask

from domain.raws.exposure import Exposure
from prompt_pipelines.camera import CameraDict
from prompt_pipelines.ids import IdFactory
from prompt_pipelines.psf import PsfModel
from prompt_pipelines.raw import RawFrame
from prompt_pipelines.tasks.detect_sources import DetectSourcesTask
from prompt_pipelines.tasks.isr import IsrTask
from workbench.masters.found_masters import span_of

__all__ = ["SingleFrame", "default_task", "process_exposure"]


@frozen(kw_only=True, eq=False)
class SingleFrame:
    """What `SingleFrame.yaml` makes of one exposure and detector."""

    image: MaskedImage
    """Electrons, without the sky's brightness."""
    sources: Table
    """As ``single_visit_sources``."""
    psf: PsfModel
    facts: Mapping[str, Any]
    """What the tasks say of it."""


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


def process_exposure(
    exposure: Exposure, raw: RawFrame, camera: CameraDict, masters: Mapping[str, Any]
) -> SingleFrame:
    """Take signature and sky out of a raw, and find its sources.

    Raises
    ------
    UnusableImageError
        Raised if nothing can be made of it.
    """
    record = _Record(
        obs_id=exposure.obs_id,
        exposure_time=exposure.exposure_time,
        physical_filter=exposure.physical_filter,
        timespan=span_of(exposure),
        tracking_ra=exposure.ra,
        tracking_dec=exposure.dec,
        sky_angle=exposure.sky_angle,
    )
    isr, detect = default_task(IsrTask), default_task(DetectSourcesTask)
    calibrated = isr.run(raw, camera, exposure.detector, cast(Any, record), **masters)
    ids = IdFactory.of_visit(exposure.day_obs, exposure.seqnum, exposure.exposure, exposure.detector)
    found = detect.run(calibrated.post_isr_image, ids)
    return SingleFrame(
        image=found.preliminary_visit_image,
        sources=found.single_visit_sources,
        psf=PsfModel(found.preliminary_visit_psf.array, 0),
        facts={**isr.metadata.to_dict(), **detect.metadata.to_dict()},
    )


def default_task[T: PipelineTask](kind: type[T]) -> T:
    """Make a task as it is configured by default."""
    return kind(config=kind.ConfigClass())
