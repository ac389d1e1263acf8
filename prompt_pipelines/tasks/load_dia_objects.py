"""What the APDB knows of a region, read before the image comes."""

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

from prompt_pipelines.apdb import ApdbError, load_history, open_apdb
from prompt_pipelines.fields import text

__all__ = ["LoadDiaObjectsConfig", "LoadDiaObjectsConnections", "LoadDiaObjectsTask"]

_GROUP = ("instrument", "group", "detector")


class LoadDiaObjectsConnections(PipelineTaskConnections, dimensions=_GROUP):
    """What `LoadDiaObjectsTask` reads and writes."""

    region_time = Input(
        doc="Where and when the detector will look.",
        name="regionTimeInfo",
        storageClass="RegionTimeInfo",
        dimensions=_GROUP,
    )
    dia_objects = Output(
        doc="DiaObjects of the region.",
        name="preloaded_diaObjects",
        storageClass="DataFrame",
        dimensions=_GROUP,
    )
    dia_sources = Output(
        doc="Their DiaSources.", name="preloaded_diaSources", storageClass="DataFrame", dimensions=_GROUP
    )
    dia_forced_sources = Output(
        doc="Their DiaForcedSources.",
        name="preloaded_diaForcedSources",
        storageClass="DataFrame",
        dimensions=_GROUP,
    )


class LoadDiaObjectsConfig(PipelineTaskConfig, pipelineConnections=LoadDiaObjectsConnections):
    """Choices of `LoadDiaObjectsTask`."""

    apdb_config = text("URI of the APDB's configuration.")


class LoadDiaObjectsTask(PipelineTask):
    """Read the objects of a region with their history."""

    ConfigClass = LoadDiaObjectsConfig
    _DefaultName = "loadDiaObjects"
    config: LoadDiaObjectsConfig

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
        """Read the objects.

        Parameters
        ----------
        region_time
            Where and when.

        Raises
        ------
        ApdbError
            Raised if no database is configured, or it cannot be read.
        """
        if self.config.apdb_config is None:
            raise ApdbError("no APDB is configured: the pipeline parameter apdb_config is not set")
        history = load_history(
            open_apdb(self.config.apdb_config), region_time.region, region_time.timespan.begin
        )
        self.metadata["dia_objects"] = len(history.objects)
        return Struct(
            dia_objects=history.objects,
            dia_sources=history.sources,
            dia_forced_sources=history.forced_sources,
        )
