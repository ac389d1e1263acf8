"""The console's addresses, and who answers at them."""

import datetime
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from attrs import evolve, frozen
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from adapters.console.access import Access, AccessMiddleware
from adapters.console.api.alerts import AlertTables
from adapters.console.api.endpoints import endpoints
from adapters.console.api.openapi import openapi_document
from adapters.console.api.tables import as_json
from adapters.console.events import Announcer
from adapters.console.night import ConsoleNight
from adapters.console.pages.images import ImagesPage, MosaicPage
from adapters.console.pages.nights import PastNights, TrendsPage
from adapters.console.pages.pictures import PictureRoutes
from adapters.console.pages.quality import QualityPage
from adapters.console.pages.sources import SourcePages
from adapters.console.pages.tonight import TonightPage
from adapters.console.pages.troubles import TroublesPage
from adapters.console.pages.visit import VisitPage
from adapters.console.pages.visit_detector import VisitDetectorPage
from adapters.console.pictures.store import Pictures
from adapters.console.rendering import STATIC, Renderer
from adapters.console.view.digest import Digests
from adapters.console.view.looks import looks
from adapters.console.view.minute import PART_KEYS
from adapters.console.view.sightings import Sightings
from adapters.console.view.trends import Trends
from application.console.news import News
from application.console.night_board import KeptNightBoard
from domain.errors import PromptProcessingError
from ports.neighbours import NeighbourUnavailableError

__all__ = ["make_app"]

_PAGES: Final = (
    ("/", "Tonight"),
    ("/troubles", "Not as it should be"),
    ("/sources", "Sources"),
    ("/objects", "Objects"),
    ("/nights", "Nights"),
    ("/quality", "Quality"),
)
"""Path and name of what the navigation shows."""


@frozen(kw_only=True)
class _Shared:
    """What the pages of all nights have in common."""

    pictures: Pictures | None
    trends: Trends
    root: str
    """Path of the console itself; its past nights are below."""


def make_app(night: ConsoleNight, announcer: Announcer, access: Access, root: str = "") -> ASGIApp:
    """Put the console together.

    Parameters
    ----------
    night
        What is looked at.
    announcer
        Follows it.
    access
        Who may look.
    root
        Path under which a proxy serves it; blank: at its root.
    """
    pictures = None if night.images is None else Pictures(night.images)
    shared = _Shared(pictures=pictures, trends=Trends(night), root=root)

    def past(date: datetime.date, board: KeptNightBoard) -> ASGIApp:
        then = evolve(night, board=board, place=f"{night.place}, {date}")
        return _pages(then, Announcer(board), shared, f"{root}/night/{date}", [])

    nights = Mount("/night/{date}", app=PastNights(night, past))
    app: ASGIApp = _pages(night, announcer, shared, root, [nights])
    if root:
        app = Starlette(routes=[Mount(root, app=app)])
    return AccessMiddleware(app, access, root)


def _pages(
    night: ConsoleNight, announcer: Announcer, shared: _Shared, root: str, more: list[BaseRoute]
) -> ASGIApp:
    """Make the pages of one night."""
    # The list of nights is above the pages of a past one.
    navigation = [
        (f"{shared.root if path == '/nights' else root}{path}", name, str(key))
        for key, (path, name) in enumerate(_PAGES, start=1)
    ]
    common = {
        "pages_of_console": navigation,
        "all_looks": looks(),
        "part_keys": PART_KEYS,
        "place": night.place,
        "note": night.note,
        "truth_of": night.truth_of,
        "nights_address": shared.root,
    }
    renderer = Renderer(root, common)
    problems = _Problems(night, renderer, root)
    return Starlette(
        routes=[*_routes(night, announcer, renderer, shared), *more],
        exception_handlers={
            HTTPException: problems.told,
            PromptProcessingError: problems.understood,
            Exception: problems.unforeseen,
        },
        middleware=[Middleware(GZipMiddleware, minimum_size=1000)],
    )


