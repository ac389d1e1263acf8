"""The focal plane of one visit: what stands in each detector's place."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from attrs import frozen

from adapters.console.view.focal_plane import Cell, FocalPlaneMap
from adapters.console.view.looks import NOT_BEGUN, Look, look_of
from domain.results.night_view import VisitView
from domain.work.attempts import AttemptRecord
from domain.work.promptness import MINUTE

__all__ = ["COLOURINGS", "STAGES", "ShownCell", "plane_cells"]

COLOURINGS: Final = ("outcome", "stage", "seconds")
"""By what cells are told apart; the first is what is shown unless asked otherwise."""

STAGES: Final[Mapping[str, str]] = {
    "prepare": "p",
    "wait": "w",
    "ingest": "i",
    "process": "r",
    "export": "e",
    "clean": "e",
}
"""Letters of stages that can be seen while they go on: prepare, wait, ingest, process, export."""

_STEPS: Final = 4
"""Shades of the minute."""


@frozen(kw_only=True)
class ShownCell:
    """One detector of one visit as it is drawn."""

    cell: Cell
    look: Look
    sign: str
    style: str
    """Of the style sheet."""
    title: str
    """What a pointer over it tells."""
    is_known: bool
    """Whether anything is recorded of it."""
    since: float | None = None
    """Instant from which the page counts seconds, while it is under way."""


def plane_cells(plane: FocalPlaneMap, view: VisitView, colouring: str) -> Sequence[ShownCell]:
    """Say what stands in each detector's place."""
    style = _STYLES[colouring]
    return [_shown(cell, view.detectors.get(cell.number), style) for cell in plane.cells]


def _shown(cell: Cell, record: AttemptRecord | None, style: "_Style") -> ShownCell:
    if record is None:
        return ShownCell(
            cell=cell,
            look=NOT_BEGUN,
            sign=NOT_BEGUN.sign,
            style=NOT_BEGUN.kind,
            title=f"{cell.name} ({cell.number}): {NOT_BEGUN.word}",
            is_known=False,
        )
    look = look_of(record)
    sign, css = style(record, look)
    return ShownCell(
        cell=cell,
        look=look,
        sign=sign,
        style=css,
        title=f"{cell.name} ({cell.number}): {_told(record, look)}",
        is_known=True,
        since=(record.stage_begun or record.begun) if record.outcome is None else None,
    )


type _Style = Callable[[AttemptRecord, Look], tuple[str, str]]


def _by_outcome(record: AttemptRecord, look: Look) -> tuple[str, str]:
    return (STAGES.get(record.stage, look.sign) if record.outcome is None else look.sign), look.kind


def _by_stage(record: AttemptRecord, look: Look) -> tuple[str, str]:
    if record.outcome is not None:
        return look.sign, "other"
    return STAGES.get(record.stage, look.sign), f"stage-{record.stage}" if record.stage in STAGES else "busy"


def _by_seconds(record: AttemptRecord, look: Look) -> tuple[str, str]:
    since = record.seconds_to_alerts
    if since is None:
        return look.sign, look.kind if record.outcome is None else "other"
    step = min(int(since / MINUTE * _STEPS), _STEPS)
    return f"{since:.0f}", f"seconds-{step}"


_STYLES: Final[Mapping[str, _Style]] = {
    "outcome": _by_outcome,
    "stage": _by_stage,
    "seconds": _by_seconds,
}


def _told(record: AttemptRecord, look: Look) -> str:
    if record.outcome is None:
        return f"{look.word}, {record.stage or 'begun'}, {record.worker}"
    since = record.seconds_to_alerts
    return look.word if since is None else f"{look.word}, {since:.1f} s since the shutter"
