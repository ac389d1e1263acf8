"""One visit: all of its detectors."""

from collections.abc import Sequence
from typing import Any, Final

from attrs import frozen
from starlette.requests import Request
from starlette.responses import HTMLResponse

from adapters.console.night import ConsoleNight
from adapters.console.rendering import Renderer
from adapters.console.view.asking import colouring_of, visit_of
from adapters.console.view.digest import Digests
from adapters.console.view.focal_plane import map_of
from adapters.console.view.looks import Look, look_of
from adapters.console.view.minute import SHOWN_SECONDS, Minute, minute_of
from adapters.console.view.plane_cells import COLOURINGS, plane_cells
from domain.results.night_view import VisitView
from domain.work.attempts import AttemptRecord
from domain.work.outcomes import describe
from domain.work.promptness import MINUTE

__all__ = ["VisitPage"]


_ORDER: Final = {"bad": 0, "late": 1}


@frozen(kw_only=True)
class _Row:
    detector: int
    name: str
    record: AttemptRecord
    look: Look
    minute: Minute | None
    outcome: str


class VisitPage:
    """Shows a visit.

    Parameters
    ----------
    night
        Whose visits are shown.
    renderer
        Fills the template.
    """

    def __init__(self, night: ConsoleNight, renderer: Renderer) -> None:
        self._night = night
        self._renderer = renderer

    async def answer(self, request: Request) -> HTMLResponse:
        """Answer with the page."""
        view = self._night.board.view()
        number, visit = visit_of(request, view.visits)
        colouring = colouring_of(request)
        plane = map_of(self._night.camera, visit.detectors)
        [digest] = Digests().of([visit])
        values: dict[str, Any] = {
            "night": view,
            "visit": visit,
            "digest": digest,
            "about": next((one.about for one in visit.detectors.values() if one.about is not None), None),
            "rows": self._rows(visit),
            "plane": plane,
            "cells": plane_cells(plane, visit, colouring),
            "colouring": colouring,
            "colourings": COLOURINGS,
            "minute": MINUTE,
            "shown_seconds": SHOWN_SECONDS,
            "before": view.visits[number - 1].group if number > 0 else None,
            "after": view.visits[number + 1].group if number + 1 < len(view.visits) else None,
        }
        return self._renderer.page("visit.html", **values)

    def _rows(self, visit: VisitView) -> Sequence[_Row]:
        names = (
            {}
            if self._night.camera is None
            else {one.number: one.name for one in self._night.camera.detectors}
        )
        rows = [
            _Row(
                detector=detector,
                name=names.get(detector, ""),
                record=record,
                look=look_of(record),
                minute=minute_of(record),
                outcome="" if record.outcome is None else describe(record.outcome),
            )
            for detector, record in sorted(visit.detectors.items())
        ]
        # What one may have to act on comes first.
        return sorted(rows, key=lambda row: _ORDER.get(row.look.kind, len(_ORDER)))
