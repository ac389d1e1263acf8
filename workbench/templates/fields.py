"""What a night's exposures in one filter show: the one with which the others are compared, and its stars."""

from collections.abc import Iterator, Sequence

import numpy as np
from astropy.table import Table
from attrs import evolve, frozen

from simulator.summit.night import PlannedVisit
from simulator.world.stars import Stars
from workbench.reduction.single_exposures import SingleFrame
from workbench.templates.calibrated import calibrated, is_star
from workbench.templates.lights import Lights, reason_of

__all__ = ["Field", "fields"]

_TRIED = 12  # exposures, as the one with which the others are compared
_KEPT = 3
_FEWEST_STARS = 3


@frozen(kw_only=True, eq=False)
class Field:
    """What the visits in one filter see."""

    band: str
    reference: PlannedVisit
    """With which the others are compared; whose pixels the templates have."""
    onto: dict[int, SingleFrame]
    """The reference, by detector."""
    stars: Stars
    """Of the reference."""
    catalogue: Table
    """By which exposures are calibrated: the reference's stars, or one that was given."""


def fields(
    lights: Lights, visits: Sequence[PlannedVisit], band: str, catalogue: Table | None = None
) -> Iterator[Field]:
    """Try exposures as the reference, the middle one first, those that lack a detector last.

    Parameters
    ----------
    lights
        Makes them.
    visits
        The exposures.
    band
        Theirs.
    catalogue
        By which exposures are calibrated; None: by the reference's own stars.
    """
    detectors = {detector for visit in visits for detector in visit.detectors}
    incomplete: list[Field] = []
    middle = len(visits) // 2
    for number in sorted(range(len(visits)), key=lambda number: abs(number - middle))[:_TRIED]:
        visit = visits[number]
        starry = {one: _starry(lights, visit, one, band, catalogue) for one in visit.detectors}
        onto = {one: frame for one, frame in starry.items() if frame is not None}
        if onto:
            stars = _catalogue(list(onto.values()), band)
            known = _table(stars, band) if catalogue is None else catalogue
            seen = Field(band=band, reference=visit, onto=onto, stars=stars, catalogue=known)
            if onto.keys() == detectors:
                yield seen
            else:
                incomplete.append(seen)
                incomplete = sorted(incomplete, key=lambda seen: -len(seen.onto))[:_KEPT]
    yield from incomplete


def _starry(
    lights: Lights, visit: PlannedVisit, detector: int, band: str, catalogue: Table | None
) -> SingleFrame | None:
    """Make a frame that shows stars; where the catalogue has them, if one is given."""
    frame = lights.make(visit, detector)
    if frame is None:
        return None
    stars = int(np.count_nonzero(is_star(frame.sources)))
    if stars < _FEWEST_STARS:
        lights.reject(visit, detector, f"it shows {stars} stars, it takes {_FEWEST_STARS}")
        return None
    if catalogue is None:
        return frame
    try:
        return evolve(frame, image=calibrated(frame, catalogue, band).image)
    # As in `best_contributions`.
    except Exception as error:  # noqa: BLE001 - see there
        lights.reject(visit, detector, reason_of(error))
        return None


def _table(stars: Stars, band: str) -> Table:
    return Table({"id": stars.number, "ra": stars.ra, "dec": stars.dec, f"{band}_flux": stars.flux[band]})


def _catalogue(frames: Sequence[SingleFrame], band: str) -> Stars:
    good = [frame.sources[is_star(frame.sources)] for frame in frames]
    ra, dec, flux = (
        np.concatenate([np.asarray(table[name], dtype=float) for table in good])
        for name in ("ra", "dec", "flux")
    )
    return Stars(number=np.arange(1, len(ra) + 1), ra=ra, dec=dec, flux={band: flux})
