"""What failed or was late, in full."""

from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse

from adapters.console.night import ConsoleNight
from adapters.console.rendering import Renderer
from adapters.console.view.asking import page_of
from adapters.console.view.digest import Digests, troubles_of
from domain.results.night_view import time_not_known

__all__ = ["TroublesPage"]

_ROWS: Final = 100


class TroublesPage:
    """Lists what fared ill.

    Parameters
    ----------
    night
        Of which night.
    renderer
        Fills the template.
    digests
        Visits in short.
    """

    def __init__(self, night: ConsoleNight, renderer: Renderer, digests: Digests) -> None:
        self._night = night
        self._renderer = renderer
        self._digests = digests

    async def answer(self, request: Request) -> HTMLResponse:
        """Answer with the page."""
        view = self._night.board.view()
        found = troubles_of(self._digests.of(view.visits)[::-1])
        pages = max(-(-len(found) // _ROWS), 1)
        page = min(page_of(request), pages - 1)
        return self._renderer.page(
            "troubles.html",
            night=view,
            troubles=found[page * _ROWS : (page + 1) * _ROWS],
            rows=len(found),
            troubled=sum(len(one.detectors) for one in found),
            page=page,
            pages=pages,
            not_known=time_not_known(view.summary.outcomes, view.summary.promptness),
        )
