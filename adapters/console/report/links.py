"""Where a report's links lead: within it, for nothing else is there."""

import base64
from typing import Final

from adapters.console.view.sightings import Sighting

__all__ = ["CUTOUTS", "ReportLinks"]

CUTOUTS: Final = "/picture/cutouts"
_NIGHT: Final = "#night"


class ReportLinks:
    """Knows which visits, objects and pictures a report has."""

    def __init__(self) -> None:
        self._visits: dict[str, str] = {}
        self._objects: dict[int, str] = {}
        self._pictures: dict[tuple[object, ...], str] = {}

    def add_picture(self, sighting: Sighting, png: bytes) -> None:
        """Keep the cutouts of a DiaSource."""
        self._pictures[_spot(sighting.spot)] = f"data:image/png;base64,{base64.b64encode(png).decode()}"

    def add_object(self, sighting: Sighting, anchor: str) -> None:
        """Know where it is shown of what a DiaSource is the strongest sighting."""
        self._objects[sighting.source.source_id] = anchor

    def show_visits(self, anchors: dict[str, str]) -> None:
        """Say which visits are shown, by group, and where."""
        self._visits = anchors

    def has_picture(self, sighting: Sighting) -> bool:
        """Tell whether there are cutouts of a DiaSource."""
        return _spot(sighting.spot) in self._pictures

    def link(self, path: str, **query: object) -> str:
        """Write the address of what stands for a page of the console."""
        if path == CUTOUTS:
            return self._pictures[_spot(query)]
        if path == "/source":
            return f"#{self._objects[int(str(query['id']))]}"
        return self._visits.get(str(query.get("group", "")), _NIGHT)


def _spot(query: object) -> tuple[object, ...]:
    given = dict(query) if isinstance(query, dict) else {}
    return tuple(given.get(name) for name in ("visit", "detector", "x", "y"))
