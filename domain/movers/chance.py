"""How many tracklets a night has by chance."""

import math

import numpy as np
import numpy.typing as npt

from domain.movers.motion import ARCSEC, Places

__all__ = ["expected_by_chance"]

_NEIGHBOURS = (3, 5, 9, 17, 33)
"""Of how many the density is taken; the highest counts: false sources come in clumps about bright stars."""
_WIDEST = 3600.0  # arcseconds around a tracklet that are its neighbourhood, at most
_GATE = 4.0  # standard deviations


def expected_by_chance(
    places: Places, members: npt.NDArray[np.int64], middle: npt.NDArray[np.float64], closest: float
) -> float:
    """Reckon how many tracklets like one the night would have if all its sightings were scattered at random.

    From each sighting of the night a second is found within the pair's distance, then others on the line
    through both, by the density of sightings around the tracklet: where much is false, more is asked.

    Parameters
    ----------
    places
        All sightings of the night.
    members
        Those of the tracklet.
    middle
        Where it is, a unit vector.
    closest
        Arcseconds between its closest two sightings that follow each other.
    """
    others = np.ones(len(places.days), bool)
    others[members] = False
    distances = np.linalg.norm(places.vectors - middle, axis=1) * ARCSEC
    near = np.sort(distances[others & (distances < _WIDEST)])[: _NEIGHBOURS[-1]]
    radius = float(near[-1]) if len(near) == _NEIGHBOURS[-1] else _WIDEST
    around = distances <= max(radius, float(distances[members].max()))
    exposures = len(np.unique(places.visits[around]))
    # One more than there are: where none is seen, there may yet be some.
    crowds = [
        (len(near) + 1, radius),
        *((count, float(near[count - 1])) for count in _NEIGHBOURS if count <= len(near)),
    ]
    density = max(count / (math.pi * max(within, closest) ** 2 * exposures) for count, within in crowds)
    error = float(np.median(places.errors[members]))
    second = (exposures - 1) * density * math.pi * closest**2
    further = density * math.pi * (_GATE * error) ** 2 * 2.0  # twice: a line through two is not exact
    count = len(members)
    ways = math.comb(max(exposures, count) - 2, count - 2)
    return len(places.days) * second * ways * further ** (count - 2)
