"""Sources of an image matched with reference stars, and whether the match is to be believed."""

from typing import Any

import numpy as np
from attrs import evolve, frozen
from lsst.images import Box, SkyProjection

from prompt_pipelines.arrays import Floats
from prompt_pipelines.calibration import (
    Astrometry,
    correct_projection,
    fit_astrometry,
    match_stars,
    move_projection,
)
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.fit_checks import error_at_corners, stars_beside
from prompt_pipelines.pattern_search import PatternSearch, Placement
from prompt_pipelines.positions import sky_positions
from prompt_pipelines.recognition import recognize
from prompt_pipelines.significance import Evidence, PointSources, Tolerance, weigh_matches
from prompt_pipelines.sky_matching import Matches, match_one_to_one
from prompt_pipelines.tangent_plane import TangentPlane
from prompt_pipelines.triangles import Indices

__all__ = ["POINTING_ERROR", "Limits", "Seen", "StarMatch", "match_by_pattern", "match_by_shift"]

_ROUNDS = 10
_CLOSE = 5.0  # times the scatter
_BESIDE = 0.2  # of the matched: stars that lie beside their places, more than chance lays there
_MARGIN = 4.0  # times the largest distance of a pair: what `weigh_matches` counts, and some
POINTING_ERROR = "pointing_error_deg"
"""In the metadata of images of a camera whose pointing may be off further than a few arcseconds."""


@frozen(kw_only=True)
class Limits:
    """What a match is held to."""

    largest_shift: float
    """Arcseconds."""
    match_radius: float
    """Arcseconds."""
    match_magnitudes: float
    min_stars: int
    max_false_alarms: float
    max_scatter: float
    """Arcseconds."""
    max_flux_scatter: float
    """Magnitudes."""
    min_spread: float
    """Of the stars over the detector; 1 if they are spread evenly."""


@frozen(kw_only=True, eq=False)
class Seen:
    """The sources of an image."""

    x: Floats
    y: Floats
    flux: Floats
    box: Box

    def on(self, projection: SkyProjection[Any]) -> PointSources:
        """Lay them on the sky."""
        return PointSources(*sky_positions(projection, self.x, self.y), self.flux)

    @property
    def corners(self) -> tuple[Floats, Floats]:
        """Pixels of the image's corners."""
        x, y = (np.array([axis.min - 0.5, axis.max + 0.5]) for axis in (self.box.x, self.box.y))
        return x[[0, 1, 1, 0]], y[[0, 0, 1, 1]]

    def places(self, chosen: np.ndarray) -> tuple[Floats, Floats]:
        """Give the pixels of some."""
        return self.x[chosen], self.y[chosen]

    def spread(self, chosen: np.ndarray) -> float:
        """Measure how widely some are scattered over the image; 1 is an even distribution over all of it."""
        even = (self.box.x.size**2 + self.box.y.size**2) / 12.0
        return float(np.sqrt((np.var(self.x[chosen]) + np.var(self.y[chosen])) / even))


@frozen(kw_only=True, eq=False)
class StarMatch:
    """A match that is to be believed."""

    projection: SkyProjection[Any]
    """Where the match puts the image, before the correction."""
    matches: Matches
    evidence: Evidence
    astrometry: Astrometry
    placement: Placement | None = None
    """Of a match that was found by the pattern of stars."""

    def corrected(self) -> SkyProjection[Any]:
        """Give the projection with the correction."""
        return correct_projection(self.projection, self.astrometry.matrix, self.astrometry.distortion)


