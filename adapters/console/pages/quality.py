"""The quality of the images over the night."""

from starlette.requests import Request
from starlette.responses import HTMLResponse

from adapters.console.night import ConsoleNight
from adapters.console.rendering import Renderer
from adapters.console.view.quality import HEIGHT, WIDTH, QualityPlots

__all__ = ["QualityPage"]


class QualityPage:
    """Draws each measure against time.

    Parameters
    ----------
    night
        What is shown.
    renderer
        Fills the template.
    """

    def __init__(self, night: ConsoleNight, renderer: Renderer) -> None:
        self._night = night
        self._renderer = renderer
        self._plots = QualityPlots()

    async def answer(self, _request: Request) -> HTMLResponse:
        """Answer with the page."""
        view = self._night.board.view()
        plots = self._plots.of(view.visits)
        return self._renderer.page("quality.html", night=view, plots=plots, width=WIDTH, height=HEIGHT)
