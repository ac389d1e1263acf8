"""Sources of an image matched with reference stars, and whether the match is to be believed."""

from typing import Any

import numpy as np
from attrs import evolve, frozen
from lsst.images import Box, SkyProjection

from prompt_pipelines.arrays import Floats
from prompt_pipelines.calibration import Astrometry, fit_astrometry, match_stars, move_projection
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.pattern_search import PatternSearch, Placement
from prompt_pipelines.positions import sky_positions
from prompt_pipelines.recognition import recognize
from prompt_pipelines.significance import Evidence, PointSources, Tolerance, weigh_matches
from prompt_pipelines.sky_matching import Matches
from prompt_pipelines.tangent_plane import TangentPlane

__all__ = ["POINTING_ERROR", "Limits", "Seen", "StarMatch", "match_by_pattern", "match_by_shift"]

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

    def spread(self, chosen: np.ndarray) -> float:
        """Measure how widely some are scattered over the image; 1 is an even distribution over all of it."""
        even = (self.box.x.size**2 + self.box.y.size**2) / 12.0
        return float(np.sqrt((np.var(self.x[chosen]) + np.var(self.y[chosen])) / even))


@frozen(kw_only=True, eq=False)
class StarMatch:
    """A match that is to be believed."""

    projection: SkyProjection[Any]
    """Where the match puts the image, before the linear correction."""
    matches: Matches
    evidence: Evidence
    astrometry: Astrometry
    placement: Placement | None = None
    """Of a match that was found by the pattern of stars."""


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
    _judge(
        found,
        seen,
        limits,
        f"that may be chance (is the pointing off by over {limits.largest_shift:g} arcsec?)",
    )
    return found


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
            _middle(projection, seen.box),
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
    _judge(match, seen, limits, f"that may be chance, of all that lie within {search.radius:g} degree")
    return match


def _judge(found: StarMatch, seen: Seen, limits: Limits, by_chance: str) -> None:
    """Refuse a match that is not significant, or scattered too widely, or not widely enough."""
    evidence, astrometry = found.evidence, found.astrometry
    spread = seen.spread(found.matches.first)
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


def _fit(projection: SkyProjection[Any], seen: Seen, stars: PointSources, matches: Matches) -> Astrometry:
    first, second = matches.first, matches.second
    return fit_astrometry(projection, (seen.x[first], seen.y[first]), (stars.ra[second], stars.dec[second]))


def _middle(projection: SkyProjection[Any], box: Box) -> tuple[TangentPlane, float]:
    """Find the plane that touches the sky in the middle of an image, and the image's side, arcseconds."""
    x, y = (np.array([axis.min - 0.5, axis.max + 0.5]) for axis in (box.x, box.y))
    corners = sky_positions(projection, x[[0, 1, 1, 0]], y[[0, 0, 1, 1]])
    plane = TangentPlane.amid(*corners)
    places = plane.from_sky(*corners)
    following = np.roll(places, -1, axis=0)
    # Gauss's formula for the area of a polygon.
    area = abs(float(np.sum(places[:, 0] * following[:, 1] - places[:, 1] * following[:, 0]))) / 2.0
    return plane, float(np.sqrt(area))
