"""The tasks from detection to DiaSources on images in memory, and what they found."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from astropy.table import Table
from attrs import frozen
from lsst.images import MaskedImage
from lsst.pipe.base import PipelineTask

from prompt_pipelines.arrays import Floats, Pixels
from prompt_pipelines.ids import IdFactory
from prompt_pipelines.psf import PsfModel
from prompt_pipelines.tasks.calibrate_visit import CalibrateVisitTask
from prompt_pipelines.tasks.detect_dia_sources import DetectDiaSourcesTask
from prompt_pipelines.tasks.detect_sources import DetectSourcesTask
from prompt_pipelines.tasks.subtract_images import SubtractImagesTask

__all__ = ["Found", "Single", "Subtracted", "Truth", "find", "make_task", "single_frame", "subtract"]

_IDS = IdFactory(20260314, 1, 0)
_SAME = 2.5  # pixels


@frozen(kw_only=True, eq=False)
class Truth:
    """What a difference image should show."""

    x: Floats
    y: Floats
    snr: Floats
    """Of the change, for whoever knows the PSF and has a template without noise."""

    def and_also(self, other: "Truth") -> "Truth":
        """Add what else is true."""
        return Truth(
            **{
                name: np.concatenate([getattr(self, name), getattr(other, name)])
                for name in ("x", "y", "snr")
            }
        )


@frozen(kw_only=True, eq=False)
class Single:
    """A single frame."""

    image: MaskedImage
    psf: PsfModel
    sources: Table


@frozen(kw_only=True, eq=False)
class Subtracted:
    """A difference image."""

    image: MaskedImage
    psf: PsfModel
    template: Pixels
    """That was subtracted."""
    truth: Truth
    unknown: Truth | None = None
    """What may be true or not."""


@frozen(kw_only=True, eq=False)
class Found:
    """What was found on one difference image."""

    image: MaskedImage
    psf: PsfModel
    sources: Table
    """All of ``dia_sources``."""
    truth: Truth

    @property
    def accepted(self) -> Table:
        """Those that go into the APDB."""
        return self.sources[~np.asarray(self.sources["flag_rejected"])]

    def distances(self) -> Floats:
        """Measure how far the nearest accepted source is from each that is true, pixels."""
        found, truth = self.accepted, self.truth
        away = np.hypot(truth.x[:, None] - np.asarray(found["x"]), truth.y[:, None] - np.asarray(found["y"]))
        return np.asarray(away.min(axis=1, initial=np.inf))

    def false(self) -> Table:
        """List accepted sources that are nothing true."""
        found, truth = self.accepted, self.truth
        away = np.hypot(np.asarray(found["x"])[:, None] - truth.x, np.asarray(found["y"])[:, None] - truth.y)
        return found[away.min(axis=1, initial=np.inf) > _SAME]


def make_task[T: PipelineTask](kind: type[T]) -> T:
    """Make a task as it is configured by default."""
    return kind(config=kind.ConfigClass())


def single_frame(image: MaskedImage) -> Single:
    """Find the sources of an image without signature."""
    outputs = make_task(DetectSourcesTask).run(image, _IDS)
    return Single(
        image=outputs.preliminary_visit_image,
        psf=PsfModel(outputs.preliminary_visit_psf.array, 0),
        sources=outputs.single_visit_sources,
    )


def subtract(
    single: Single, catalogue: Table, band: str, templates: Sequence[MaskedImage], truth: Truth
) -> Subtracted:
    """Calibrate a single frame, and subtract the template."""
    calibration: dict[str, Any] = (
        make_task(CalibrateVisitTask).run(single.image, single.sources, catalogue, band).visit_calibration
    )
    made = make_task(SubtractImagesTask).run(single.image, single.psf, single.sources, calibration, templates)
    psf = PsfModel(made.difference_psf.array, 0)
    return Subtracted(
        image=made.difference_image, psf=psf, template=made.template_detector.array, truth=truth
    )


def find(made: Subtracted) -> Found:
    """Find what is left."""
    sources = make_task(DetectDiaSourcesTask).run(made.image, made.psf, made.template, _IDS).dia_sources
    return Found(image=made.image, psf=made.psf, sources=sources, truth=made.truth)
