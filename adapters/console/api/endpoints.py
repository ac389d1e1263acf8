"""The addresses of the API; one list makes the routes, the description and the page about them."""

import itertools
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from attrs import evolve, frozen
from starlette.requests import Request
from starlette.responses import Response

from adapters.console.api.alerts import ALERTS, OF_ALERTS, AlertTables
from adapters.console.api.news import (
    FINDINGS,
    FORCED,
    OF_OBJECT,
    OF_TRACKLET,
    SIGHTINGS,
    TRACKLETS,
    NewsTables,
)
from adapters.console.api.rows import (
    DETECTORS,
    LOG_LINES,
    NIGHTS,
    QUALITY,
    TROUBLES,
    VISITS,
    detector_rows,
    log_row,
    quality_rows,
    trend_row,
    trouble_row,
    visit_row,
)
from adapters.console.api.sources import (
    IMAGES,
    OBJECT_SORT,
    OBJECTS,
    QUERY,
    SOURCE_SORT,
    SOURCES,
    ImageTables,
    SourceTables,
)
from adapters.console.api.tables import Asked, Column, Parameter, asked, table_answer
from adapters.console.night import ConsoleNight
from adapters.console.view.asking import visit_named
from adapters.console.view.digest import Digests, VisitDigest, troubles_of
from adapters.console.view.trends import Trends
from application.console.news import News
from domain.visit import Identity

__all__ = ["FORMAT", "Endpoint", "endpoints"]

FORMAT: Final = Parameter(
    "format", "string", "csv or json, which is what is given otherwise", choices=("csv", "json")
)

_MOST: Final = 10_000
_GROUP: Final = Parameter("group", "string", "the visit", is_required=True)
_DETECTOR: Final = Parameter("detector", "integer", "number of the detector", is_required=True)
_LIMIT: Final = Parameter("limit", "integer", "rows at most; 1000 unless asked", largest=_MOST)
_OFFSET: Final = Parameter("offset", "integer", "rows to leave out before")

type _Rows = Callable[[Asked], Awaitable[Iterable[Mapping[str, object]]]]


@frozen(kw_only=True)
class Endpoint:
    """One table that may be asked for."""

    path: str
    summary: str
    parameters: tuple[Parameter, ...]
    columns: tuple[Column, ...]
    rows: _Rows

    async def answer(self, request: Request) -> Response:
        """Answer with the table."""
        rows = await self.rows(asked(request.query_params, self.parameters))
        return table_answer(request, self.path.rpartition("/")[2], self.columns, rows)


def endpoints(night: ConsoleNight, digests: Digests, trends: Trends, news: News | None) -> Sequence[Endpoint]:
    """List what the API has."""
    tables = _NightTables(night, digests)
    found = [
        Endpoint(
            path="/api/visits",
            summary="Visits of the night, the newest first",
            parameters=(_LIMIT, _OFFSET),
            columns=VISITS,
            rows=tables.visits,
        ),
        Endpoint(
            path="/api/detectors",
            summary="Detectors of a visit: the last attempt on each",
            parameters=(_GROUP,),
            columns=DETECTORS,
            rows=tables.detectors,
        ),
        Endpoint(
            path="/api/quality",
            summary="Quality of the images of each detector, the newest visit first",
            parameters=(evolve(_GROUP, is_required=False), _LIMIT, _OFFSET),
            columns=QUALITY,
            rows=tables.quality,
        ),
        Endpoint(
            path="/api/troubles",
            summary="What failed or was late, and why",
            parameters=(_LIMIT, _OFFSET),
            columns=TROUBLES,
            rows=tables.troubles,
        ),
    ]
    found.append(
        Endpoint(
            path="/api/logs",
            summary="What was logged about a visit-detector",
            parameters=(_GROUP, _DETECTOR, _LIMIT),
            columns=LOG_LINES,
            rows=tables.log_lines,
        )
    )
    found.append(
        Endpoint(
            path="/api/nights",
            summary="Nights that the ledger knows, the newest first",
            parameters=(),
            columns=NIGHTS,
            rows=TrendRows(trends).nights,
        )
    )
    return [*found, *_of_archives(night), *_of_news(night, news), *_of_alerts(night)]


