"""Which known bodies of the Solar System will be on an image, predicted before it comes."""

from typing import override

from lsst.pipe.base import (
    InputQuantizedConnection,
    OutputQuantizedConnection,
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    QuantumContext,
    Struct,
)
from lsst.pipe.base.connectionTypes import Input, Output
from lsst.pipe.base.utils import RegionTimeInfo

from prompt_pipelines.fields import number
from prompt_pipelines.solar_system.known import known_bodies
from prompt_pipelines.solar_system.prediction import View

__all__ = ["PredictKnownBodiesConfig", "PredictKnownBodiesConnections", "PredictKnownBodiesTask"]

_GROUP = ("instrument", "group", "detector")


class PredictKnownBodiesConnections(PipelineTaskConnections, dimensions=_GROUP):
    """What `PredictKnownBodiesTask` reads and writes."""

    region_time = Input(
        doc="Where and when the detector will look.",
        name="regionTimeInfo",
        storageClass="RegionTimeInfo",
        dimensions=_GROUP,
    )
    bodies = Output(
        doc="Known bodies that may be seen, and their ways.",
        name="preloaded_SsObjects",
        storageClass="ArrowAstropy",
        dimensions=_GROUP,
    )


class PredictKnownBodiesConfig(PipelineTaskConfig, pipelineConnections=PredictKnownBodiesConnections):
    """Choices of `PredictKnownBodiesTask`."""

    patience = number("Seconds that the service at MP_SKY_URL has to answer.", default=10.0, minimum=0.1)


class PredictKnownBodiesTask(PipelineTask):
    """Find known bodies, from the file MP_ORBITS or the service at MP_SKY_URL; without either, none."""

    ConfigClass = PredictKnownBodiesConfig
    _DefaultName = "predictKnownBodies"
    config: PredictKnownBodiesConfig

    @override
    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        """Read, run, write."""
        butlerQC.put(self.run(butlerQC.get(inputRefs.region_time)), outputRefs)

    def run(self, region_time: RegionTimeInfo) -> Struct:
        """Find the bodies; what goes wrong is logged, and there are none.

        Parameters
        ----------
        region_time
            Where and when.
        """
        bodies, reason = known_bodies(View.announced(region_time), self.config.patience)
        self.metadata["known_bodies"] = len(bodies)
        self.metadata["known_bodies_missing"] = reason
        return Struct(bodies=bodies)
