"""Finding the same object in two lists of positions on the sky."""

import numpy as np
from attrs import frozen
from scipy.spatial import KDTree

from prompt_pipelines.arrays import Floats

__all__ = ["Matches", "match_one_to_one", "offset_on_sky", "on_plane"]


@frozen(eq=False)
class Matches:
    """Pairs of indices, each index once at most."""

    first: np.ndarray
    second: np.ndarray
    separation: Floats
    """Arcseconds."""


def match_one_to_one(first: tuple[Floats, Floats], second: tuple[Floats, Floats], radius: float) -> Matches:
    """Match two lists, the closest pairs first.

    Parameters
    ----------
    first, second
        Right ascensions and declinations, degrees.
    radius
        Arcseconds.
    """
    empty = np.zeros(0, dtype=int)
    good = np.flatnonzero(np.isfinite(first[0]) & np.isfinite(first[1]))
    if not len(good) or not len(second[0]):
        return Matches(empty, empty, np.zeros(0))
    limit = 2.0 * np.sin(np.radians(radius / 3600.0) / 2.0)
    tree = KDTree(_unit_vectors(*second))
    pairs = tree.sparse_distance_matrix(
        KDTree(_unit_vectors(first[0][good], first[1][good])), limit, output_type="ndarray"
    )
    taken_first, taken_second, chosen = set(), set(), []
    for pair in pairs[np.argsort(pairs["v"], kind="stable")]:
        here, there = int(good[pair["j"]]), int(pair["i"])
        if here not in taken_first and there not in taken_second:
            taken_first.add(here)
            taken_second.add(there)
            chosen.append((here, there, float(pair["v"])))
    if not chosen:
        return Matches(empty, empty, np.zeros(0))
    one, other, chord = (np.array(column) for column in zip(*chosen, strict=True))
    return Matches(one, other, np.degrees(2.0 * np.arcsin(chord / 2.0)) * 3600.0)


def offset_on_sky(ra: Floats, dec: Floats, ra_other: Floats, dec_other: Floats) -> tuple[Floats, Floats]:
    """Compute the way from one list of positions to another, arcseconds east and north."""
    east = (np.asarray(ra_other) - ra + 180.0) % 360.0 - 180.0
    return east * np.cos(np.radians(dec)) * 3600.0, (np.asarray(dec_other) - dec) * 3600.0


def on_plane(*lists: tuple[Floats, Floats]) -> tuple[Floats, ...]:
    """Lay lists of positions that are close together on one plane, arcseconds east and north.

    The middle is the first position of the last list, the scale that of its median declination.
    """
    centre, scale = lists[-1][0][0], np.cos(np.radians(np.median(lists[-1][1])))
    return tuple(
        np.column_stack([((ra - centre + 180.0) % 360.0 - 180.0) * scale, dec]) * 3600.0 for ra, dec in lists
    )


def _unit_vectors(ra: Floats, dec: Floats) -> Floats:
    lon, lat = np.radians(np.asarray(ra, dtype=float)), np.radians(np.asarray(dec, dtype=float))
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