def _of_archives(night: ConsoleNight) -> Iterator[Endpoint]:
    if night.images is not None:
        yield Endpoint(
            path="/api/images",
            summary="Images that are kept of a visit",
            parameters=(_GROUP, evolve(_DETECTOR, is_required=False)),
            columns=IMAGES,
            rows=ImageTables(night.images).images,
        )
    if night.sources is not None:
        found = SourceTables(night.sources)
        yield Endpoint(
            path="/api/sources",
            summary="DiaSources, in the order of time unless asked otherwise",
            parameters=(*QUERY, SOURCE_SORT, _LIMIT, _OFFSET),
            columns=SOURCES,
            rows=found.sources,
        )
        yield Endpoint(
            path="/api/objects",
            summary="DiaObjects, those with the most sightings first unless asked otherwise",
            parameters=(*QUERY, OBJECT_SORT, _LIMIT, _OFFSET),
            columns=OBJECTS,
            rows=found.objects,
        )


def _of_news(night: ConsoleNight, news: News | None) -> Iterator[Endpoint]:
    if news is None or night.sources is None:
        return
    tables = NewsTables(news, night.sources)
    yield Endpoint(
        path="/api/findings",
        summary="What is new in the night, the most telling first",
        parameters=(_LIMIT, _OFFSET),
        columns=FINDINGS,
        rows=tables.findings,
    )
    yield Endpoint(
        path="/api/tracklets",
        summary="What moved within the night",
        parameters=(),
        columns=TRACKLETS,
        rows=tables.tracklets,
    )
    yield Endpoint(
        path="/api/tracklet",
        summary="The sightings of a tracklet, in the order of time",
        parameters=(OF_TRACKLET,),
        columns=SIGHTINGS,
        rows=tables.sightings,
    )
    yield Endpoint(
        path="/api/forced",
        summary="Forced photometry at the place of an object, in the order of time",
        parameters=(OF_OBJECT,),
        columns=FORCED,
        rows=tables.forced,
    )


def _of_alerts(night: ConsoleNight) -> Iterator[Endpoint]:
    if night.alerts is not None:
        yield Endpoint(
            path="/api/alerts",
            summary="Alerts, in the order in which their sources were made",
            parameters=OF_ALERTS,
            columns=ALERTS,
            rows=AlertTables(night.alerts).alerts,
        )


class _NightTables:
    def __init__(self, night: ConsoleNight, digests: Digests) -> None:
        self._night = night
        self._digests = digests

    async def visits(self, given: Asked) -> Iterable[Mapping[str, object]]:
        return map(visit_row, self._newest_first()[_slice(given)])

    async def detectors(self, given: Asked) -> Iterable[Mapping[str, object]]:
        _, visit = visit_named(given.text("group"), self._night.board.view().visits)
        return detector_rows(visit)

    async def quality(self, given: Asked) -> Iterable[Mapping[str, object]]:
        visits = reversed(self._night.board.view().visits)
        group = given.text("group")
        rows = (row for visit in visits if group in {"", visit.group} for row in quality_rows(visit))
        wanted = _slice(given)
        return itertools.islice(rows, wanted.start, wanted.stop)

    async def troubles(self, given: Asked) -> Iterable[Mapping[str, object]]:
        return map(trouble_row, troubles_of(self._newest_first())[_slice(given)])

    async def log_lines(self, given: Asked) -> Iterable[Mapping[str, object]]:
        instrument = self._night.board.view().summary.instrument
        identity = Identity(instrument, given.text("group"), given.integer("detector"))
        return map(log_row, await self._night.logs.lines(identity, given.integer("limit", 1000)))

    def _newest_first(self) -> Sequence[VisitDigest]:
        return self._digests.of(self._night.board.view().visits)[::-1]


class TrendRows:
    """Rows about nights."""

    def __init__(self, trends: Trends) -> None:
        self._trends = trends

    async def nights(self, _given: Asked) -> Iterable[Mapping[str, object]]:
        """List nights."""
        return map(trend_row, await self._trends.all())


def _slice(given: Asked) -> slice:
    offset = given.integer("offset")
    return slice(offset, offset + given.integer("limit", 1000))
