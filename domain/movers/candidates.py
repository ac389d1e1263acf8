"""What may be a tracklet: sightings along a line, and sightings at one place that compete with it."""

from collections.abc import Iterator
from typing import Self

import numpy as np
import numpy.typing as npt
from attrs import frozen

from domain.movers.motion import ARCSEC, Motion, Places

__all__ = ["Candidate", "along", "place_that_recurs", "seeds"]

type Indices = npt.NDArray[np.int64]

_SEED_VISITS = 6
"""Exposures with something within reach, next in time, in which a sighting looks for its second."""
_GATE = 4.0  # standard deviations off the line
_REACH = 8.0  # pixels, in errors of a sighting: how badly a line may be known where it is searched
_ROUNDS = 12
_LONELY = 5  # th neighbour, ten times as far as the second of a pair


@frozen(order=True)
class Candidate:
    """Sightings that may belong together; the best is the least."""

    fewer: int
    """Minus the number of sightings."""
    moves: bool
    chi_squared: float
    """For each degree of freedom."""
    members: tuple[int, ...]

    @classmethod
    def of(cls, count: int, *, moves: bool, chi_squared: float, members: tuple[int, ...]) -> Self:
        """Make one."""
        return cls(-count, moves, chi_squared, members)


def place_that_recurs(places: Places, index: int, radius: float) -> Indices:
    """List sightings within some arcseconds of one, the closest of each exposure, and that itself."""
    distances = np.linalg.norm(places.vectors - places.vectors[index], axis=1) * ARCSEC
    return _closest_of_each(places, np.flatnonzero(distances <= radius), distances)


def seeds(places: Places, fastest: float) -> Iterator[Indices]:
    """Pair each sighting with those that it may have moved to, and add what lies on the line through both.

    Pairs to which nothing is added are left out where others are close: there they are chance.

    Parameters
    ----------
    places
        Sightings in the order of time.
    fastest
        Arcseconds a minute.
    """
    for first in range(len(places.days) - 1):
        apart = np.linalg.norm(places.vectors - places.vectors[first], axis=1) * ARCSEC
        minutes = (places.days - places.days[first]) * 1440.0
        able = np.flatnonzero((apart < fastest * minutes + places.errors[first]) & (minutes > 0))
        # In the next exposures that have any.
        following = list(dict.fromkeys(places.visits[able].tolist()))[:_SEED_VISITS]
        able = able[np.isin(places.visits[able], following)]
        lonely = np.partition(apart, _LONELY)[_LONELY] / 10.0 if len(apart) > _LONELY else np.inf
        for second, (on, off) in zip(able, _on_the_way(places, first, able), strict=True):
            members = _closest_of_each(places, np.flatnonzero(on), off)
            if len(members) > 2 or apart[second] < lonely:
                yield members


def _on_the_way(
    places: Places, first: int, seconds: Indices
) -> Iterator[tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]]:
    """Find what lies on the great circles through two sightings, and how far it is off, in errors."""
    start, ends = places.vectors[first], places.vectors[seconds]
    aside = ends - (ends @ start)[:, None] * start
    sines = np.linalg.norm(aside, axis=1)
    turns = np.arctan2(sines, ends @ start)
    aside /= np.maximum(sines, 1e-12)[:, None]
    elapsed = places.days - places.days[first]
    shares = elapsed / elapsed[seconds][:, None]
    ways = shares * turns[:, None]
    cosines = np.cos(ways) * (places.vectors @ start) + np.sin(ways) * (aside @ places.vectors.T)
    apart = np.sqrt(np.maximum(2.0 - 2.0 * cosines, 0.0)) * ARCSEC
    errors = np.hypot((1.0 - shares) * places.errors[first], shares * places.errors[seconds][:, None])
    off = apart / np.hypot(errors, places.errors)
    rows = np.arange(len(seconds))
    off[rows, seconds] = 0.0
    off[:, first] = 0.0
    on = (off < _GATE) & (errors < _REACH * places.errors.min())
    on[rows, seconds] = True
    on[:, first] = True
    return zip(on, off, strict=True)


def along(places: Places, members: Indices) -> Indices:
    """Extend a line to all sightings on it, as far as it is known where it leads."""
    for _ in range(_ROUNDS):
        motion = Motion.fit(places, members)
        errors = motion.errors(places)
        off = np.linalg.norm(motion.residuals(places), axis=1) / np.hypot(errors, places.errors)
        on = np.flatnonzero((off < _GATE) & (errors < _REACH * places.errors.min()))
        found = _closest_of_each(places, on, off)
        if len(found) < 2 or np.array_equal(found, members):
            break
        members = found
    return members


def _closest_of_each(places: Places, indices: Indices, distances: npt.NDArray[np.float64]) -> Indices:
    """Keep one of each exposure."""
    by_distance = indices[np.argsort(distances[indices], kind="stable")]
    _, first = np.unique(places.visits[by_distance], return_index=True)
    return np.sort(by_distance[first])
