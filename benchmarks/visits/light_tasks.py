"""Four light tasks and a preload task: the shape of a visit-detector, hardly any work in it."""

from typing import Any

import numpy as np
from lsst.pipe.base import PipelineTask, PipelineTaskConfig, PipelineTaskConnections, Struct
from lsst.pipe.base.connectionTypes import InitOutput, Input, Output, PrerequisiteInput
from lsst.pipe.base.utils import RegionTimeInfo

__all__ = ["AssociateTask", "CalibrateTask", "IsrTask", "PreloadTask", "SubtractTask"]

_AHEAD = ("instrument", "group", "detector")
_OBSERVED = ("instrument", "exposure", "detector")
_VISIT = ("instrument", "visit", "detector")
_DICT = "StructuredDataDict"
_PLANES = 9  # bytes per pixel: image, variance and mask


def _image(level: float) -> np.ndarray:
    """Make 9 MB of an image of 1k x 1k."""
    return np.full((_PLANES, 1024, 1024), level % 256, dtype=np.uint8)


class PreloadConnections(PipelineTaskConnections, dimensions=_AHEAD):
    """What `PreloadTask` reads and writes."""

    where = Input(doc="Where.", name="regionTimeInfo", storageClass="RegionTimeInfo", dimensions=_AHEAD)
    preloaded = Output(doc="Objects.", name="light_preloaded", storageClass=_DICT, dimensions=_AHEAD)


class PreloadConfig(PipelineTaskConfig, pipelineConnections=PreloadConnections):
    """Nothing to choose."""


class PreloadTask(PipelineTask):
    """Stands for reading the APDB."""

    ConfigClass = PreloadConfig
    _DefaultName = "lightPreload"

    def run(self, where: RegionTimeInfo) -> Struct:
        """Write down how large the region is."""
        return Struct(preloaded={"radius": where.region.getBoundingCircle().getOpeningAngle().asDegrees()})


class IsrConnections(PipelineTaskConnections, dimensions=_OBSERVED):
    """What `IsrTask` reads and writes."""

    raw = Input(doc="The raw.", name="raw", storageClass="RawFrame", dimensions=_OBSERVED)
    camera = PrerequisiteInput(
        doc="The camera.",
        name="camera",
        storageClass=_DICT,
        dimensions=("instrument",),
        isCalibration=True,
    )
    bias = PrerequisiteInput(
        doc="Bias.",
        name="bias",
        storageClass="ImageV2",
        dimensions=("instrument", "detector"),
        isCalibration=True,
    )
    flat = PrerequisiteInput(
        doc="Flat.",
        name="flat",
        storageClass="ImageV2",
        dimensions=("instrument", "detector", "physical_filter"),
        isCalibration=True,
    )
    image = Output(doc="9 MB.", name="light_image", storageClass="NumpyArray", dimensions=_OBSERVED)


class IsrConfig(PipelineTaskConfig, pipelineConnections=IsrConnections):
    """Nothing to choose."""


class IsrTask(PipelineTask):
    """Stands for instrument signature removal."""

    ConfigClass = IsrConfig
    _DefaultName = "lightIsr"

    def run(self, raw: Any, camera: Any, bias: Any, flat: Any) -> Struct:  # noqa: ANN401 - pixels and a camera
        """Look at all that it is given."""
        self.log.info("%d detectors, %d pixels", len(camera["detectors"]), bias.array.size)
        return Struct(image=_image(float(raw.pixels.mean() * np.nanmedian(flat.array[0]))))


class CalibrateConnections(PipelineTaskConnections, dimensions=_VISIT):
    """What `CalibrateTask` reads and writes."""

    images = Input(
        doc="Images.", name="light_image", storageClass="NumpyArray", dimensions=_OBSERVED, multiple=True
    )
    stars = PrerequisiteInput(
        doc="Stars.",
        name="reference_catalogue",
        storageClass="ArrowAstropy",
        dimensions=("htm7",),
        multiple=True,
        deferLoad=True,
        minimum=0,
    )
    schema = InitOutput(doc="Columns.", name="light_schema", storageClass=_DICT)
    calibrated = Output(doc="9 MB.", name="light_calibrated", storageClass="NumpyArray", dimensions=_VISIT)
    sources = Output(doc="A table.", name="light_sources", storageClass=_DICT, dimensions=_VISIT)


class CalibrateConfig(PipelineTaskConfig, pipelineConnections=CalibrateConnections):
    """Nothing to choose."""


class CalibrateTask(PipelineTask):
    """Stands for calibration against a catalogue."""

    ConfigClass = CalibrateConfig
    _DefaultName = "lightCalibrate"

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401 - whatever the base class takes
        super().__init__(**kwargs)
        self.schema = {"columns": ["stars", "level"]}

    def run(self, images: list[Any], stars: list[Any]) -> Struct:
        """Count stars."""
        level = float(images[0][0].mean())
        sources = {"stars": sum(len(shard.get()) for shard in stars), "level": level}
        return Struct(calibrated=_image(level + 1), sources=sources)


class SubtractConnections(PipelineTaskConnections, dimensions=_VISIT):
    """What `SubtractTask` reads and writes."""

    calibrated = Input(doc="Image.", name="light_calibrated", storageClass="NumpyArray", dimensions=_VISIT)
    templates = Input(
        doc="Patches of the template.",
        name="template_coadd",
        storageClass="MaskedImageV2",
        dimensions=("skymap", "tract", "patch", "band"),
        multiple=True,
        deferLoad=True,
    )
    difference = Output(doc="9 MB.", name="light_difference", storageClass="NumpyArray", dimensions=_VISIT)
    found = Output(doc="A table.", name="light_found", storageClass=_DICT, dimensions=_VISIT)


class SubtractConfig(PipelineTaskConfig, pipelineConnections=SubtractConnections):
    """Nothing to choose."""


class SubtractTask(PipelineTask):
    """Stands for image subtraction; patches are not read, or they would be most of its time."""

    ConfigClass = SubtractConfig
    _DefaultName = "lightSubtract"

    def run(self, calibrated: Any, templates: list[Any]) -> Struct:  # noqa: ANN401 - pixels
        """Count patches."""
        level = float(calibrated[0].mean())
        return Struct(difference=_image(level + 1), found={"patches": len(templates), "level": level})


class AssociateConnections(PipelineTaskConnections, dimensions=_VISIT):
    """What `AssociateTask` reads and writes."""

    preloaded = PrerequisiteInput(
        doc="Objects.", name="light_preloaded", storageClass=_DICT, dimensions=_AHEAD, minimum=0
    )
    sources = Input(doc="A table.", name="light_sources", storageClass=_DICT, dimensions=_VISIT)
    found = Input(doc="A table.", name="light_found", storageClass=_DICT, dimensions=_VISIT)
    associated = Output(doc="A table.", name="light_associated", storageClass=_DICT, dimensions=_VISIT)


class AssociateConfig(PipelineTaskConfig, pipelineConnections=AssociateConnections):
    """Nothing to choose."""


class AssociateTask(PipelineTask):
    """Stands for association."""

    ConfigClass = AssociateConfig
    _DefaultName = "lightAssociate"

    def run(self, sources: Any, found: Any, preloaded: Any = None) -> Struct:  # noqa: ANN401 - plain containers
        """Put together what it is given."""
        return Struct(associated={**sources, **found, "preloaded": preloaded is not None})
