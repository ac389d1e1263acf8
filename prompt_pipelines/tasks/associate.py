"""Storing what association has made in the APDB, and sending its alerts.

This is the only task that changes anything outside its outputs.
"""

import contextlib
from collections.abc import Callable
from typing import override

import numpy as np
import pandas as pd
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
from lsst.pipe.base.connectionTypes import Input, Output

from prompt_pipelines.alert_files import AlertFolder
from prompt_pipelines.alert_outbox import LaidAlerts
from prompt_pipelines.alert_stream import AlertStream, alerts_from_environment
from prompt_pipelines.apdb import (
    ApdbError,
    History,
    check_new,
    load_history,
    load_objects,
    open_apdb,
    store,
    turn_at,
)
from prompt_pipelines.dia_tables import VisitFacts
from prompt_pipelines.fields import text
from prompt_pipelines.preparation import Preparation, fingerprint, ids_of, prepare, visit_facts

__all__ = ["AssociateConfig", "AssociateConnections", "AssociateTask"]

_IMAGE = ("instrument", "visit", "detector")
_AGAIN = (
    "dia_sources",
    "difference_image",
    "difference_psf",
    "preliminary_visit_image",
    "preliminary_visit_psf",
    "template_detector",
    "visit_calibration",
    "ss_sources",
)
"""What is read only if somebody else has changed the region's objects since the rows were made."""


class AssociateConnections(PipelineTaskConnections, dimensions=_IMAGE):
    """What `AssociateTask` reads and writes, beside the APDB and Kafka."""

    prepared_dia_sources = Input(
        "prepared_dia_sources", "DataFrame", "Rows for the APDB's DiaSource.", dimensions=_IMAGE
    )
    prepared_dia_objects = Input(
        "prepared_dia_objects", "DataFrame", "Rows for the APDB's DiaObject.", dimensions=_IMAGE
    )
    prepared_dia_forced_sources = Input(
        "prepared_dia_forced_sources", "DataFrame", "Rows for the APDB's DiaForcedSource.", dimensions=_IMAGE
    )
    prepared_alerts = Input("prepared_alerts", "DataFrame", "Alert packets.", dimensions=_IMAGE)
    prepared_association = Input(
        "prepared_association", "StructuredDataDict", "What the rows were made with.", dimensions=_IMAGE
    )
    dia_sources = Input(
        "dia_sources", "ArrowAstropy", "Sources of the difference image.", dimensions=_IMAGE, deferLoad=True
    )
    difference_image = Input(
        "difference_image", "MaskedImageV2", "Science minus template, nJy.", dimensions=_IMAGE, deferLoad=True
    )
    difference_psf = Input("difference_psf", "ImageV2", "Its PSF.", dimensions=_IMAGE, deferLoad=True)
    preliminary_visit_image = Input(
        "preliminary_visit_image",
        "MaskedImageV2",
        "Science image, electrons.",
        dimensions=_IMAGE,
        deferLoad=True,
    )
    preliminary_visit_psf = Input(
        "preliminary_visit_psf", "ImageV2", "Its PSF.", dimensions=_IMAGE, deferLoad=True
    )
    template_detector = Input(
        "template_detector", "ImageV2", "Template on the same pixels, nJy.", dimensions=_IMAGE, deferLoad=True
    )
    visit_calibration = Input(
        "visit_calibration",
        "StructuredDataDict",
        "Scale of the science image.",
        dimensions=_IMAGE,
        deferLoad=True,
    )
    ss_sources = Input(
        "ss_sources", "DataFrame", "Sources that are known bodies.", dimensions=_IMAGE, deferLoad=True
    )
    dia_source_apdb = Output(
        "dia_source_apdb", "DataFrame", "Rows added to the APDB's DiaSource.", dimensions=_IMAGE
    )
    dia_object_apdb = Output(
        "dia_object_apdb", "DataFrame", "Rows added to the APDB's DiaObject.", dimensions=_IMAGE
    )
    dia_forced_source_apdb = Output(
        "dia_forced_source_apdb", "DataFrame", "Rows added to the APDB's DiaForcedSource.", dimensions=_IMAGE
    )


