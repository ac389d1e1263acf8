"""Nights: how each that the ledger knows went, and the pages of any of them."""

import asyncio
import datetime
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.console.night import ConsoleNight
from adapters.console.rendering import Renderer
from adapters.console.view.trends import Trends
from application.console.night_board import KeptNightBoard
from domain.results.night_view import Trend, time_not_known
from domain.work.promptness import GOALS, MINUTE, Promptness

__all__ = ["PastNights", "TrendsPage"]

_OPEN: Final = 3
"""Past nights that stay in memory."""

type MakePages = Callable[[datetime.date, KeptNightBoard], ASGIApp]


class TrendsPage:
    """Lists the nights, with trends."""

    def __init__(self, night: ConsoleNight, renderer: Renderer, trends: Trends) -> None:
        self._night = night
        self._renderer = renderer
        self._trends = trends

    async def answer(self, _request: Request) -> HTMLResponse:
        """Answer with the page."""
        trends = await self._trends.all()
        return self._renderer.page(
            "nights.html",
            night=self._night.board.view(),
            trends=trends,
            total=_total,
            not_known=time_not_known,
            goal=GOALS[Promptness.IN_TIME].share,
            longest=max([one.slowest or 0.0 for one in trends] + [MINUTE]) * 1.05,
            minute=MINUTE,
        )


def _total(trend: Trend) -> int:
    return sum(trend.promptness.values())


class PastNights:
    """Answers under the date of a night with its pages, read from the ledger when they are first asked for.

    Parameters
    ----------
    night
        Whose ledger is looked back into.
    make
        Makes the pages of a night.
    """

    def __init__(self, night: ConsoleNight, make: MakePages) -> None:
        self._night = night
        self._make = make
        self._open: dict[datetime.date, ASGIApp] = {}
        self._lock = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        try:
            date = datetime.date.fromisoformat(scope["path_params"]["date"])
        except ValueError:
            await PlainTextResponse("a night is a date such as 2031-05-14", 404)(scope, receive, send)
            return
        await (await self._pages(date))(scope, receive, send)

    async def _pages(self, date: datetime.date) -> ASGIApp:
        async with self._lock:
            if date not in self._open:
                live = self._night.board.view().summary
                board = KeptNightBoard(
                    instrument=live.instrument,
                    ledger=self._night.ledger,
                    clock=self._night.clock,
                    night=date,
                    may_go_on=live.is_live,
                )
                await board.run()
                while len(self._open) >= _OPEN:
                    del self._open[next(iter(self._open))]
                self._open[date] = self._make(date, board)
            return self._open[date]
