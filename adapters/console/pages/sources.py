"""What was found in the differences: DiaSources, one by one and by object."""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from adapters.console.api.sources import OBJECT_SORT, QUERY, SOURCE_SORT, source_query
from adapters.console.api.tables import asked
from adapters.console.night import ConsoleNight
from adapters.console.rendering import Renderer
from adapters.console.view.asking import page_of
from adapters.console.view.chart import path_on
from adapters.console.view.forced import forced_rows
from adapters.console.view.sightings import TRIPLET, Sightings
from application.console.news import News, NightNews
from domain.evidence import Finding
from domain.results.sources import DiaSource, ObjectOrder, ObjectSummary, SourceOrder, SourceQuery
from ports.source_archive import NoSuchSourceError, SourceArchive

__all__ = ["SourcePages"]

_ROWS: Final = 50
_NEWS: Final = 15
"""Shown of what is new, beside all that moves."""
_MOST: Final = 1000
"""The same where all of it is asked for; the API has the rest."""
_SIGHTINGS: Final = 2000
"""Of one object, at most."""


class SourcePages:
    """Shows sources and objects.

    Parameters
    ----------
    night
        What is looked at.
    renderer
        Fills the templates.
    sightings
        Finds the visits of sources.
    news
        Judges them; None without sources.
    """

    def __init__(
        self, night: ConsoleNight, renderer: Renderer, sightings: Sightings, news: News | None
    ) -> None:
        self._news = news
        self._night = night
        self._renderer = renderer
        self._sightings = sightings

    async def sources(self, request: Request) -> HTMLResponse:
        """List DiaSources."""
        archive = self._archive()
        try:
            given = asked(self._given(request), (*QUERY, SOURCE_SORT))
        except HTTPException as error:
            return self._refused("sources.html", request, error, count=0, order=SourceOrder.TIME)
        query, order = source_query(given), SourceOrder(given.text("sort") or SourceOrder.TIME)
        count, page = await archive.count(query), page_of(request)
        found = await archive.sources(query, _ROWS, page * _ROWS, order)
        rows = self._sightings.of(found)
        judged = await self._judged()
        return self._page(
            "sources.html",
            request,
            page=page,
            count=count,
            rows=rows,
            order=order,
            judged=judged,
            asked=_asked(self._given(request)),
        )

    async def source(self, request: Request) -> HTMLResponse:
        """Show one DiaSource."""
        archive = self._archive()
        found = await archive.source(_identifier(request))
        [sighting] = self._sightings.of([found])
        object_ = await self._object(archive, found.object_id) if found.object_id else None
        judged = await self._judged()
        finding = None if judged is None else judged.of_source.get(found.source_id)
        return self._page("source.html", request, one=sighting, object=object_, finding=finding)

    async def objects(self, request: Request) -> HTMLResponse:
        """List DiaObjects."""
        archive = self._archive()
        try:
            given = asked(self._given(request), (*QUERY, OBJECT_SORT))
        except HTTPException as error:
            order = ObjectOrder.SIGHTINGS
            return self._refused("objects.html", request, error, has_more=False, order=order, news=None)
        query, order = source_query(given), ObjectOrder(given.text("sort") or ObjectOrder.SIGHTINGS)
        page = page_of(request)
        # One more tells whether there is another page.
        found = await archive.objects(query, _ROWS + 1, page * _ROWS, order)
        strongest = [await archive.source(one.strongest) for one in found[:_ROWS]]
        rows = list(zip(found, self._sightings.of(strongest), strict=False))
        has_more = len(found) > _ROWS
        # Of all objects of the night, not of those of a filter.
        judged = await self._judged()
        most = _MOST if request.query_params.get("news") == "all" else _NEWS
        news = None if judged is None or given.values or page else self._first_news(judged, most)
        return self._page(
            "objects.html",
            request,
            page=page,
            rows=rows,
            has_more=has_more,
            order=order,
            news=news,
            judged=judged,
            asked=_asked(self._given(request)),
        )

    async def _judged(self) -> NightNews | None:
        return None if self._news is None else await self._news.read()

    def _first_news(self, found: NightNews, most: int) -> Mapping[str, Any]:
        first = [one for number, one in enumerate(found.findings) if number < most or one.tracklet]
        strongest = self._sightings.of([one.strongest for one in first])
        return {"rows": list(zip(first, strongest, strict=True)), "of": found}

    async def tracklet(self, request: Request) -> HTMLResponse:
        """Show what moves: its path, light curve and residuals, and the cutouts of each sighting."""
        archive = self._archive()
        if self._news is None:
            raise NoSuchSourceError("nothing was judged of this night")
        found = (await self._news.read()).tracklet(_identifier(request))
        middle = found.sightings[len(found.sightings) // 2]
        others = await archive.sources(SourceQuery(visit=middle.visit, detector=middle.detector), _SIGHTINGS)
        rows = self._sightings.of(found.sightings)
        return self._page(
            "tracklet.html",
            request,
            tracklet=found,
            rows=rows,
            residuals=list(zip(rows, found.residuals, strict=True)),
            middle=rows[len(rows) // 2],
            path=path_on(found, middle, others),
        )

    async def object(self, request: Request) -> HTMLResponse:
        """Show one DiaObject: its light curve, and the cutouts behind each point."""
        archive, identifier = self._archive(), _identifier(request)
        found = await archive.sources(SourceQuery(object_id=identifier), _SIGHTINGS)
        if not found:
            raise NoSuchSourceError(f"there is no DiaObject {identifier}")
        judged, object_ = await self._judged(), await self._object(archive, identifier)
        place = (found[0].ra, found[0].dec) if object_ is None else (object_.ra, object_.dec)
        forced = await archive.forced(identifier)
        return self._page(
            "object.html",
            request,
            object=object_,
            rows=self._sightings.of(found),
            strongest=self._sightings.of([max(found, key=lambda one: (one.snr, -one.source_id))])[0],
            forced=forced_rows(forced, found, place, self._sightings, judged),
            has_forced=bool(forced),
            findings=_findings(judged, found),
            judged=judged,
            identifier=identifier,
            alerts=[]
            if self._night.alerts is None
            else await self._night.alerts.alerts(object_id=identifier),
        )

    def _refused(
        self,
        template: str,
        request: Request,
        error: HTTPException,
        **values: Any,  # noqa: ANN401 - of a template
    ) -> HTMLResponse:
        """Show an empty list and its form, with what is wrong in it."""
        page = self._page(template, request, page=0, rows=[], fault=error.detail, **values)
        page.status_code = error.status_code
        return page

    def _given(self, request: Request) -> Mapping[str, str]:
        """Give what an address asks for, with the exposure of a visit in place of its group."""
        given = dict(request.query_params)
        group = given.get("visit", "").strip()
        exposures = self._sightings.exposures(group) if group else []
        if len(exposures) > 1:
            told = ", ".join(map(str, exposures))
            raise HTTPException(
                HTTPStatus.BAD_REQUEST, f"visit {group} has several exposures; name one: {told}"
            )
        if group and not exposures and not (group.isascii() and group.isdecimal()):
            text = f"visit is an exposure's number, or the group of a visit of this night, not {group[:80]!r}"
            raise HTTPException(HTTPStatus.BAD_REQUEST, text)
        return given | {"visit": str(exposures[0])} if exposures else given

    def _archive(self) -> SourceArchive:
        if self._night.sources is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "The APDB of this night is not within reach.")
        return self._night.sources

    @staticmethod
    async def _object(archive: SourceArchive, identifier: int) -> ObjectSummary | None:
        found = await archive.objects(SourceQuery(object_id=identifier), 1)
        return found[0] if found else None

    def _page(self, template: str, request: Request, **values: Any) -> HTMLResponse:  # noqa: ANN401 - of a template
        return self._renderer.page(
            template,
            night=self._night.board.view(),
            triplet=[str(kind) for kind in TRIPLET],
            has_images=self._night.images is not None,
            page_rows=_ROWS,
            magnitude=_magnitude,
            **{"fault": "", "judged": None, "asked": _asked(request.query_params), **values},
        )


def _findings(judged: NightNews | None, sources: Sequence[DiaSource]) -> Sequence[tuple[Finding, int]]:
    """List what sources were judged to be, and how many of them each."""
    known = {} if judged is None else judged.of_source
    found = [known[one.source_id] for one in sources if one.source_id in known]
    # By identity: the same finding is the same object.
    return [
        (one, len([each for each in found if each is one]))
        for one in {id(one): one for one in found}.values()
    ]


def _asked(given: Mapping[str, str]) -> Mapping[str, str]:
    """Give the conditions of a list, for its form and its other pages."""
    names = {"sort", *(parameter.name for parameter in QUERY)}
    return {name: value for name, value in given.items() if name in names and value}


def _identifier(request: Request) -> int:
    text = request.query_params.get("id", "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 20):
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"id is a whole number, not {text[:80]!r}")
    return int(text)


def _magnitude(flux: float) -> float:
    """Turn nanojansky into AB magnitudes; NaN of what is not positive."""
    return 31.4 - 2.5 * math.log10(flux) if flux > 0 else math.nan
