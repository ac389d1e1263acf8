"""Sightings of a night linked into tracklets."""

import heapq
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from attrs import frozen

from domain.movers.candidates import Candidate, along, place_that_recurs, seeds
from domain.movers.chance import expected_by_chance
from domain.movers.motion import Motion, Places
from domain.movers.tracklet import Residual, Tracklet
from domain.results.sources import DiaSource

__all__ = ["MOST_SIGHTINGS", "NIGHT_GAP", "LinkChoices", "link"]

MOST_SIGHTINGS: Final = 5_000
"""Of one night: the work grows with the square."""

NIGHT_GAP: Final = 0.2
"""Days without an exposure that part two nights."""

_PIXEL = 1.0  # arcseconds, if the sources do not tell
_FAR_APART = 20.0  # pixels between sources that tell the scale, at least
_ROUNDING = 1e-6


@frozen(kw_only=True)
class LinkChoices:
    """What counts as a tracklet."""

    fastest: float = 4.0
    """Arcseconds a minute: 1.6 degrees a day."""
    floor: float = 0.15
    """Pixels that no position is better than."""
    least_motion: float = 1.5
    """Pixels from the first sighting to the last."""
    by_chance: float = 0.01
    """Most tracklets of the kind that the night may have by chance."""


def link(sources: Iterable[DiaSource], choices: LinkChoices | None = None) -> Sequence[Tracklet]:
    """Link the sightings of each night.

    What stays at its place is no tracklet, nor are sources that faded. Each sighting is in one tracklet at
    most: the tracklet with more sightings has it, of two alike that with the lower chi-squared. The order of
    the sources does not matter.

    Parameters
    ----------
    sources
        Of any number of nights; of a night with more than `MOST_SIGHTINGS` the strongest are linked.
    choices
        None: the usual ones.

    Returns
    -------
    tracklets
        Those with most sightings first.
    """
    chosen = choices or LinkChoices()
    found = [one for night in _nights(sources) for one in _linked(night, chosen)]
    return sorted(found, key=lambda one: (-len(one.sightings), one.mjd, one.identifier))


def _nights(sources: Iterable[DiaSource]) -> Iterator[Sequence[DiaSource]]:
    """Part sightings where no exposure was taken for hours."""
    risen = [one for one in sources if one.flux > 0 and np.isfinite([one.mjd, one.ra, one.dec]).all()]
    risen.sort(key=lambda one: (one.mjd, one.source_id))
    gaps = [i for i, (a, b) in enumerate(itertools.pairwise(risen), 1) if b.mjd - a.mjd > NIGHT_GAP]
    for begin, end in itertools.pairwise([0, *gaps, len(risen)]):
        night = risen[begin:end]
        if len(night) > MOST_SIGHTINGS:
            strongest = sorted(night, key=lambda one: (-one.snr, one.source_id))[:MOST_SIGHTINGS]
            night = sorted(strongest, key=lambda one: (one.mjd, one.source_id))
        yield night


def _linked(night: Sequence[DiaSource], choices: LinkChoices) -> Iterator[Tracklet]:
    if len(night) < 2:
        return
    pixel = _pixel_scale(night)
    places = Places.of(night, floor=choices.floor * pixel, unknown=pixel)
    free = np.ones(len(night), bool)
    waiting = list(_candidates(places, choices, pixel))
    heapq.heapify(waiting)
    while waiting:
        best = heapq.heappop(waiting)
        members = np.array(best.members)
        if free[members].all():
            free[members] = False
            if best.moves:
                yield _tracklet(night, places, members)
        elif (rest := _judged(places, members[free[members]], choices, pixel, moves=best.moves)) is not None:
            heapq.heappush(waiting, rest)


def _candidates(places: Places, choices: LinkChoices, pixel: float) -> Iterator[Candidate]:
    known: set[tuple[int, ...]] = set()
    for index in range(len(places.days)):
        members = place_that_recurs(places, index, choices.least_motion * pixel)
        if len(members) > 1 and (key := tuple(members.tolist())) not in known:
            known.add(key)
            yield Candidate.of(len(members), moves=False, chi_squared=0.0, members=key)
    known.clear()
    for seed in seeds(places, choices.fastest):
        members = along(places, seed) if len(seed) > 2 else seed
        if (key := tuple(members.tolist())) in known:
            continue
        known.add(key)
        if (candidate := _judged(places, members, choices, pixel, moves=True)) is not None:
            yield candidate


def _judged(
    places: Places, members: npt.NDArray[np.int64], choices: LinkChoices, pixel: float, *, moves: bool
) -> Candidate | None:
    """Say how good a candidate is; None if it is none."""
    if len(members) < 2:
        return None
    key = tuple(members.tolist())
    if not moves:
        return Candidate.of(len(members), moves=False, chi_squared=0.0, members=key)
    motion = Motion.fit(places, members)
    elapsed = np.diff(places.days[members])
    speed = float(np.hypot(*motion.rate))
    if speed / 1440.0 > choices.fastest or speed * elapsed.sum() < choices.least_motion * pixel:
        return None
    freedom = 2 * (len(members) - 2)
    # Three standard deviations beyond what is expected, and what stands still must not explain it as well.
    if (
        motion.chi_squared > freedom + 3.0 * (2.0 * freedom) ** 0.5 + _ROUNDING
        or motion.still - motion.chi_squared < 25.0
    ):
        return None
    closest = max(speed * float(elapsed.min()), 2.0 * pixel)
    if expected_by_chance(places, members, motion.middle, closest) > choices.by_chance:
        return None
    return Candidate.of(
        len(members), moves=True, chi_squared=motion.chi_squared / max(freedom, 1), members=key
    )


def _tracklet(night: Sequence[DiaSource], places: Places, members: npt.NDArray[np.int64]) -> Tracklet:
    motion = Motion.fit(places, members)
    ra, dec = motion.position()
    off = motion.residuals(places)[members]
    east, north = motion.rate
    speed = float(np.hypot(east, north))
    freedom = 2 * (len(members) - 2)
    closest = speed * float(np.diff(places.days[members]).min())
    return Tracklet(
        sightings=tuple(night[index] for index in members),
        residuals=tuple(Residual(east=float(x), north=float(y)) for x, y in off),
        mjd=motion.epoch,
        ra=ra,
        dec=dec,
        rate=speed / 1440.0,
        position_angle=float(np.degrees(np.arctan2(east, north)) % 360.0),
        chi_squared=motion.chi_squared / freedom if freedom else 0.0,
        by_chance=expected_by_chance(places, members, motion.middle, closest),
    )


def _pixel_scale(night: Sequence[DiaSource]) -> float:
    """Give the arcseconds of a pixel, by the distances of sources of the same image."""
    by_image = sorted(night, key=lambda one: (one.visit, one.detector, one.source_id))
    scales = []
    for a, b in itertools.pairwise(by_image):
        apart = float(np.hypot(a.x - b.x, a.y - b.y))
        if (a.visit, a.detector) == (b.visit, b.detector) and apart > _FAR_APART:
            places = Places.of([a, b], 0.0, 0.0).vectors
            scales.append(float(np.linalg.norm(places[0] - places[1])) * 180.0 * 3600.0 / np.pi / apart)
    return float(np.median(scales)) if scales else _PIXEL