def match_by_shift(
    projection: SkyProjection[Any], seen: Seen, stars: PointSources, limits: Limits
) -> StarMatch:
    """Match sources with reference stars, from which all are off by the same few arcseconds.

    Raises
    ------
    UnusableImageError
        Raised if the match is not to be believed.
    """
    here = seen.on(projection)
    near = _near(here, stars, limits)
    stars = stars[near]
    matches = match_stars(
        (here.ra, here.dec), (stars.ra, stars.dec), limits.largest_shift, limits.match_radius
    )
    if len(matches.first) < limits.min_stars:
        raise UnusableImageError(
            f"{len(matches.first)} of {len(here.ra)} sources are reference stars, "
            f"at least {limits.min_stars} are needed",
            matched=len(matches.first),
            sources=len(here.ra),
        )
    tolerance = Tolerance(
        largest_shift=limits.largest_shift, radius=limits.match_radius, magnitudes=limits.match_magnitudes
    )
    found = StarMatch(
        projection=projection,
        matches=matches,
        evidence=weigh_matches(here, stars, matches, tolerance),
        astrometry=_fit(projection, seen, stars, matches),
    )
    found = _matched_again(found, seen, stars, limits)
    _judge(
        found,
        seen,
        stars,
        limits,
        f"that may be chance (is the pointing off by over {limits.largest_shift:g} arcsec?)",
    )
    return evolve(found, matches=evolve(found.matches, second=near[found.matches.second]))


def match_by_pattern(
    projection: SkyProjection[Any], seen: Seen, stars: PointSources, limits: Limits, search: PatternSearch
) -> StarMatch:
    """Match sources with reference stars by the pattern that they make.

    Raises
    ------
    UnusableImageError
        Raised if there is none, or it is not to be believed.
    """
    here = seen.on(projection)
    found = None
    if len(here.ra) >= limits.min_stars:
        found = recognize(
            here,
            stars,
            _middle(projection, seen),
            search,
            magnitudes=limits.match_magnitudes,
            max_false_alarms=limits.max_false_alarms,
        )
    if found is None or len(found.matches.first) < limits.min_stars:
        raise UnusableImageError(
            f"the pattern of {len(here.ra)} sources is not among the {len(stars.ra)} reference stars "
            f"within {search.radius:g} degree",
            sources=len(here.ra),
        )
    moved = move_projection(projection, found.placement)
    first, second = found.matches.first, found.matches.second
    before = found.placement.before
    off = before.from_sky(stars.ra[second], stars.dec[second]) - before.from_sky(
        here.ra[first], here.dec[first]
    )
    match = StarMatch(
        projection=moved,
        matches=found.matches,
        evidence=found.evidence,
        astrometry=evolve(
            _fit(moved, seen, stars, found.matches), shift=float(np.hypot(*np.median(off, axis=0)))
        ),
        placement=found.placement,
    )
    match = _matched_again(match, seen, stars, limits)
    _judge(match, seen, stars, limits, f"that may be chance, of all that lie within {search.radius:g} degree")
    return match


def _matched_again(found: StarMatch, seen: Seen, stars: PointSources, limits: Limits) -> StarMatch:
    """Match by the corrected projection, and correct again: a turn hides stars from a shift alone.

    Last of all only close pairs are taken: with an unknown turn none would have been.
    """
    shift = found.astrometry.shift
    for number in range(_ROUNDS):
        again = _matched_within(found, seen, stars, limits, limits.match_radius, with_distortion=number > 0)
        same = all(
            np.array_equal(getattr(again.matches, name), getattr(found.matches, name))
            for name in ("first", "second")
        )
        found = again
        if number > 1 and same:
            break
    radius = float(
        np.clip(_CLOSE * found.astrometry.scatter, 0.25 * limits.match_radius, limits.match_radius)
    )
    found = _matched_within(found, seen, stars, limits, radius, with_distortion=True)
    return evolve(found, astrometry=evolve(found.astrometry, shift=shift))


def _matched_within(
    found: StarMatch,
    seen: Seen,
    stars: PointSources,
    limits: Limits,
    radius: float,
    *,
    with_distortion: bool,
) -> StarMatch:
    here = seen.on(found.corrected())
    near = _near(here, stars, limits)
    matches = match_one_to_one((here.ra, here.dec), (stars.ra[near], stars.dec[near]), radius)
    if len(matches.first) < limits.min_stars:
        return found
    matches = evolve(matches, second=near[matches.second])
    astrometry = _fit(found.projection, seen, stars, matches, with_distortion=with_distortion)
    return evolve(found, matches=matches, astrometry=astrometry)


