"""Association of a visit's DiaSources with DiaObjects, into the APDB, and alerts.

This is the only task that changes anything outside its outputs.
"""

import contextlib
from typing import Any, cast, override

import numpy as np
import pandas as pd
from astropy.time import Time
from lsst.daf.butler import DimensionRecord
from lsst.dax.apdb import Apdb
from lsst.images import MaskedImage
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

from prompt_pipelines.alert_files import AlertFolder
from prompt_pipelines.alert_stream import AlertStream, alerts_from_environment
from prompt_pipelines.alerts import Pictures, make_alerts, serialize
from prompt_pipelines.apdb import (
    BANDS,
    ApdbError,
    History,
    check_new,
    load_history,
    open_apdb,
    refresh_history,
    store,
    turn_at,
)
from prompt_pipelines.arrays import Planes
from prompt_pipelines.association import ForcedPhotometry, find_object_ids, objects_on_image
from prompt_pipelines.dia_tables import VisitFacts, forced_source_rows, object_rows, source_rows
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.fields import number, text
from prompt_pipelines.ids import IdFactory
from prompt_pipelines.masks import planes_of
from prompt_pipelines.positions import image_region, pixel_scale
from prompt_pipelines.psf import PsfModel

__all__ = ["AssociateConfig", "AssociateConnections", "AssociateTask"]

_IMAGE = ("instrument", "visit", "detector")
_GROUP = ("instrument", "group", "detector")


class AssociateConnections(PipelineTaskConnections, dimensions=_IMAGE):
    """What `AssociateTask` reads and writes, beside the APDB and Kafka."""

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
    """Choices of `AssociateTask`."""

    apdb_config = text("URI of the APDB's configuration.")
    radius_arcsec = number("Largest distance of a source from its object, arcsec.", default=1.0, minimum=0.01)
    radius_pixels = number("The same in pixels; the larger of the two counts.", default=1.5)
    fit_radius = number("Pixels around an object that its PSF is fitted to.", default=5.0, minimum=1.5)


