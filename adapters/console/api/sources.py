"""The API's tables of what was found: DiaSources, objects, images."""

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from adapters.console.api.tables import Asked, Column, Parameter
from adapters.console.view.sightings import utc_of
from domain.results.images import KeptImage
from domain.results.sources import DiaSource, ObjectOrder, SourceOrder, SourceQuery
from domain.times import utc_isoformat
from ports.image_archive import ImageArchive
from ports.source_archive import SourceArchive

__all__ = [
    "IMAGES",
    "OBJECTS",
    "OBJECT_SORT",
    "QUERY",
    "SOURCES",
    "SOURCE_SORT",
    "ImageTables",
    "SourceTables",
    "source_query",
    "source_row",
]

QUERY: Final = (
    Parameter("visit", "integer", "the exposure, which is a visit to the Butler"),
    Parameter("detector", "integer", "number of the detector", largest=10_000),
    Parameter("object", "integer", "the DiaObject"),
    Parameter("band", "string", "the band"),
    Parameter("snr", "number", "least signal to noise"),
    Parameter("since", "number", "not before, days MJD TAI", is_signed=True),
    Parameter("until", "number", "not after, days MJD TAI", is_signed=True),
)
"""Which DiaSources are meant."""

SOURCE_SORT: Final = Parameter(
    "sort", "string", "time, or the highest snr or the greatest flux first", choices=tuple(SourceOrder)
)
OBJECT_SORT: Final = Parameter(
    "sort",
    "string",
    "most sightings first, those seen once by their snr, the highest snr, or the last first",
    choices=tuple(ObjectOrder),
)

SOURCES: Final = (
    Column("source_id", "integer", "of the DiaSource"),
    Column("object_id", "integer", "of its DiaObject; 0 of a known body of the Solar System"),
    Column("source_id_str", "string", "the same as text: more digits than JavaScript's numbers hold"),
    Column("object_id_str", "string", "the same as text"),
    Column("utc", "string", "midpoint of the exposure"),
    Column("visit", "integer", "the exposure"),
    Column("detector", "integer", "its number"),
    Column("band", "string", "of the filter"),
    Column("mjd", "number", "midpoint of the exposure, days TAI"),
    Column("ra", "number", "degrees ICRS"),
    Column("dec", "number", "degrees ICRS"),
    Column("x", "number", "pixels from 0"),
    Column("y", "number", "pixels from 0, upwards"),
    Column(
        "snr",
        "number",
        "of the detection, by the peak of the filtered difference; not flux by flux_err",
    ),
    Column("flux", "number", "of the difference, nJy"),
    Column("flux_err", "number", "nJy"),
    Column("science_flux", "number", "in the calibrated image, nJy"),
    Column("template_flux", "number", "of the template at its place, nJy"),
    Column("ra_err", "number", "degrees on the sky"),
    Column("dec_err", "number", "degrees"),
    Column("reliability", "number", "from 0, an artefact, to 1"),
)

OBJECTS: Final = (
    Column("object_id", "integer", "of the DiaObject"),
    Column("object_id_str", "string", "the same as text: more digits than JavaScript's numbers hold"),
    Column("sightings", "integer", "among the DiaSources that were asked for"),
    Column("ra", "number", "degrees ICRS, mean"),
    Column("dec", "number", "degrees ICRS, mean"),
    Column("first", "number", "days MJD TAI"),
    Column("last", "number", "days MJD TAI"),
    Column("faintest", "number", "least flux of the differences, nJy"),
    Column("brightest", "number", "greatest flux of the differences, nJy"),
    Column("range_mag", "number", "of the flux in the calibrated images, magnitudes"),
    Column("strongest", "integer", "the DiaSource with the highest signal to noise"),
    Column("strongest_str", "string", "the same as text"),
)

IMAGES: Final = (
    Column("group", "string", "the visit"),
    Column("visit", "integer", "the exposure"),
    Column("detector", "integer", "its number"),
    Column("kind", "string", "raw, isr, calibrated, template or difference"),
)

_Rows = Iterable[Mapping[str, object]]


class SourceTables:
    """Rows about sources."""

    def __init__(self, archive: SourceArchive) -> None:
        self._archive = archive

    async def sources(self, given: Asked) -> _Rows:
        """List DiaSources."""
        found = await self._archive.sources(
            source_query(given),
            given.integer("limit", 1000),
            given.integer("offset"),
            SourceOrder(given.text("sort") or SourceOrder.TIME),
        )
        return map(source_row, found)

    async def objects(self, given: Asked) -> _Rows:
        """Sum up DiaObjects."""
        found = await self._archive.objects(
            source_query(given),
            given.integer("limit", 1000),
            given.integer("offset"),
            ObjectOrder(given.text("sort") or ObjectOrder.SIGHTINGS),
        )
        return [_as_text(attrs.asdict(one)) for one in found]


class ImageTables:
    """Rows about images."""

    def __init__(self, archive: ImageArchive) -> None:
        self._archive = archive

    async def images(self, given: Asked) -> _Rows:
        """List images of a visit."""
        found = await self._archive.images(given.text("group"), given.optional("detector"))
        return map(_image_row, found)


def source_query(given: Asked) -> SourceQuery:
    """Read which DiaSources are meant."""
    conditions = {
        "visit": given.optional("visit"),
        "detector": given.optional("detector"),
        "object_id": given.optional("object"),
        "band": given.optional("band"),
        "snr_at_least": given.optional("snr"),
        "since": given.optional("since"),
        "until": given.optional("until"),
    }
    return SourceQuery(**{name: value for name, value in conditions.items() if value is not None})


def source_row(source: DiaSource) -> Mapping[str, object]:
    """Give the cells of a DiaSource."""
    return _as_text(attrs.asdict(source)) | {"utc": utc_isoformat(utc_of(source))}


def _as_text(row: Mapping[str, object]) -> dict[str, object]:
    identifiers = ("source_id", "object_id", "strongest")
    return {**row, **{f"{name}_str": str(row[name]) for name in identifiers if name in row}}


def _image_row(image: KeptImage) -> Mapping[str, object]:
    return {"group": image.group, "visit": image.visit, "detector": image.detector, "kind": str(image.kind)}
