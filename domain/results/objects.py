"""Objects, summed up from their DiaSources."""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from domain.results.sources import DiaSource, ObjectOrder, ObjectSummary

__all__ = ["summed_up"]


def summed_up(
    sources: Iterable[DiaSource], order: ObjectOrder = ObjectOrder.SIGHTINGS
) -> Sequence[ObjectSummary]:
    """Sum up the objects of some DiaSources.

    Sources without an object are left out.
    """
    of_objects = sorted((one for one in sources if one.object_id), key=lambda one: one.object_id)
    found = [list(seen) for _, seen in itertools.groupby(of_objects, key=lambda one: one.object_id)]
    return [_summary(seen[0].object_id, seen) for seen in sorted(found, key=_KEYS[order])]


def _strength(seen: Sequence[DiaSource]) -> float:
    return max((one.snr for one in seen if not math.isnan(one.snr)), default=-1.0)


_KEYS: Final[Mapping[ObjectOrder, Callable[[Sequence[DiaSource]], tuple[float, ...]]]] = {
    ObjectOrder.SIGHTINGS: lambda seen: (-len(seen),),
    ObjectOrder.ONCE: lambda seen: (len(seen), -_strength(seen)),
    ObjectOrder.SNR: lambda seen: (-_strength(seen),),
    ObjectOrder.LAST: lambda seen: (-max(one.mjd for one in seen),),
}
"""Objects that are alike in this stay in the order of their identifiers."""


def _summary(object_id: int, seen: Sequence[DiaSource]) -> ObjectSummary:
    ra, dec = _middle(seen)
    return ObjectSummary(
        object_id=object_id,
        sightings=len(seen),
        ra=ra,
        dec=dec,
        first=min(one.mjd for one in seen),
        last=max(one.mjd for one in seen),
        faintest=min(one.flux for one in seen),
        brightest=max(one.flux for one in seen),
        range_mag=_range([one.science_flux for one in seen]),
        strongest=max(seen, key=lambda one: (one.snr, -one.source_id)).source_id,
    )


def _middle(seen: Sequence[DiaSource]) -> tuple[float, float]:
    """Find the mean of positions, as offsets from the first: right ascension goes round at 360 degrees."""
    first = seen[0].ra
    offset = sum((one.ra - first + 180.0) % 360.0 - 180.0 for one in seen) / len(seen)
    return (first + offset) % 360.0, sum(one.dec for one in seen) / len(seen)


def _range(fluxes: Sequence[float]) -> float:
    if len(fluxes) < 2 or not all(flux > 0 for flux in fluxes):
        return math.nan
    return 2.5 * math.log10(max(fluxes) / min(fluxes))