class AssociateTask(PipelineTask):
    """Give each source an object, measure the known objects, store all at once, send alerts."""

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
        visit = cast(DimensionRecord, data_id.records["visit"])
        facts = _facts(visit, data_id["detector"], data_id["band"])
        inputs = butlerQC.get(inputRefs)
        outputs = self.run(
            inputs,
            facts,
            ids=IdFactory.of_visit(visit.day_obs, visit.seq_num, visit.id, data_id["detector"]),
            apdb=open_apdb(self.config.apdb_config),
            stream=alerts_from_environment(),
            turn=turn_at(self.config.apdb_config),
        )
        butlerQC.put(outputs, outputRefs)

    def run(
        self,
        inputs: dict[str, Any],
        facts: VisitFacts,
        *,
        ids: IdFactory,
        apdb: Apdb,
        stream: AlertStream | AlertFolder | None = None,
        turn: contextlib.AbstractContextManager[None] | None = None,
    ) -> Struct:
        """Associate and store the sources of one image.

        Parameters
        ----------
        inputs
            Datasets by the names of `AssociateConnections`; the preloaded ones
            may be missing.
        facts
            Of the visit.
        ids
            Gives the forced sources their ids.
        apdb
            The database.
        stream
            Where alerts go; None: nowhere.
        turn
            Entered from reading objects to storing new ones; None: nobody else does.

        Returns
        -------
        outputs
            The rows that were stored.

        Raises
        ------
        ApdbError
            Raised if the database cannot be read or written, or holds this
            visit and detector already. Nothing is stored then.
        AlertError
            Raised if alerts could not be sent, nor laid down to be sent later.
            The database has changed by then.
        """
        image: MaskedImage = inputs["difference_image"]
        if image.sky_projection is None:
            raise UnusableImageError("the difference image has no sky projection")
        with turn or contextlib.nullcontext():
            check_new(apdb, facts.visit, facts.detector)
            time = Time(facts.midpoint, format="mjd", scale="tai")
            history = _history(apdb, image, time, inputs)
            sources = self._sources(inputs, history, facts)
            shape = (image.bbox.y.size, image.bbox.x.size)
            places = objects_on_image(history.objects, sources, image.sky_projection, shape)
            fluxes = self._photometry(inputs).at(places.x, places.y)
            forced = forced_source_rows(ids.make(len(places.x)), places.rows, *fluxes, facts)
            objects = object_rows(history, sources, forced)
            packets: list[bytes] = []
            if stream is not None:
                alerts = make_alerts(sources, objects, history, forced, _pictures(inputs))
                # Before anything changes: an alert that cannot be written must not come after.
                packets = [serialize(alert) for alert in alerts]
            store(apdb, time, History(objects, sources, forced))
        sent = stream.send(packets) if stream is not None and packets else 0
        self.metadata["preloaded"] = _preloaded(inputs) is not None
        self._note(History(objects, sources, forced), history, sent)
        self.metadata["alerts_waiting"] = len(packets) - sent
        return Struct(dia_source_apdb=sources, dia_object_apdb=objects, dia_forced_source_apdb=forced)

    def _sources(self, inputs: dict[str, Any], history: History, facts: VisitFacts) -> pd.DataFrame:
        image = inputs["difference_image"]
        accepted = inputs["dia_sources"]
        accepted = accepted[~np.asarray(accepted["flag_rejected"])]
        scale = pixel_scale(image.sky_projection, image.bbox)
        radius = max(self.config.radius_arcsec, self.config.radius_pixels * scale)
        object_ids = find_object_ids(accepted, history.objects, radius)
        x, y = (np.asarray(accepted[name], dtype=float) for name in ("x", "y"))
        _, science = self._photometry(inputs).at(x, y)
        return source_rows(accepted, object_ids, science, scale, facts)

    def _photometry(self, inputs: dict[str, Any]) -> ForcedPhotometry:
        science = planes_of(inputs["preliminary_visit_image"])
        factor = np.float32(inputs["visit_calibration"]["nanojansky_per_electron"])
        return ForcedPhotometry(
            planes_of(inputs["difference_image"], ("NO_DATA",)),
            PsfModel(inputs["difference_psf"].array, 0),
            Planes(science.pixels * factor, science.variance * factor**2, science.unusable),
            PsfModel(inputs["preliminary_visit_psf"].array, 0),
            self.config.fit_radius,
        )

    def _note(self, stored: History, before: History, alerts: int) -> None:
        known = (
            stored.objects["diaObjectId"].isin(before.objects["diaObjectId"]) if len(stored.objects) else []
        )
        updated = int(np.count_nonzero(known))
        self.metadata["dia_sources"] = len(stored.sources)
        self.metadata["new_objects"] = len(stored.objects) - updated
        self.metadata["updated_objects"] = updated
        self.metadata["forced_sources"] = len(stored.forced_sources)
        self.metadata["alerts"] = alerts


def _facts(visit: DimensionRecord, detector: int, band: str) -> VisitFacts:
    if band not in BANDS:
        raise UnusableImageError(f"the APDB has no columns for the band {band}, only for {', '.join(BANDS)}")
    span = visit.timespan
    return VisitFacts(
        visit=visit.id,
        detector=detector,
        band=band,
        exposure_time=float(visit.exposure_time),
        midpoint=float((span.begin + (span.end - span.begin) / 2.0).tai.mjd),
        processed=float(Time.now().tai.mjd),
    )


def _history(apdb: Apdb, image: MaskedImage, time: Time, inputs: dict[str, Any]) -> History:
    region = image_region(cast(Any, image.sky_projection), image.bbox)
    known = _preloaded(inputs)
    if known is None:
        return load_history(apdb, region, time)
    return refresh_history(apdb, region, time, known)


def _preloaded(inputs: dict[str, Any]) -> History | None:
    names = ("dia_objects", "dia_sources", "dia_forced_sources")
    tables = [inputs.get(f"preloaded_{name}") for name in names]
    return None if any(table is None for table in tables) else History(*tables)


def _pictures(inputs: dict[str, Any]) -> Pictures:
    factor = np.float32(inputs["visit_calibration"]["nanojansky_per_electron"])
    return Pictures(
        inputs["preliminary_visit_image"].image.array * factor,
        inputs["template_detector"].array,
        inputs["difference_image"].image.array,
    )
