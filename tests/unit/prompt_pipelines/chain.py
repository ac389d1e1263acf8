"""The tasks one after the other on images in memory, without a Butler."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import Table
from attrs import frozen
from lsst.dax.apdb import Apdb
from lsst.images import Image, MaskedImage
from lsst.pipe.base import PipelineTask, Struct

from prompt_pipelines.alert_outbox import LaidAlerts
from prompt_pipelines.alert_stream import AlertStream
from prompt_pipelines.apdb import History
from prompt_pipelines.camera import CameraDict
from prompt_pipelines.dia_tables import VisitFacts
from prompt_pipelines.ids import IdFactory
from prompt_pipelines.masks import image_schema
from prompt_pipelines.positions import sky_positions
from prompt_pipelines.preparation import Preparation, prepare
from prompt_pipelines.psf import PsfModel
from prompt_pipelines.raw import RawFrame
from prompt_pipelines.tasks.associate import AssociateTask
from prompt_pipelines.tasks.calibrate_visit import CalibrateVisitTask
from prompt_pipelines.tasks.detect_dia_sources import DetectDiaSourcesTask
from prompt_pipelines.tasks.detect_sources import DetectSourcesTask
from prompt_pipelines.tasks.isr import IsrTask
from prompt_pipelines.tasks.prepare_association import PrepareAssociationTask
from prompt_pipelines.tasks.subtract_images import SubtractImagesTask
from tests.unit.prompt_pipelines.pictures import Sky, picture
from tests.unit.prompt_pipelines.tiny_camera import tiny_camera

__all__ = [
    "RECORD",
    "Made",
    "associate",
    "calibrated",
    "catalogue",
    "facts",
    "make_task",
    "process",
    "template_of",
]

NANOJANSKY_PER_ELECTRON = 2.0


@frozen(eq=False)
class Made:
    """All datasets of one visit and detector, by name."""

    datasets: dict[str, Any]
    tasks: dict[str, PipelineTask]

    def __getattr__(self, name: str) -> Any:
        return self.datasets[name]

    def accepted(self) -> Table:
        """List the DiaSources that are believed."""
        sources = self.datasets["dia_sources"]
        return sources[~np.asarray(sources["flag_rejected"])]


def make_task[T: PipelineTask](kind: type[T]) -> T:
    """Make a task as it is configured by default."""
    return kind(config=kind.ConfigClass())


def catalogue(sky: Sky, image: MaskedImage) -> Table:
    """Make the reference catalogue of a sky."""
    ra, dec = sky_positions(image.sky_projection, sky.x, sky.y)
    flux = NANOJANSKY_PER_ELECTRON * sky.flux * u.nJy
    return Table({"id": np.arange(len(ra)), "ra": ra * u.deg, "dec": dec * u.deg, "r_flux": flux})


def template_of(sky: Sky, size: int, sigma: float = 1.6, depth: float = 10.0) -> MaskedImage:
    """Make the template of a sky in nJy, with the noise of the mean of `depth` visits."""
    clean = picture(sky, size, sky_level=0.0, sigma=sigma, seed=None)
    variance = (clean.variance.array + 300.0) / depth
    noise = np.random.default_rng(99).standard_normal(variance.shape)
    factor = np.float32(NANOJANSKY_PER_ELECTRON)
    return MaskedImage(
        Image((factor * (clean.image.array + np.sqrt(variance) * noise)).astype(np.float32), unit=u.nJy),
        variance=Image((factor**2 * variance).astype(np.float32), unit=u.nJy**2),
        mask_schema=image_schema(),
        sky_projection=clean.sky_projection,
    )


def process(image: MaskedImage, reference: Table, templates: list[MaskedImage], *, seq_num: int = 1) -> Made:
    """Run everything from detection to DiaSources."""
    ids = IdFactory(20260314, seq_num, 0)
    kinds = (DetectSourcesTask, CalibrateVisitTask, SubtractImagesTask, DetectDiaSourcesTask)
    detect, calibrate, subtract, detect_dia = (make_task(kind) for kind in kinds)
    found: Struct = detect.run(image, ids)
    calibrated = calibrate.run(found.preliminary_visit_image, found.single_visit_sources, reference, "r")
    subtracted = subtract.run(
        found.preliminary_visit_image,
        PsfModel(found.preliminary_visit_psf.array, 0),
        found.single_visit_sources,
        calibrated.visit_calibration,
        templates,
    )
    dia = detect_dia.run(
        subtracted.difference_image,
        PsfModel(subtracted.difference_psf.array, 0),
        subtracted.template_detector.array,
        ids,
    )
    datasets: dict[str, Any] = {}
    for outputs in (found, calibrated, subtracted, dia):
        datasets |= outputs.getDict()
    tasks = {task.getName(): task for task in (detect, calibrate, subtract, detect_dia)}
    return Made(datasets, tasks)


def facts(seq_num: int = 1) -> VisitFacts:
    """Describe a visit; each is half a minute after the last."""
    return VisitFacts(
        visit=2026031400000 + seq_num,
        detector=0,
        band="r",
        exposure_time=30.0,
        midpoint=61113.1 + seq_num * 40.0 / 86400.0,
        processed=61113.2,
    )


def associate(
    made: Made,
    apdb: Apdb,
    *,
    seq_num: int = 1,
    stream: AlertStream | None = None,
    known: Any = None,
    meanwhile: Callable[[], object] = lambda: None,
    laid: LaidAlerts | None = None,
    held: Sequence[str] = (),
) -> Struct:
    """Store the DiaSources of a visit; `meanwhile` is called between preparing and storing."""
    inputs = {**made.datasets, "visit_quality": {"held": held}}
    if known is not None:
        inputs["preloaded_dia_objects"] = known.objects
        inputs["preloaded_dia_sources"] = known.sources
        inputs["preloaded_dia_forced_sources"] = known.forced_sources
    visit = facts(seq_num)
    with_alerts = stream is not None
    outputs = make_task(PrepareAssociationTask).run(
        inputs,
        visit,
        ids=IdFactory(20260314, seq_num, 0),
        apdb=apdb,
        with_alerts=with_alerts,
        outbox=lambda _visit, _detector: laid,
    )
    prepared = Preparation.of_datasets(outputs.getDict())

    def prepare_again(history: History) -> Preparation:
        ids = IdFactory(20260314, seq_num, 0)
        return prepare(inputs, visit, ids, history, prepared.choices, with_alerts=with_alerts)

    meanwhile()
    return make_task(AssociateTask).run(prepared, visit, prepare_again, apdb=apdb, stream=stream, laid=laid)


RECORD: Any = SimpleNamespace(
    obs_id="TC_1", exposure_time=30.0, physical_filter="r_tiny", timespan=None,
    tracking_ra=150.0, tracking_dec=2.2, sky_angle=30.0,
)  # fmt: skip
"""Of an exposure of 30 s with the tiny camera."""


def calibrated(raw: RawFrame, camera: CameraDict | None = None, **known: Any) -> MaskedImage:
    """Run ISR on a raw of the tiny camera's first detector, with what masters are given."""
    outputs = make_task(IsrTask).run(raw, camera or tiny_camera(), 0, RECORD, **known)
    image: MaskedImage = outputs.post_isr_image
    return image
