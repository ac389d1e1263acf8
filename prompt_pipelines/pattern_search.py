"""Where on the sky a detector looked, told by the pattern of its stars alone."""

import math
import time
from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np
from attrs import frozen
from scipy.spatial import KDTree
from scipy.special import gammainc

from prompt_pipelines.arrays import Floats
from prompt_pipelines.significance import PointSources
from prompt_pipelines.tangent_plane import TangentPlane
from prompt_pipelines.triangles import (
    Indices,
    Points,
    Similarities,
    Triangles,
    alike,
    as_points,
    as_rows,
)

__all__ = ["PatternSearch", "Placement", "find_placements"]

_RUNGS = ((30, 1.5, 6), (60, 2.0, 8), (150, 2.0, 8), (400, 2.0, 6))
"""Sources that are tried, stars for each of them on an area of the same size, neighbours in triangles."""
_CANDIDATES = 10  # of a rung: those that most sources agree with
_FEWEST = 5  # sources that must agree with a candidate
_SHORTEST = 5.0  # match radii; of sides of triangles
_LOOSE = 3.0  # match radii; as long as a few stars tell the place
_ROUNDS = 4
_BATCH = 20_000  # candidates that are counted at once
_MANY, _SAMPLE = 2_000, 25  # candidates from which on a sample of so many sources is counted first


@frozen(kw_only=True)
class PatternSearch:
    """What is searched."""

    radius: float
    """Degrees that the pointing may be off."""
    scale_error: float
    """Relative, at most."""
    match_radius: float
    """Arcseconds between a source, where it belongs, and its star."""
    seconds: float
    """After which no more is tried."""


@frozen(kw_only=True, eq=False)
class Placement:
    """Lays the sky where a projection has it on the sky where it is."""

    before: TangentPlane
    """Touches the sky where the middle of the detector was thought to be."""
    after: TangentPlane
    """Touches it where that is."""
    matrix: Floats
    """2 x 2: turns, mirrors and scales the first plane onto the second."""

    def move(self, ra: Floats, dec: Floats) -> tuple[Floats, Floats]:
        """Move positions, degrees."""
        return self.after.to_sky(self.before.from_sky(ra, dec) @ self.matrix.T)

    @classmethod
    def from_dict(cls, described: Mapping[str, Any]) -> Self:
        """Read what `as_dict` gave."""
        before, after = (TangentPlane(*described[name]) for name in ("before", "after"))
        return cls(before=before, after=after, matrix=np.array(described["matrix"], dtype=float))

    def as_dict(self) -> dict[str, Any]:
        """Describe it in plain numbers: the two points of touch (ra and dec, degrees), and the matrix."""
        return {
            "before": [self.before.ra, self.before.dec],
            "after": [self.after.ra, self.after.dec],
            "matrix": self.matrix.tolist(),
        }


def find_placements(
    sources: PointSources, reference: PointSources, plane: TangentPlane, extent: float, search: PatternSearch
) -> Iterator[Placement]:
    """Find where sources may belong, by triangles that are alike among the brightest sources and stars.

    Pointing (within the radius), rotation and mirroring are unknown. The nearest
    are tried first, and few stars before many. What is found is a candidate;
    whether it may be chance is for the caller to weigh.

    Parameters
    ----------
    sources
        At the positions that the projection gives.
    reference
        The catalogue.
    plane
        Touches the sky where the middle of the detector is thought to be.
    extent
        Side of the detector, arcseconds.
    search
        What is searched.
    """
    end = time.monotonic() + search.seconds
    order = np.argsort(-sources.flux)
    seen = as_points(plane.from_sky(sources.ra[order], sources.dec[order]))
    order = np.argsort(-reference.flux)
    ra, dec = reference.ra[order], reference.dec[order]
    places = as_points(plane.from_sky(ra, dec))
    for reach, (count, more, neighbours) in _steps(extent, search.radius, len(seen)):
        near = np.flatnonzero(np.abs(places) <= reach + extent)
        some = near[_brightest_of_cells(places[near], extent, math.ceil(count * more))]
        trial = _Trial(seen[:count], places[some], (ra[some], dec[some]), plane, search)
        ways = _ways(trial, neighbours)
        ways = ways[np.abs(ways.shift) <= reach]
        for way in _best(ways, trial, end):
            found = _refined(way, trial, len(ways))
            if found is not None:
                yield found
        if time.monotonic() > end:
            return


@frozen(eq=False)
class _Trial:
    """Bright sources and stars that are compared."""

    sources: Points
    """On the plane, arcseconds."""
    stars: Points
    """On the plane, arcseconds."""
    sky: tuple[Floats, Floats]
    """Of the stars, degrees."""
    plane: TangentPlane
    search: PatternSearch


def _steps(extent: float, radius: float, sources: int) -> Iterator[tuple[float, tuple[int, float, int]]]:
    """List what to try in turn: how far off, arcseconds, and with how many stars."""
    whole = radius * 3600.0
    if whole > 2.0 * extent:
        yield extent, _RUNGS[0]
    for number, rung in enumerate(_RUNGS):
        # As many sources as there are, once more with fainter stars.
        if number == 0 or _RUNGS[number - 1][0] < sources:
            yield whole, rung


