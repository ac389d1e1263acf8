"""A visit-detector: everything that is known of it, joined."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from adapters.console.night import ConsoleNight
from adapters.console.rendering import Renderer
from adapters.console.view.asking import detector_of, visit_of
from adapters.console.view.looks import look_of
from adapters.console.view.minute import SHOWN_SECONDS, minute_of
from adapters.console.view.sightings import TRIPLET, Sightings
from application.console.explain import explain
from domain.cameras.camera import UnknownDetectorError
from domain.results.night_view import VisitView
from domain.visit import Identity
from domain.work.outcomes import describe, snaps_of
from domain.work.promptness import MINUTE, known_seconds
from domain.work.quality import MEASURES, Quality
from ports.alert_archive import KeptAlert

__all__ = ["VisitDetectorPage"]

_STAGES: Final = ("queue", "earlier", "prepare", "wait", "transfer", "ingest", "process", "export", "clean")
"""In the order of time; their parts are named after them."""

_SOURCES: Final = 6
"""DiaSources whose cutouts are shown, those with the highest signal to noise."""


class VisitDetectorPage:
    """Shows a visit-detector.

    Parameters
    ----------
    night
        What is looked at.
    renderer
        Fills the template.
    sightings
        Finds the visits of sources.
    """

    def __init__(self, night: ConsoleNight, renderer: Renderer, sightings: Sightings) -> None:
        self._night = night
        self._renderer = renderer
        self._sightings = sightings

    async def answer(self, request: Request) -> HTMLResponse:
        """Answer with the page."""
        view = self._night.board.view()
        _, visit = visit_of(request, view.visits)
        detector = detector_of(request)
        record = visit.detectors.get(detector)
        if record is None and self._is_on_camera(detector):
            return self._not_begun(visit.group, detector)
        if record is None:
            text = f"Nothing is recorded of detector {detector} in visit {visit.group}."
            raise HTTPException(HTTPStatus.NOT_FOUND, text)
        values: dict[str, Any] = {
            "night": view,
            "group": visit.group,
            "detector": detector,
            "name": self._name(detector),
            "record": record,
            "look": look_of(record),
            "snaps": () if record.outcome is None else snaps_of(record.outcome),
            "minute": minute_of(record),
            "allowed_minute": MINUTE,
            "shown_seconds": SHOWN_SECONDS,
            "measures": [] if record.quality is None else _measures(record.quality),
            "stages": _stages(record.seconds),
            "described": describe,
            "has_images": self._night.images is not None,
            "has_sources": self._night.sources is not None,
            "triplet": [str(kind) for kind in TRIPLET],
            **await self._explained(record.attempt.identity),
            **_around(visit, detector),
        }
        return self._renderer.page("visit-detector.html", **values)

    def _is_on_camera(self, detector: int) -> bool:
        camera = self._night.camera
        return camera is not None and any(one.number == detector for one in camera.detectors)

    def _not_begun(self, group: str, detector: int) -> HTMLResponse:
        view = self._night.board.view()
        text = f"No worker has begun with detector {detector} of this visit. "
        if view.summary.is_live:
            title = "Announced; not begun yet."
            text += "It waits in the queue for a free worker, unless it is not among the detectors in use."
        else:
            title = "Not begun."
            text += "It was not among the detectors in use, or its images were never worked on."
        return self._renderer.page("problem.html", night=view, title=title, text=text, group=group)

    async def _explained(self, identity: Identity) -> Mapping[str, Any]:
        found = await explain(
            identity,
            ledger=self._night.ledger,
            clock=self._night.clock,
            logs=self._night.logs,
            images=self._night.images,
            sources=self._night.sources,
        )
        strongest = sorted(found.sources, key=lambda one: -one.snr)[:_SOURCES]
        alerts: list[KeptAlert] = []
        for exposure in sorted({one.visit for one in found.sources}):
            if self._night.alerts is not None:
                alerts += await self._night.alerts.alerts(visit=exposure, detector=identity.detector)
        return {"found": found, "sightings": self._sightings.of(strongest), "alerts": alerts}

    def _name(self, detector: int) -> str:
        try:
            return "" if self._night.camera is None else self._night.camera.detector(detector).name
        except UnknownDetectorError:
            return ""


def _measures(quality: Quality) -> Sequence[tuple[str, str]]:
    return [(MEASURES[name], f"{value:g}") for name, value in quality.known.items()]


def _around(visit: VisitView, detector: int) -> Mapping[str, int | None]:
    """Find the detectors before and after."""
    numbers = sorted(visit.detectors)
    place = numbers.index(detector)
    return {
        "before": numbers[place - 1] if place else None,
        "after": numbers[place + 1] if place + 1 < len(numbers) else None,
    }


def _stages(seconds: Mapping[str, float]) -> Sequence[tuple[str, float, int, float]]:
    """List stages with their parts: name, seconds, depth, and per cent of the longest."""
    # Records of older releases have the years since the shutter in it, where a night was observed again.
    seconds = {name: spent for name, spent in seconds.items() if known_seconds(spent) is not None}
    longest = max(seconds.values(), default=0.0) or 1.0

    def place(name: str) -> tuple[int, bool]:
        stage = name.partition(".")[0]
        return (_STAGES.index(stage) if stage in _STAGES else len(_STAGES)), "." in name

    return [
        (_spoken(name), spent, int("." in name), round(100 * max(spent, 0.0) / longest, 2))
        for name, spent in sorted(seconds.items(), key=lambda one: place(one[0]))
    ]


def _spoken(name: str) -> str:
    return name.partition(".")[2].removeprefix("task ") or name
