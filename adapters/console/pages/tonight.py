"""Tonight: how the night stands, visit by visit."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse

from adapters.console.night import ConsoleNight
from adapters.console.rendering import Renderer
from adapters.console.view.asking import colouring_of
from adapters.console.view.digest import Digests, VisitDigest, causes_of, troubles_of
from adapters.console.view.focal_plane import FocalPlaneMap, map_of
from adapters.console.view.looks import NOT_BEGUN, Look, look_of, looks
from adapters.console.view.minute import SHOWN_SECONDS
from adapters.console.view.plane_cells import COLOURINGS, plane_cells
from adapters.console.view.verdict import measured, verdict
from domain.work.promptness import MINUTE

__all__ = ["TonightPage", "count_looks"]

_VISITS: Final = 25
"""Rows of one page."""
_TROUBLES: Final = 5
"""Rows of what was not completed."""
_KEPT_PAGES: Final = 64


class TonightPage:
    """Shows a night.

    Parameters
    ----------
    night
        What is shown.
    renderer
        Fills the template.
    digests
        Visits in short.
    """

    def __init__(self, night: ConsoleNight, renderer: Renderer, digests: Digests) -> None:
        self._night = night
        self._renderer = renderer
        self._digests = digests
        self._pages: dict[tuple[int, str], str] = {}

    async def answer(self, request: Request) -> HTMLResponse:
        """Answer with the page; it is made once for each version of the night, however many look."""
        key = self._night.board.view().version, request.url.query
        text = self._pages.get(key)
        if text is None:
            if len(self._pages) >= _KEPT_PAGES:
                self._pages.clear()
            text = self._pages[key] = self._renderer.text("tonight.html", **self._values(request))
        return HTMLResponse(text, headers={"cache-control": "no-store"})

    def _values(self, request: Request) -> dict[str, Any]:
        query = request.query_params
        view = self._night.board.view()
        newest_first = self._digests.of(view.visits)[::-1]
        counts = count_looks(newest_first)
        goals = measured(view.summary)
        troubles = troubles_of(newest_first)
        chosen = next((one for one in newest_first if one.view.group == query.get("visit")), None)
        shown = chosen or (newest_first[0] if newest_first else None)
        page = _page_number(query, len(newest_first))
        colouring = colouring_of(request)
        return {
            "night": view,
            "verdict": verdict(view.summary, goals, counts, causes_of(troubles)),
            "goals": goals,
            "counts": counts,
            "digests": newest_first[page * _VISITS : (page + 1) * _VISITS],
            "page": page,
            "pages": max(-(-len(newest_first) // _VISITS), 1),
            "visits": len(newest_first),
            "chosen": chosen,
            "shown": shown,
            "plane": self._plane(shown),
            "cells": None if shown is None else plane_cells(self._plane(shown), shown.view, colouring),
            "colouring": colouring,
            "colourings": COLOURINGS,
            "legend": _legend(shown),
            "troubles": troubles[:_TROUBLES],
            "trouble_rows": len(troubles),
            "troubled": sum(len(one.detectors) for one in troubles),
            "minute": MINUTE,
            "shown_seconds": SHOWN_SECONDS,
        }

    def _plane(self, shown: VisitDigest | None) -> FocalPlaneMap:
        return map_of(self._night.camera, () if shown is None else shown.view.detectors)


def count_looks(digests: Sequence[VisitDigest]) -> Mapping[Look, int]:
    """Count visit-detectors by look."""
    counts: Counter[Look] = Counter()
    for digest in digests:
        counts.update(dict(digest.counts))
    return counts


def _page_number(query: Mapping[str, str], visits: int) -> int:
    text = query.get("page", "1")
    last = max(-(-visits // _VISITS) - 1, 0)
    return min(max(int(text) - 1, 0), last) if text.isdecimal() and len(text) < 7 else 0


def _legend(shown: VisitDigest | None) -> Sequence[Look]:
    present = set() if shown is None else {look_of(record) for record in shown.view.detectors.values()}
    return [look for look in looks() if look in present or look is NOT_BEGUN]
