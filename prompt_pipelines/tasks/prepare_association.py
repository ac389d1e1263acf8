"""Everything of association that only reads: rows for the APDB, and alert packets.

What this task makes is stored and sent by `prompt_pipelines.tasks.associate.AssociateTask`. A worker
claims the visit between the two, so an error here may be mended by another attempt.
"""

from collections.abc import Callable
from typing import Any, override

from astropy.time import Time
from attrs import evolve
from lsst.dax.apdb import Apdb
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
from lsst.sphgeom import Region

from prompt_pipelines.alert_outbox import LaidAlerts
from prompt_pipelines.alert_stream import alerts_from_environment
from prompt_pipelines.apdb import ApdbError, History, check_new, load_history, open_apdb, refresh_history
from prompt_pipelines.dia_tables import VisitFacts
from prompt_pipelines.fields import flag, number, text
from prompt_pipelines.ids import IdFactory
from prompt_pipelines.preparation import Choices, ids_of, prepare, region_of, visit_facts

__all__ = ["PrepareAssociationConfig", "PrepareAssociationConnections", "PrepareAssociationTask"]

_IMAGE = ("instrument", "visit", "detector")
_GROUP = ("instrument", "group", "detector")


class PrepareAssociationConnections(PipelineTaskConnections, dimensions=_IMAGE):
    """What `PrepareAssociationTask` reads, beside the APDB, and writes."""

    dia_sources = Input("dia_sources", "ArrowAstropy", "Sources of the difference image.", dimensions=_IMAGE)
    difference_image = Input(
        "difference_image", "MaskedImageV2", "Science minus template, nJy.", dimensions=_IMAGE
    )
    difference_psf = Input("difference_psf", "ImageV2", "Its PSF.", dimensions=_IMAGE)
    preliminary_visit_image = Input(
        "preliminary_visit_image", "MaskedImageV2", "Science image, electrons.", dimensions=_IMAGE
    )
    preliminary_visit_psf = Input("preliminary_visit_psf", "ImageV2", "Its PSF.", dimensions=_IMAGE)
    template_detector = Input(
        "template_detector", "ImageV2", "Template on the same pixels, nJy.", dimensions=_IMAGE
    )
    visit_calibration = Input(
        "visit_calibration", "StructuredDataDict", "Scale of the science image.", dimensions=_IMAGE
    )
    ss_sources = Input("ss_sources", "DataFrame", "Sources that are known bodies.", dimensions=_IMAGE)
    preloaded_dia_objects = PrerequisiteInput(
        "preloaded_diaObjects",
        "DataFrame",
        "DiaObjects of the region, read before the image came.",
        dimensions=_GROUP,
        minimum=0,
    )
    preloaded_dia_sources = PrerequisiteInput(
        "preloaded_diaSources", "DataFrame", "Their DiaSources.", dimensions=_GROUP, minimum=0
    )
    preloaded_dia_forced_sources = PrerequisiteInput(
        "preloaded_diaForcedSources", "DataFrame", "Their DiaForcedSources.", dimensions=_GROUP, minimum=0
    )
    visit_quality = Input(
        "visit_quality", "StructuredDataDict", "Says whether alerts are held.", dimensions=_IMAGE
    )
    prepared_dia_sources = Output(
        "prepared_dia_sources", "DataFrame", "Rows for the APDB's DiaSource.", dimensions=_IMAGE
    )
    prepared_dia_objects = Output(
        "prepared_dia_objects", "DataFrame", "Rows for the APDB's DiaObject.", dimensions=_IMAGE
    )
    prepared_dia_forced_sources = Output(
        "prepared_dia_forced_sources", "DataFrame", "Rows for the APDB's DiaForcedSource.", dimensions=_IMAGE
    )
    prepared_alerts = Output(
        "prepared_alerts", "DataFrame", "Alert packets; none if alerts go nowhere.", dimensions=_IMAGE
    )
    prepared_association = Output(
        "prepared_association", "StructuredDataDict", "What the rows were made with.", dimensions=_IMAGE
    )

    def __init__(self, *, config: Any = None) -> None:  # noqa: ANN401 - the class is made of this one
        if not config.hold:
            del self.visit_quality