def _near(sources: PointSources, stars: PointSources, limits: Limits) -> Indices:
    """Find the stars around the sources: farther ones have no part in a match."""
    if not len(sources.ra):
        return np.zeros(0, dtype=np.int64)
    plane = TangentPlane.amid(sources.ra, sources.dec)
    reach = np.max(np.abs(plane.from_sky(sources.ra, sources.dec)))
    reach += _MARGIN * (limits.largest_shift + limits.match_radius)
    return np.flatnonzero(np.all(np.abs(plane.from_sky(stars.ra, stars.dec)) <= reach, axis=1))


def _judge(found: StarMatch, seen: Seen, stars: PointSources, limits: Limits, by_chance: str) -> None:
    """Refuse a match that is not significant, or not good, or good in a part of the image only."""
    evidence, astrometry = found.evidence, found.astrometry
    spread = seen.spread(found.matches.first)
    at_corners = error_at_corners(seen.places(found.matches.first), seen.corners, astrometry.scatter)
    beside = _beside(found, seen, stars, limits)
    if evidence.false_alarms > limits.max_false_alarms:
        fault = by_chance
    elif evidence.flux_scatter > limits.max_flux_scatter:
        fault = f"their fluxes disagree by over {limits.max_flux_scatter:g} mag"
    elif astrometry.scatter > limits.max_scatter:
        fault = f"their positions disagree by over {limits.max_scatter:g} arcsec"
    elif spread < limits.min_spread:
        fault = (
            f"they are crowded into a part of the image (spread {spread:.2f}, where 1 is even and "
            f"{limits.min_spread:g} is needed)"
        )
    elif at_corners > limits.max_scatter:
        fault = f"by them a corner of the image may be off by {at_corners:.1f} arcsec"
    elif beside > _BESIDE * len(found.matches.first):
        fault = f"{beside} others lie beside stars, so that the image is turned or distorted otherwise"
    else:
        return
    matched, sources = len(found.matches.first), len(seen.x)
    ways = "shifts" if found.placement is None else "ways to lie"
    raise UnusableImageError(
        f"{matched} of {sources} sources lie where reference stars are, but {fault}: "
        f"{evidence.agreeing} agree in flux, chance alone gives {evidence.by_chance:.2g} at each of "
        f"{evidence.trials:.3g} {ways} and {evidence.false_alarms:.2g} matches as good in all (at most "
        f"{limits.max_false_alarms:g} are accepted); scatter {evidence.flux_scatter:.2f} mag "
        f"and {astrometry.scatter:.2f} arcsec",
        matched=matched,
        sources=sources,
        scatter=astrometry.scatter,
        flux_scatter=evidence.flux_scatter,
        spread=spread,
        by_chance=evidence.by_chance,
        false_alarms=evidence.false_alarms,
    )


def _beside(found: StarMatch, seen: Seen, stars: PointSources, limits: Limits) -> int:
    """Count sources that lie beside stars, beyond those that chance puts there."""
    here = seen.on(found.corrected())
    near = _near(here, stars, limits)
    place = np.full(len(stars.ra), -1)
    place[near] = np.arange(len(near))
    matches = evolve(found.matches, second=place[found.matches.second])
    beside, by_chance = stars_beside(here, stars[near], matches, limits.match_radius, limits.match_magnitudes)
    return round(max(beside - by_chance, 0.0))


def _fit(
    projection: SkyProjection[Any],
    seen: Seen,
    stars: PointSources,
    matches: Matches,
    *,
    with_distortion: bool = False,
) -> Astrometry:
    first, second = matches.first, matches.second
    return fit_astrometry(
        projection,
        (seen.x[first], seen.y[first]),
        (stars.ra[second], stars.dec[second]),
        with_distortion=with_distortion,
    )


def _middle(projection: SkyProjection[Any], seen: Seen) -> tuple[TangentPlane, float]:
    """Find the plane that touches the sky in the middle of an image, and the image's side, arcseconds."""
    corners = sky_positions(projection, *seen.corners)
    plane = TangentPlane.amid(*corners)
    places = plane.from_sky(*corners)
    following = np.roll(places, -1, axis=0)
    # Gauss's formula for the area of a polygon.
    area = abs(float(np.sum(places[:, 0] * following[:, 1] - places[:, 1] * following[:, 0]))) / 2.0
    return plane, float(np.sqrt(area))
