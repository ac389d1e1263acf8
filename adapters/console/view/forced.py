"""Forced photometry of an object on exposures where it was not among the detections."""

from collections.abc import Iterable, Sequence

from attrs import frozen

from adapters.console.view.sightings import Sightings, utc_of
from application.console.news import NightNews
from domain.results.sources import DiaSource, ForcedSource
from domain.times import UtcSeconds

__all__ = ["ForcedRow", "forced_rows"]


@frozen(kw_only=True)
class ForcedRow:
    """The flux at an object's place on one exposure."""

    of: ForcedSource
    at: UtcSeconds
    group: str
    """Blank of a visit that is not of this night."""
    beside: DiaSource | None
    """What else was detected that near, so that its light is in the flux; None if nothing was."""
    away: float
    """Arcseconds to it."""


def forced_rows(
    forced: Iterable[ForcedSource],
    seen: Sequence[DiaSource],
    place: tuple[float, float],
    sightings: Sightings,
    judged: NightNews | None,
) -> Sequence[ForcedRow]:
    """List forced photometry on exposures other than those of an object's sightings.

    Parameters
    ----------
    forced
        All of the object.
    seen
        Its sightings.
    place
        Its RA and Dec in degrees.
    sightings
        Finds the visits of exposures.
    judged
        What else was detected in the night; None if that is not known.
    """
    detected = {(one.visit, one.detector) for one in seen}
    rows = []
    for one in forced:
        if (one.visit, one.detector) in detected:
            continue
        near = None if judged is None else judged.nearest(place, one.visit, one.detector)
        beside, away = near or (None, 0.0)
        group = sightings.group_of(one.visit)
        rows.append(ForcedRow(of=one, at=utc_of(one), group=group, beside=beside, away=away))
    return rows
