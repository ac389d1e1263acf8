"""The path of what moves, on the image of one of its sightings."""

from collections.abc import Sequence

import numpy as np

from domain.movers.tracklet import Tracklet
from domain.results.sources import DiaSource

__all__ = ["path_on"]

_FEWEST = 4
"""Sources by which an image is placed on the sky."""


def path_on(tracklet: Tracklet, at: DiaSource, others: Sequence[DiaSource]) -> Sequence[tuple[float, float]]:
    """Place the sightings of a tracklet on the image of one of them, in its pixels.

    Parameters
    ----------
    tracklet
        What moves.
    at
        The sighting.
    others
        DiaSources of the same image: they tell how it lies on the sky. Of fewer than four the sightings' own
        pixels are taken, as if all images lay alike.
    """
    seen = [one for one in others if (one.visit, one.detector) == (at.visit, at.detector)]
    if len(seen) < _FEWEST:
        return [(one.x, one.y) for one in tracklet.sightings]
    sky = _offsets(seen, at)
    pixels = np.array([(one.x - at.x, one.y - at.y) for one in seen])
    turned, *_ = np.linalg.lstsq(sky, pixels, rcond=None)
    places = _offsets(tracklet.sightings, at) @ turned + (at.x, at.y)
    return [(float(x), float(y)) for x, y in places]


def _offsets(sources: Sequence[DiaSource], at: DiaSource) -> np.ndarray:
    east = np.array([(one.ra - at.ra + 180.0) % 360.0 - 180.0 for one in sources]) * np.cos(
        np.radians(at.dec)
    )
    return np.column_stack([east, [one.dec - at.dec for one in sources]])
