"""The API's tables of what is new: findings, tracklets and their sightings, forced photometry."""

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from adapters.console.api.sources import SOURCES, source_row
from adapters.console.api.tables import Asked, Column, Parameter
from application.console.news import News
from domain.movers.tracklet import Tracklet
from ports.source_archive import SourceArchive

__all__ = ["FINDINGS", "FORCED", "OF_OBJECT", "OF_TRACKLET", "SIGHTINGS", "TRACKLETS", "NewsTables"]

OF_OBJECT: Final = Parameter("object", "integer", "the DiaObject", is_required=True)
OF_TRACKLET: Final = Parameter("tracklet", "integer", "its first DiaSource", is_required=True)

_PLACE: Final = (
    Column("ra", "number", "degrees ICRS; of what moves in the middle of its arc"),
    Column("dec", "number", "degrees ICRS"),
)

FINDINGS: Final = (
    Column("rank", "integer", "from 1, the most telling"),
    Column("label", "string", "moves, variable, new, likely artefact, known body"),
    Column("reasons", "string", "why"),
    *_PLACE,
    Column("sightings", "integer", "DiaSources"),
    Column("snr", "number", "of the strongest"),
    Column("score", "number", "by which it is ranked: of all sightings together, less if in doubt"),
    Column("object_id_str", "string", "the DiaObject; blank of what moves"),
    Column("tracklet_str", "string", "its first DiaSource; blank of what does not move"),
    Column("strongest_str", "string", "the DiaSource with the highest signal to noise"),
    Column("body", "string", "designation of a known body; blank of anything else"),
)

TRACKLETS: Final = (
    Column("tracklet_str", "string", "its first DiaSource"),
    Column("sightings", "integer", "DiaSources"),
    Column("mjd", "number", "middle of the arc, days TAI"),
    *_PLACE,
    Column("arc", "number", "minutes from the first sighting to the last"),
    Column("rate", "number", "arcseconds a minute"),
    Column("position_angle", "number", "degrees from north through east"),
    Column("magnitude", "number", "AB, mean"),
    Column("rms", "number", "of the residuals, arcseconds"),
    Column("chi_squared", "number", "for each degree of freedom"),
)

SIGHTINGS: Final = (
    *SOURCES,
    Column("residual_east", "number", "off the even motion, arcseconds"),
    Column("residual_north", "number", "off the even motion, arcseconds"),
)

FORCED: Final = (
    Column("object_id_str", "string", "the DiaObject"),
    Column("visit", "integer", "the exposure"),
    Column("detector", "integer", "its number"),
    Column("band", "string", "of the filter"),
    Column("mjd", "number", "midpoint of the exposure, days TAI"),
    Column("flux", "number", "of the difference, nJy"),
    Column("flux_err", "number", "nJy"),
    Column("science_flux", "number", "in the calibrated image, nJy"),
    Column("science_flux_err", "number", "nJy"),
)

_Rows = Iterable[Mapping[str, object]]


class NewsTables:
    """Rows about what is new."""

    def __init__(self, news: News, archive: SourceArchive) -> None:
        self._news = news
        self._archive = archive

    async def findings(self, given: Asked) -> _Rows:
        """List all that was seen, judged."""
        found, offset = (await self._news.read()).findings, given.integer("offset")
        return [
            {
                "rank": rank,
                "label": str(one.label),
                "reasons": "; ".join(one.reasons),
                "ra": one.position[0],
                "dec": one.position[1],
                "sightings": len(one.sightings),
                "snr": one.strongest.snr,
                "score": one.score,
                "object_id_str": str(one.object_id or ""),
                "tracklet_str": str(one.tracklet.identifier) if one.tracklet else "",
                "strongest_str": str(one.strongest.source_id),
                "body": one.body,
            }
            for rank, one in enumerate(found, 1)
        ][offset : offset + given.integer("limit", 1000)]

    async def tracklets(self, _given: Asked) -> _Rows:
        """List what moves."""
        return [_row(one.tracklet) for one in (await self._news.read()).findings if one.tracklet]

    async def sightings(self, given: Asked) -> _Rows:
        """List the sightings of a tracklet."""
        tracklet = (await self._news.read()).tracklet(given.integer("tracklet"))
        return [
            {**source_row(one), "residual_east": off.east, "residual_north": off.north}
            for one, off in zip(tracklet.sightings, tracklet.residuals, strict=True)
        ]

    async def forced(self, given: Asked) -> _Rows:
        """List forced photometry of an object."""
        found = await self._archive.forced(given.integer("object"))
        return [{**attrs.asdict(one), "object_id_str": str(one.object_id)} for one in found]


def _row(tracklet: Tracklet) -> Mapping[str, object]:
    names = ("mjd", "ra", "dec", "arc", "rate", "position_angle", "magnitude", "rms", "chi_squared")
    return {
        "tracklet_str": str(tracklet.identifier),
        "sightings": len(tracklet.sightings),
        **{name: getattr(tracklet, name) for name in names},
    }