def _routes(
    night: ConsoleNight, announcer: Announcer, renderer: Renderer, shared: _Shared
) -> list[BaseRoute]:
    digests = Digests()
    sightings = Sightings(night.board, digests)
    news = night.news()
    tables = endpoints(night, digests, shared.trends, news)

    async def described(_request: Request) -> Response:
        return as_json(openapi_document(tables))

    async def about_the_api(_request: Request) -> Response:
        return renderer.page("api.html", night=night.board.view(), endpoints=tables)

    return [
        Route("/healthz", _healthy),
        Route("/events", announcer.answer),
        Route("/", TonightPage(night, renderer, digests).answer),
        Route("/visit", VisitPage(night, renderer).answer),
        Route("/visit-detector", VisitDetectorPage(night, renderer, sightings).answer),
        Route("/troubles", TroublesPage(night, renderer, digests).answer),
        Route("/quality", QualityPage(night, renderer).answer),
        Route("/nights", TrendsPage(night, renderer, shared.trends).answer),
        Route("/api", about_the_api),
        Route("/api/openapi.json", described),
        *(Route(table.path, table.answer) for table in tables),
        *_of_archives(night, renderer, sightings, shared.pictures, news),
        Mount("/static", _Assets(directory=STATIC)),
    ]


def _of_archives(
    night: ConsoleNight,
    renderer: Renderer,
    sightings: Sightings,
    pictures: Pictures | None,
    news: News | None,
) -> list[BaseRoute]:
    """List the addresses of images and sources; without the archives, they say that these are away."""
    pages = SourcePages(night, renderer, sightings, news)
    drawn: list[BaseRoute] = []
    if night.images is not None and pictures is not None:
        drawn = PictureRoutes(night.images, pictures).routes()
    return [
        Route("/images", ImagesPage(night, renderer).answer),
        Route("/mosaic", MosaicPage(night, renderer).answer),
        Route("/sources", pages.sources),
        Route("/source", pages.source),
        Route("/objects", pages.objects),
        Route("/object", pages.object),
        Route("/tracklet", pages.tracklet),
        *drawn,
        *([] if night.alerts is None else [Route("/api/alert", AlertTables(night.alerts).packet)]),
    ]


async def _healthy(_request: Request) -> Response:
    return PlainTextResponse("healthy")


class _Assets(StaticFiles):
    """Files whose addresses change with their contents."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file that need not be asked for again."""
        answer = await super().get_response(path, scope)
        answer.headers["cache-control"] = "public, max-age=31536000, immutable"
        return answer


class _Problems:
    """Says what is wrong, to a browser as a page and to the API as JSON."""

    def __init__(self, night: ConsoleNight, renderer: Renderer, root: str) -> None:
        self._night = night
        self._renderer = renderer
        self._api = f"{root}/api/"

    async def told(self, request: Request, error: Exception) -> Response:
        """Say what a page found wrong with the request."""
        if not isinstance(error, HTTPException):
            return await self.unforeseen(request, error)
        text = error.detail if error.detail != HTTPStatus(error.status_code).phrase else ""
        title = "There is nothing here." if error.status_code == HTTPStatus.NOT_FOUND else "That cannot be."
        return self._answer(request, error.status_code, title, text, error.headers)

    async def understood(self, request: Request, error: Exception) -> Response:
        """Say that something is not there, or that a neighbour is away."""
        if isinstance(error, NeighbourUnavailableError):
            return self._answer(request, HTTPStatus.SERVICE_UNAVAILABLE, "Not within reach now.", str(error))
        return self._answer(request, HTTPStatus.NOT_FOUND, "There is nothing here.", str(error))

    async def unforeseen(self, request: Request, _error: Exception) -> Response:
        """Say that the console itself is at fault; its server logs how."""
        text = "The console could not make this page; the reason is in its log."
        return self._answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, "That went wrong.", text)

    def _answer(
        self, request: Request, status: int, title: str, text: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        if request.url.path.startswith(self._api):
            return JSONResponse({"error": text or title}, status, headers)
        view = self._night.board.view()
        return self._renderer.page("problem.html", status, night=view, title=title, text=text)