class AssociateConfig(PipelineTaskConfig, pipelineConnections=AssociateConnections):
    """Choices of `AssociateTask`; how sources are associated is chosen in the task before it."""

    apdb_config = text("URI of the APDB's configuration.")


class AssociateTask(PipelineTask):
    """Store all rows at once, then send the alerts, unless they are held."""

    ConfigClass = AssociateConfig
    _DefaultName = "associate"
    config: AssociateConfig

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
        data_id = outputRefs.dia_source_apdb.dataId
        facts = visit_facts(data_id)
        inputs = butlerQC.get(inputRefs)
        apdb, stream = open_apdb(self.config.apdb_config), alerts_from_environment()

        prepared = Preparation.of_datasets(inputs)

        def prepare_again(history: History) -> Preparation:
            datasets = {name: inputs[name].get() for name in _AGAIN}
            ids, with_alerts = ids_of(data_id), stream is not None
            return prepare(datasets, facts, ids, history, prepared.choices, with_alerts=with_alerts)

        outputs = self.run(
            prepared,
            facts,
            prepare_again,
            apdb=apdb,
            stream=stream,
            turn=turn_at(self.config.apdb_config),
            laid=LaidAlerts.of_image(facts.visit, facts.detector),
        )
        butlerQC.put(outputs, outputRefs)

    def run(
        self,
        prepared: Preparation,
        facts: VisitFacts,
        prepare_again: Callable[[History], Preparation],
        *,
        apdb: Apdb,
        stream: AlertStream | AlertFolder | None = None,
        turn: contextlib.AbstractContextManager[None] | None = None,
        laid: LaidAlerts | None = None,
    ) -> Struct:
        """Store the sources of one image.

        Parameters
        ----------
        prepared
            Rows and packets.
        facts
            Of the visit.
        prepare_again
            Makes them anew from what the APDB holds by now. Called if the
            region's objects are not those that they were made with: another
            image has been stored since.
        apdb
            The database.
        stream
            Where alerts go; None: nowhere.
        turn
            Entered from reading objects to storing new ones; None: nobody else does.
        laid
            Where alerts lie until they are sent, from before anything is stored; None: nowhere.

        Returns
        -------
        outputs
            The rows that were stored.

        Raises
        ------
        ApdbError
            Raised if the database cannot be read or written, or holds this
            visit and detector already.
        AlertError
            Raised if alerts could not be sent, nor laid down to be sent later.
        """
        with turn or contextlib.nullcontext():
            check_new(apdb, facts.visit, facts.detector)
            time = Time(facts.midpoint, format="mjd", scale="tai")
            before = load_objects(apdb, prepared.region)
            is_old = fingerprint(before) != prepared.known
            if is_old:
                again = prepare_again(load_history(apdb, prepared.region, time))
                prepared = evolve(again, held=prepared.held)
            packets = prepared.packets
            if laid is not None and packets and prepared.laid != laid.file.uri:
                laid.lay(packets, prepared.ids, prepared.held)
            store(apdb, time, prepared.rows)
        kept = laid.file if laid is not None else None
        sent = stream.send(packets, kept) if stream is not None and not prepared.held else 0
        if prepared.held and packets:
            place = "prepared_alerts" if kept is None else kept.uri
            self.log.warning("%d alerts are held in %s: %s", len(packets), place, prepared.held)
        self.metadata["prepared_again"] = is_old
        self._note(prepared.rows, before, sent)
        self.metadata["alerts_waiting"] = len(packets) - sent
        return Struct(
            dia_source_apdb=prepared.rows.sources,
            dia_object_apdb=prepared.rows.objects,
            dia_forced_source_apdb=prepared.rows.forced_sources,
        )

    def _note(self, stored: History, before: pd.DataFrame, alerts: int) -> None:
        known = stored.objects["diaObjectId"].isin(before["diaObjectId"]) if len(stored.objects) else []
        updated = int(np.count_nonzero(known))
        self.metadata["dia_sources"] = len(stored.sources)
        self.metadata["new_objects"] = len(stored.objects) - updated
        self.metadata["updated_objects"] = updated
        self.metadata["forced_sources"] = len(stored.forced_sources)
        self.metadata["alerts"] = alerts