class PrepareAssociationConfig(PipelineTaskConfig, pipelineConnections=PrepareAssociationConnections):
    """Choices of `PrepareAssociationTask`."""

    apdb_config = text("URI of the APDB's configuration.")
    radius_arcsec = number("Largest distance of a source from its object, arcsec.", default=1.0, minimum=0.01)
    radius_pixels = number("The same in pixels; the larger of the two counts.", default=1.5)
    fit_radius = number("Pixels around an object that its PSF is fitted to.", default=5.0, minimum=1.5)
    hold = flag("Hold alerts beyond measureQuality's limits, which must be in the pipeline.", default=False)


class PrepareAssociationTask(PipelineTask):
    """Give each source an object, measure the known objects, write the alerts; change nothing."""

    ConfigClass = PrepareAssociationConfig
    _DefaultName = "prepareAssociation"
    config: PrepareAssociationConfig

    @override
    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        """Read, run, write."""
        if self.config.apdb_config is None:
            raise ApdbError("no APDB is configured: the pipeline parameter apdb_config is not set")
        data_id = outputRefs.prepared_association.dataId
        outputs = self.run(
            butlerQC.get(inputRefs),
            visit_facts(data_id),
            ids=ids_of(data_id),
            apdb=open_apdb(self.config.apdb_config),
            with_alerts=alerts_from_environment() is not None,
            outbox=LaidAlerts.of_image,
        )
        butlerQC.put(outputs, outputRefs)

    def run(
        self,
        inputs: dict[str, Any],
        facts: VisitFacts,
        *,
        ids: IdFactory,
        apdb: Apdb,
        with_alerts: bool,
        outbox: Callable[[int, int], LaidAlerts | None] = lambda _visit, _detector: None,
    ) -> Struct:
        """Associate the sources of one image.

        Parameters
        ----------
        inputs
            Datasets by the names of `PrepareAssociationConnections`; the
            preloaded ones and the quality may be missing.
        facts
            Of the visit.
        ids
            Gives the forced sources their ids.
        apdb
            The database, which is only read.
        with_alerts
            Whether packets are wanted.
        outbox
            Finds where they are laid down for a visit and detector, before anything is claimed.

        Returns
        -------
        outputs
            What `prompt_pipelines.tasks.associate.AssociateTask` stores and sends.

        Raises
        ------
        ApdbError
            Raised if the database cannot be read, or holds this visit and
            detector already.
        AlertError
            Raised if alerts cannot be laid down.
        """
        check_new(apdb, facts.visit, facts.detector)
        known = _preloaded(inputs)
        history = _history(apdb, region_of(inputs["difference_image"]), facts, known)
        choices = Choices(
            radius_arcsec=self.config.radius_arcsec,
            radius_pixels=self.config.radius_pixels,
            fit_radius=self.config.fit_radius,
        )
        made = prepare(inputs, facts, ids, history, choices, with_alerts=with_alerts)
        made = evolve(made, held="; ".join(inputs.get("visit_quality", {}).get("held", ())))
        laid = outbox(facts.visit, facts.detector)
        if laid is not None and made.packets:
            laid.lay(made.packets, made.ids, made.held)
            made = evolve(made, laid=laid.file.uri)
        self.metadata["preloaded"] = known is not None
        self.metadata["known_objects"] = len(history.objects)
        return Struct(**made.datasets())


def _history(apdb: Apdb, region: Region, facts: VisitFacts, known: History | None) -> History:
    time = Time(facts.midpoint, format="mjd", scale="tai")
    return load_history(apdb, region, time) if known is None else refresh_history(apdb, region, time, known)


def _preloaded(inputs: dict[str, Any]) -> History | None:
    names = ("dia_objects", "dia_sources", "dia_forced_sources")
    tables = [inputs.get(f"preloaded_{name}") for name in names]
    return None if any(table is None for table in tables) else History(*tables)
