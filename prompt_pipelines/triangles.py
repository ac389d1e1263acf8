"""Triangles of stars that are alike in two lists, whatever shift, turn and mirroring lie between the lists.

Points are complex numbers, x + iy. The scale is nearly known, so a triangle is
told by its three sides: by their ratios as precisely as positions allow, by their
size within the scale's uncertainty. (Astronomers' older matchers use the ratios
alone: Groth 1986, Astronomical Journal 91, 1244.)
"""

import itertools
from typing import Self

import numpy as np
import numpy.typing as npt
from attrs import frozen
from scipy.spatial import KDTree

from prompt_pipelines.arrays import Floats

__all__ = ["Indices", "Points", "Similarities", "Triangles", "alike", "as_points", "as_rows"]

type Points = npt.NDArray[np.complex128]
type Indices = npt.NDArray[np.int64]


@frozen(eq=False)
class Triangles:
    """Triangles of points that are near each other."""

    corners: Indices
    """Indices of points (n, 3): opposite the longest side, the middle one, the shortest."""
    sides: Floats
    """Natural logarithms of the sides' lengths (n, 3), the longest first."""
    turn: Floats
    """1 if the corners go anticlockwise, else -1."""

    @classmethod
    def among(cls, points: Points, neighbours: int, shortest: float) -> Self:
        """Make all triangles of each point with two of its nearest neighbours.

        Parameters
        ----------
        points
            Of which they are made.
        neighbours
            How many of the nearest others take part.
        shortest
            Triangles with a shorter side are left out: positions are too uncertain for them.
        """
        count = min(neighbours, len(points) - 1)
        if count < 2:
            return cls(np.zeros((0, 3), dtype=np.int64), np.zeros((0, 3)), np.zeros(0))
        near = KDTree(as_rows(points)).query(as_rows(points), k=count + 1)[1]
        pairs = np.array(list(itertools.combinations(range(1, count + 1), 2)))
        corners = np.concatenate(
            [np.broadcast_to(near[:, None, :1], (len(near), len(pairs), 1)), near[:, pairs]], axis=2
        )
        corners = _without_repeats(np.sort(corners.reshape(-1, 3), axis=1), len(points))
        lengths = np.abs(points[corners[:, [1, 2, 0]]] - points[corners[:, [2, 0, 1]]])
        order = np.argsort(-lengths, axis=1)
        corners, lengths = (np.take_along_axis(array, order, axis=1) for array in (corners, lengths))
        long_enough = lengths[:, 2] >= shortest
        corners, lengths = corners[long_enough], lengths[long_enough]
        first, second = (points[corners[:, corner]] - points[corners[:, 0]] for corner in (1, 2))
        return cls(corners, np.log(lengths), np.sign((first.conj() * second).imag))


@frozen(eq=False)
class Similarities:
    """Ways to lay one plane on another: z becomes ``factor * z + shift``, or the same of its conjugate."""

    factor: Points
    shift: Points
    mirrored: npt.NDArray[np.bool_]

    @classmethod
    def through(cls, points: Points, others: Points, mirrored: npt.NDArray[np.bool_]) -> Self:
        """Fit one for each row of points and the same row of others, by least squares."""
        points = np.where(mirrored[:, None], points.conj(), points)
        middle, other = points.mean(axis=1), others.mean(axis=1)
        arms = points - middle[:, None]
        factor = np.sum(arms.conj() * (others - other[:, None]), axis=1) / np.sum(np.abs(arms) ** 2, axis=1)
        return cls(factor, other - factor * middle, mirrored)

    def lay(self, points: Points) -> Points:
        """Lay points on the other plane, a row for each similarity."""
        turned = np.where(self.mirrored[:, None], points.conj()[None, :], points[None, :])
        return np.asarray(self.factor[:, None] * turned + self.shift[:, None])

    def __getitem__(self, chosen: npt.NDArray[np.bool_] | Indices | slice) -> Self:
        return type(self)(self.factor[chosen], self.shift[chosen], self.mirrored[chosen])

    def __len__(self) -> int:
        return len(self.factor)


def alike(
    here: tuple[Points, Triangles], there: tuple[Points, Triangles], blur: float, scale_error: float
) -> Similarities:
    """Find how the points of one list may lie among those of another, by triangles that are alike.

    Parameters
    ----------
    here, there
        Points and their triangles.
    blur
        Uncertainty of a side, in the unit of the points.
    scale_error
        Relative, at most.
    """
    points, mine = here
    others, theirs = there
    if not len(mine.corners) or not len(theirs.corners):
        return _none()
    tolerance = np.maximum(blur / np.exp(mine.sides[:, 2]), 1e-4)
    # The size counts as much less as it is less well known.
    weight = float(np.median(tolerance)) / scale_error
    found = KDTree(_shape(theirs.sides, weight)).query_ball_point(_shape(mine.sides, weight), tolerance)
    first = np.repeat(np.arange(len(found)), [len(some) for some in found])
    if not len(first):
        return _none()
    second = np.concatenate([np.asarray(some, dtype=np.int64) for some in found if some])
    ways = Similarities.through(
        points[mine.corners[first]], others[theirs.corners[second]], mine.turn[first] != theirs.turn[second]
    )
    return ways[np.abs(np.abs(ways.factor) - 1.0) <= scale_error + tolerance[first]]


def _shape(sides: Floats, weight: float) -> Floats:
    return np.column_stack(
        [sides[:, 0] - sides[:, 1], sides[:, 1] - sides[:, 2], weight * sides.mean(axis=1)]
    )


def as_points(rows: Floats) -> Points:
    """Make complex numbers of rows of x and y."""
    return np.asarray(rows[:, 0] + 1j * rows[:, 1])


def as_rows(points: Points) -> Floats:
    """Make rows of x and y of complex numbers."""
    return np.column_stack([points.real, points.imag])


def _without_repeats(corners: Indices, count: int) -> Indices:
    # NumPy's unique hashes integers, which takes five times as long for millions of them.
    keys = np.sort((corners[:, 0] * count + corners[:, 1]) * count + corners[:, 2])
    keys = keys[np.diff(keys, prepend=-1) > 0]
    return np.stack([keys // count**2, keys // count % count, keys % count], axis=1)


def _none() -> Similarities:
    nothing = np.zeros(0, dtype=complex)
    return Similarities(nothing, nothing, np.zeros(0, dtype=bool))
