"""How the quality of images went over the night, visit by visit."""

import statistics
from collections.abc import Iterable, Sequence
from typing import Final

from attrs import frozen

from domain.results.night_view import VisitView
from domain.times import UtcSeconds
from domain.work.quality import MEASURES

__all__ = ["HEIGHT", "WIDTH", "Plot", "Point", "QualityPlots"]

WIDTH: Final = 400.0
HEIGHT: Final = 100.0
_MARGIN: Final = 0.08
"""Share of the extent that is left free at each edge."""
_TENTHS: Final = 10

type _Spread = tuple[float, float, float]
"""Of a visit's detectors: what a tenth is below, the median, what a tenth is above."""


@frozen(kw_only=True)
class Point:
    """A visit; y goes down, as on a screen."""

    group: str
    x: float
    y: float
    low: float
    high: float
    spread: _Spread
    is_held: bool


@frozen(kw_only=True)
class Plot:
    """One measure against time."""

    label: str
    points: Sequence[Point]
    lowest: float
    highest: float
    first: UtcSeconds
    last: UtcSeconds


@frozen
class _Summed:
    view: VisitView
    spreads: Sequence[_Spread | None]
    is_held: bool


class QualityPlots:
    """Sums up the quality of visits, and remembers those that did not change."""

    def __init__(self) -> None:
        self._known: dict[str, _Summed] = {}

    def of(self, views: Iterable[VisitView]) -> Sequence[Plot]:
        """Place each measure of which anything is known."""
        known: dict[str, _Summed] = {}
        for view in views:
            before = self._known.get(view.group)
            known[view.group] = before if before is not None and before.view is view else _summed(view)
        self._known = known
        found = [_plot(place, label, list(known.values())) for place, label in enumerate(MEASURES.values())]
        return [one for one in found if one is not None]


def _summed(view: VisitView) -> _Summed:
    judged = [record for record in view.detectors.values() if record.quality is not None]
    columns = [one.quality.values for one in judged if one.quality is not None]
    return _Summed(
        view=view,
        spreads=[
            _spread([values[place] for values in columns if place < len(values)])
            for place in range(len(MEASURES))
        ],
        is_held=any(record.held for record in judged),
    )


def _spread(values: Iterable[float | None]) -> _Spread | None:
    known = sorted(value for value in values if value is not None)
    if not known:
        return None
    out = len(known) // _TENTHS
    return known[out], statistics.median(known), known[-1 - out]


def _plot(place: int, label: str, visits: Sequence[_Summed]) -> Plot | None:
    known = [(one, spread) for one in visits if (spread := one.spreads[place]) is not None]
    if not known:
        return None
    times = [one.view.begun for one, _ in known]
    lowest, highest = min(spread[0] for _, spread in known), max(spread[2] for _, spread in known)
    first, last = min(times), max(times)
    points = [
        Point(
            group=one.view.group,
            x=_placed(one.view.begun, first, last, WIDTH),
            y=HEIGHT - _placed(spread[1], lowest, highest, HEIGHT),
            low=HEIGHT - _placed(spread[0], lowest, highest, HEIGHT),
            high=HEIGHT - _placed(spread[2], lowest, highest, HEIGHT),
            spread=spread,
            is_held=one.is_held,
        )
        for one, spread in known
    ]
    return Plot(label=label, points=points, lowest=lowest, highest=highest, first=first, last=last)


def _placed(value: float, low: float, high: float, size: float) -> float:
    margin = (high - low) * _MARGIN or 1.0
    return round((value - low + margin) / (high - low + 2 * margin) * size, 1)
