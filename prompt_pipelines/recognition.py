"""Recognizing a field of stars: a pattern that is found counts only if chance could hardly have made it."""

import numpy as np
from attrs import evolve, frozen

from prompt_pipelines.pattern_search import PatternSearch, Placement, find_placements
from prompt_pipelines.significance import Evidence, PointSources, Tolerance, weigh_pattern
from prompt_pipelines.sky_matching import Matches, match_one_to_one
from prompt_pipelines.tangent_plane import TangentPlane
from prompt_pipelines.triangles import Indices

__all__ = ["Recognized", "recognize"]

_FRACTIONS = (1.0, 0.5, 0.25)
"""Of the radius of a match: in a dense field only a small one tells stars from their neighbours."""

_MARGIN = 60.0  # arcseconds around the sources; stars there tell how dense the sky is


@frozen(kw_only=True, eq=False)
class Recognized:
    """A field where it may be."""

    placement: Placement
    matches: Matches
    evidence: Evidence


def recognize(
    sources: PointSources,
    reference: PointSources,
    detector: tuple[TangentPlane, float],
    search: PatternSearch,
    *,
    magnitudes: float,
    max_false_alarms: float,
) -> Recognized | None:
    """Find where sources belong; the first place that is significant, else the best there was.

    Parameters
    ----------
    sources
        At the positions that the projection gives.
    reference
        The catalogue.
    detector
        The plane that touches the sky in the middle of the detector, by the projection, and the
        detector's side, arcseconds.
    search
        What is searched.
    magnitudes
        Between a source, once its zero point is known, and its star.
    max_false_alarms
        Of a significant match.

    Returns
    -------
    recognized
        None if no place is worth weighing.
    """
    best = None
    for placement in find_placements(sources, reference, *detector, search):
        found = _weighed(placement, sources, reference, search.match_radius, magnitudes)
        if found is None or (best is not None and _rank(found) >= _rank(best)):
            continue
        best = found
        if best.evidence.false_alarms <= max_false_alarms:
            break
    return best


def _weighed(
    placement: Placement, sources: PointSources, reference: PointSources, radius: float, magnitudes: float
) -> Recognized | None:
    """Weigh a place with each radius, the chances of all added up; the best counts."""
    moved = PointSources(*placement.move(sources.ra, sources.dec), sources.flux)
    near = _near(placement.after, moved, reference)
    local = PointSources(reference.ra[near], reference.dec[near], reference.flux[near])
    best = None
    for fraction in _FRACTIONS if len(near) else ():
        tolerance = Tolerance(largest_shift=0.0, radius=fraction * radius, magnitudes=magnitudes)
        matches = match_one_to_one((moved.ra, moved.dec), (local.ra, local.dec), tolerance.radius)
        if not len(matches.first):
            continue
        evidence = weigh_pattern(moved, local, matches, tolerance, searched=len(reference.ra))
        found = Recognized(
            placement=placement,
            matches=evolve(matches, second=near[matches.second]),
            evidence=evolve(
                evidence,
                trials=len(_FRACTIONS) * evidence.trials,
                false_alarms=len(_FRACTIONS) * evidence.false_alarms,
            ),
        )
        if best is None or _rank(found) < _rank(best):
            best = found
    return best


def _near(plane: TangentPlane, sources: PointSources, reference: PointSources) -> Indices:
    """Find the stars that lie where the sources do, or beside them."""
    reach = np.max(np.abs(plane.from_sky(sources.ra, sources.dec))) + _MARGIN
    return np.flatnonzero(np.all(np.abs(plane.from_sky(reference.ra, reference.dec)) <= reach, axis=1))


def _rank(found: Recognized) -> tuple[float, int]:
    """Order from better to worse; many stars make chances so small that they are 0."""
    return found.evidence.false_alarms, -found.evidence.agreeing
