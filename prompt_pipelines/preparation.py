"""What an image adds to the APDB, and its alerts, made by reading alone."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Self, cast

import numpy as np
import pandas as pd
from astropy.table import Table
from astropy.time import Time
from attrs import asdict, frozen
from lsst.daf.butler import DataCoordinate, DimensionRecord
from lsst.images import MaskedImage
from lsst.sphgeom import Region

from prompt_pipelines.alerts import Pictures, make_alerts, serialize
from prompt_pipelines.apdb import BANDS, History
from prompt_pipelines.arrays import Planes
from prompt_pipelines.association import ForcedPhotometry, find_object_ids, objects_on_image
from prompt_pipelines.dia_tables import VisitFacts, forced_source_rows, object_rows, source_rows
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.ids import IdFactory
from prompt_pipelines.masks import planes_of
from prompt_pipelines.positions import image_region, pixel_scale
from prompt_pipelines.psf import PsfModel

__all__ = ["Choices", "Preparation", "fingerprint", "ids_of", "prepare", "region_of", "visit_facts"]


@frozen(kw_only=True)
class Choices:
    """How sources are given objects, and objects are measured."""

    radius_arcsec: float
    """Largest distance of a source from its object, arcsec."""
    radius_pixels: float
    """The same in pixels; the larger of the two counts."""
    fit_radius: float
    """Pixels around an object that its PSF is fitted to."""


@frozen(eq=False)
class Preparation:
    """Rows and packets, ready to be stored and sent."""

    rows: History
    packets: Sequence[bytes]
    """One for each source, or none if alerts go nowhere."""
    region: Region
    """Of the image."""
    known: str
    """`fingerprint` of the region's objects that the rows were made with."""
    choices: Choices
    laid: str = ""
    """URI of the file of the outbox that the packets are in; blank: of none."""
    held: str = ""
    """Why a person is to decide over the packets before they are sent; blank if none is."""

    @property
    def ids(self) -> list[int]:
        """Of the packets' sources."""
        return [int(one) for one in self.rows.sources["diaSourceId"]] if len(self.packets) else []

    @classmethod
    def of_datasets(cls, datasets: Mapping[str, Any]) -> Self:
        """Put together what `datasets` gave."""
        tables = ("prepared_dia_objects", "prepared_dia_sources", "prepared_dia_forced_sources")
        made_with = datasets["prepared_association"]
        return cls(
            History(*(datasets[name] for name in tables)),
            list(datasets["prepared_alerts"]["packet"]),
            Region.decode(bytes.fromhex(made_with["region"])),
            made_with["known_objects"],
            Choices(**made_with["choices"]),
            made_with["laid"],
            made_with.get("held", ""),
        )

    def datasets(self) -> dict[str, Any]:
        """Take it apart into datasets of stock storage classes, by their names."""
        return {
            "prepared_dia_sources": self.rows.sources,
            "prepared_dia_objects": self.rows.objects,
            "prepared_dia_forced_sources": self.rows.forced_sources,
            "prepared_alerts": pd.DataFrame({"packet": pd.Series(self.packets, dtype=object)}),
            "prepared_association": {
                "region": self.region.encode().hex(),
                "known_objects": self.known,
                "choices": asdict(self.choices),
                "laid": self.laid,
                "held": self.held,
            },
        }


def prepare(
    inputs: Mapping[str, Any],
    facts: VisitFacts,
    ids: IdFactory,
    history: History,
    choices: Choices,
    *,
    with_alerts: bool,
) -> Preparation:
    """Associate the sources of one image, and measure the objects on it.

    Parameters
    ----------
    inputs
        The image's datasets, by the names of
        `prompt_pipelines.tasks.prepare_association.PrepareAssociationConnections`.
    facts
        Of the visit.
    ids
        Gives the forced sources their ids.
    history
        What the APDB holds of the region.
    choices
        Of the task.
    with_alerts
        Whether packets are wanted.
    """
    image: MaskedImage = inputs["difference_image"]
    photometry = _photometry(inputs, choices.fit_radius)
    sources = _sources(inputs, history, photometry, choices, facts)
    # A known body is an object of the Solar System, and of no place on the sky.
    standing = sources[sources["diaObjectId"].notna()].astype({"diaObjectId": "int64"})
    shape = (image.bbox.y.size, image.bbox.x.size)
    places = objects_on_image(history.objects, standing, cast(Any, image.sky_projection), shape)
    fluxes = photometry.at(places.x, places.y)
    forced = forced_source_rows(ids.make(len(places.x)), places.rows, *fluxes, facts)
    objects = object_rows(history, standing, forced)
    packets: list[bytes] = []
    if with_alerts:
        packets = [
            serialize(one)
            for one in make_alerts(
                sources, objects, history, forced, _pictures(inputs), bodies=inputs.get("ss_sources")
            )
        ]
    rows = History(objects, sources, forced)
    return Preparation(rows, packets, region_of(image), fingerprint(history.objects), choices)


