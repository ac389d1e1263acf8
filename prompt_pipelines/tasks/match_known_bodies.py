"""Which sources of a difference image are known bodies of the Solar System."""

from typing import Any, override

import numpy as np
from astropy.table import Table
from lsst.pipe.base import (
    InputQuantizedConnection,
    OutputQuantizedConnection,
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    QuantumContext,
    Struct,
)
from lsst.pipe.base.connectionTypes import Input, Output, PrerequisiteInput

from prompt_pipelines.camera import CameraDict
from prompt_pipelines.dia_tables import VisitFacts
from prompt_pipelines.fields import number
from prompt_pipelines.positions import pixel_scale
from prompt_pipelines.preparation import region_of, visit_facts
from prompt_pipelines.solar_system.known import known_bodies
from prompt_pipelines.solar_system.matching import match_bodies
from prompt_pipelines.solar_system.prediction import View, covers, seen_from

__all__ = ["MatchKnownBodiesConfig", "MatchKnownBodiesConnections", "MatchKnownBodiesTask"]

_IMAGE = ("instrument", "visit", "detector")
_SECONDS = 86_400.0


class MatchKnownBodiesConnections(PipelineTaskConnections, dimensions=_IMAGE):
    """What `MatchKnownBodiesTask` reads and writes."""

    dia_sources = Input("dia_sources", "ArrowAstropy", "Sources of the difference image.", dimensions=_IMAGE)
    difference_image = Input(
        "difference_image", "MaskedImageV2", "Science minus template, nJy.", dimensions=_IMAGE
    )
    bodies = PrerequisiteInput(
        "preloaded_SsObjects",
        "ArrowAstropy",
        "Known bodies that were predicted before the image came.",
        dimensions=("instrument", "group", "detector"),
        minimum=0,
    )
    camera = PrerequisiteInput(
        "camera",
        "StructuredDataDict",
        "Tells where the observatory is.",
        dimensions=("instrument",),
        isCalibration=True,
        minimum=0,
    )
    ss_sources = Output(
        "ss_sources", "DataFrame", "Sources that are known bodies, in rows of SSSource.", dimensions=_IMAGE
    )


class MatchKnownBodiesConfig(PipelineTaskConfig, pipelineConnections=MatchKnownBodiesConnections):
    """Choices of `MatchKnownBodiesTask`."""

    patience = number(
        "Seconds that the service at MP_SKY_URL has, if what it was asked before does not hold any more.",
        default=5.0,
        minimum=0.1,
    )


class MatchKnownBodiesTask(PipelineTask):
    """Give sources the known bodies that are there."""

    ConfigClass = MatchKnownBodiesConfig
    _DefaultName = "matchKnownBodies"
    config: MatchKnownBodiesConfig

    @override
    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        """Read, run, write."""
        facts = visit_facts(outputRefs.ss_sources.dataId)
        butlerQC.put(self.run(butlerQC.get(inputRefs), facts), outputRefs)

    def run(self, inputs: dict[str, Any], facts: VisitFacts) -> Struct:
        """Match the sources of one image.

        What was predicted for another time, as where frames are observed again, is predicted anew.

        Parameters
        ----------
        inputs
            Datasets by the names of `MatchKnownBodiesConnections`; the prerequisites may be missing.
        facts
            Of the visit.
        """
        image, sources = inputs["difference_image"], inputs["dia_sources"]
        bodies, reason = inputs.get("bodies"), ""
        if not covers(bodies, facts.midpoint):
            half = facts.exposure_time / _SECONDS / 2.0
            view = View.of_region(region_of(image), facts.midpoint - half, facts.midpoint + half)
            bodies, reason = known_bodies(view, self.config.patience)
        bodies = self._from_here(bodies, inputs.get("camera"), facts.midpoint)
        scale = pixel_scale(image.sky_projection, image.bbox)
        accepted = sources[~np.asarray(sources["flag_rejected"])]
        found = match_bodies(accepted, bodies, facts.midpoint, scale)
        self.metadata["known_bodies"] = len(found)
        self.metadata["known_bodies_missing"] = reason
        return Struct(ss_sources=found)

    def _from_here(self, bodies: Table, camera: CameraDict | None, mjd: float) -> Table:
        """Move bodies that were predicted for the Earth's centre to where the camera stands."""
        if not bodies.meta.get("geocentric") or not len(bodies):
            return bodies
        observatory = None if camera is None else camera.get("observatory")
        if observatory is None:
            self.log.warning(
                "the camera file names no observatory: known bodies are up to 9 arcsec off at 1 au"
            )
            return bodies
        return seen_from(bodies, observatory, mjd)