def _brightest_of_cells(places: Points, side: float, most: int) -> Indices:
    """Choose the first so many in each cell of the plane: stars as bright as those of the detector."""
    column, row = (np.floor(axis / side).astype(np.int64) for axis in (places.real, places.imag))
    cells = (column - column.min(initial=0)) * (int(np.ptp(row)) + 1 if len(row) else 1) + row
    order = np.argsort(cells, kind="stable")
    starts = np.flatnonzero(np.diff(cells[order], prepend=cells[order][:1] - 1))
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
    return np.sort(order[rank < most])


def _ways(trial: _Trial, neighbours: int) -> Similarities:
    shortest = _SHORTEST * trial.search.match_radius
    here, there = (
        (points, Triangles.among(points, neighbours, shortest)) for points in (trial.sources, trial.stars)
    )
    return alike(here, there, trial.search.match_radius / 3.0, trial.search.scale_error)


def _best(ways: Similarities, trial: _Trial, end: float) -> Iterator[Similarities]:
    """Choose the ways by which most sources lie where stars are."""
    if not len(ways):
        return
    loose = _LOOSE * trial.search.match_radius
    tree = KDTree(as_rows(trial.stars))
    if len(ways) > _MANY and len(trial.sources) > _SAMPLE:
        # A sample of the sources tells most of the wrong ways.
        some = _agreeing(ways, trial.sources[:: len(trial.sources) // _SAMPLE], tree, loose, end)
        ways = ways[np.argsort(-some, kind="stable")[:_MANY]]
    agreeing = _agreeing(ways, trial.sources, tree, loose, end)
    tried: list[complex] = []
    for number in np.argsort(-agreeing, kind="stable"):
        if agreeing[number] < _FEWEST or len(tried) == _CANDIDATES:
            return
        # Many triangles tell of the same place.
        where = complex(ways.shift[number])
        if all(abs(where - other) > loose for other in tried):
            tried.append(where)
            yield ways[number : number + 1]


def _agreeing(ways: Similarities, sources: Points, tree: KDTree, radius: float, end: float) -> Indices:
    """Count the sources that each way lays beside stars; of ways for which there is no time, none."""
    counts = np.zeros(len(ways), dtype=np.int64)
    for start in range(0, len(ways), _BATCH):
        if time.monotonic() > end:
            break
        batch = slice(start, start + _BATCH)
        laid = ways[batch].lay(sources)
        distance = tree.query(as_rows(laid.ravel()), distance_upper_bound=radius)[0]
        counts[batch] = np.isfinite(distance).reshape(laid.shape).sum(axis=1)
    return counts


def _refined(way: Similarities, trial: _Trial, ways: int) -> Placement | None:
    """Fit a way anew to all bright sources, on a plane that touches the sky where the detector looks.

    None if another of so many ways would by chance bring as many together.
    """
    search, sources = trial.search, trial.sources
    way, after = _carried(way, sources, trial.plane)
    places = as_points(after.from_sky(*trial.sky))
    around = 1.1 * float(np.max(np.abs(sources))) + _LOOSE * search.match_radius
    near = places[np.abs(places) <= around]
    if not len(near):
        return None
    tree, paired = KDTree(as_rows(near)), np.zeros(0, dtype=bool)
    for radius in np.geomspace(_LOOSE, 1.0, _ROUNDS) * search.match_radius:
        distance, star = tree.query(as_rows(way.lay(sources)[0]), distance_upper_bound=radius)
        paired = np.isfinite(distance)
        if np.count_nonzero(paired) < _FEWEST:
            return None
        way = Similarities.through(sources[None, paired], near[None, star[paired]], way.mirrored)
    by_chance = len(sources) * len(near) * (search.match_radius / around) ** 2
    others = np.count_nonzero(paired) - 3  # three made the triangle
    if ways * gammainc(others, by_chance) > 1.0 or abs(abs(way.factor[0]) - 1.0) > search.scale_error:
        return None
    way, after = _carried(way, sources, after)
    turn = np.array([[way.factor[0].real, -way.factor[0].imag], [way.factor[0].imag, way.factor[0].real]])
    parity = np.diag([1.0, -1.0 if way.mirrored[0] else 1.0])
    return Placement(before=trial.plane, after=after, matrix=turn @ parity)


def _carried(way: Similarities, sources: Points, plane: TangentPlane) -> tuple[Similarities, TangentPlane]:
    """Lay a way on the plane that touches the sky where it puts the middle of the detector."""
    ra, dec = plane.to_sky(as_rows(way.shift))
    after = TangentPlane(float(ra[0]), float(dec[0]))
    places = as_points(after.from_sky(*plane.to_sky(as_rows(way.lay(sources)[0]))))
    way = Similarities.through(sources[None, :], places[None, :], way.mirrored)
    # The middle is where it is by definition.
    return Similarities(way.factor, np.zeros(1, dtype=complex), way.mirrored), after