def region_of(image: MaskedImage) -> Region:
    """Make the region of the sky whose objects matter to an image.

    Raises
    ------
    UnusableImageError
        Raised if it has no sky projection.
    """
    if image.sky_projection is None:
        raise UnusableImageError("the difference image has no sky projection")
    return image_region(image.sky_projection, image.bbox)


def fingerprint(objects: pd.DataFrame) -> str:
    """Make a text that differs if objects, or the numbers of their sources, do."""
    pairs = np.column_stack([objects["diaObjectId"], objects["nDiaSources"]]).astype("<i8")
    return hashlib.sha256(pairs[np.argsort(pairs[:, 0])].tobytes()).hexdigest()


def visit_facts(data_id: DataCoordinate) -> VisitFacts:
    """Collect what the rows of a visit and detector share.

    Raises
    ------
    UnusableImageError
        Raised if the APDB has no columns for the band.
    """
    band = cast(str, data_id["band"])
    if band not in BANDS:
        raise UnusableImageError(f"the APDB has no columns for the band {band}, only for {', '.join(BANDS)}")
    visit = _visit(data_id)
    span = visit.timespan
    return VisitFacts(
        visit=visit.id,
        detector=cast(int, data_id["detector"]),
        band=band,
        exposure_time=float(visit.exposure_time),
        midpoint=float((span.begin + (span.end - span.begin) / 2.0).tai.mjd),
        processed=float(Time.now().tai.mjd),
    )


def ids_of(data_id: DataCoordinate) -> IdFactory:
    """Make what gives sources of a visit and detector their ids."""
    visit = _visit(data_id)
    return IdFactory.of_visit(visit.day_obs, visit.seq_num, visit.id, cast(int, data_id["detector"]))


def _visit(data_id: DataCoordinate) -> DimensionRecord:
    return cast(DimensionRecord, data_id.records["visit"])


def _sources(
    inputs: Mapping[str, Any],
    history: History,
    photometry: ForcedPhotometry,
    choices: Choices,
    facts: VisitFacts,
) -> pd.DataFrame:
    image, everything = inputs["difference_image"], inputs["dia_sources"]
    accepted: Table = everything[~np.asarray(everything["flag_rejected"])]
    scale = pixel_scale(image.sky_projection, image.bbox)
    radius = max(choices.radius_arcsec, choices.radius_pixels * scale)
    bodies = inputs.get("ss_sources")
    ids = np.asarray(accepted["id"])
    moving = np.isin(ids, [] if bodies is None else bodies["diaSourceId"].to_numpy(np.int64))
    object_ids = np.zeros(len(accepted), dtype=np.int64)
    object_ids[~moving] = find_object_ids(accepted[~moving], history.objects, radius)
    x, y = (np.asarray(accepted[name], dtype=float) for name in ("x", "y"))
    _, science = photometry.at(x, y)
    rows = source_rows(accepted, object_ids, science, scale, facts)
    if bodies is not None and moving.any():
        # Nullable before the sources that are none: in floats a long designation loses its last letter.
        numbers = bodies.set_index("diaSourceId")["ssObjectId"].astype("Int64")
        rows["ssObjectId"] = rows["diaSourceId"].map(numbers)
        rows["diaObjectId"] = rows["diaObjectId"].astype("Int64").mask(moving)
    return rows


def _photometry(inputs: Mapping[str, Any], radius: float) -> ForcedPhotometry:
    science = planes_of(inputs["preliminary_visit_image"])
    factor = np.float32(inputs["visit_calibration"]["nanojansky_per_electron"])
    return ForcedPhotometry(
        planes_of(inputs["difference_image"], ("NO_DATA",)),
        PsfModel(inputs["difference_psf"].array, 0),
        Planes(science.pixels * factor, science.variance * factor**2, science.unusable),
        PsfModel(inputs["preliminary_visit_psf"].array, 0),
        radius,
    )


def _pictures(inputs: Mapping[str, Any]) -> Pictures:
    factor = np.float32(inputs["visit_calibration"]["nanojansky_per_electron"])
    return Pictures(
        inputs["preliminary_visit_image"].image.array * factor,
        inputs["template_detector"].array,
        inputs["difference_image"].image.array,
    )
