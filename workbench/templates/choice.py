"""Which exposures make a template: the better ones, spread over the time in which they were taken."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from attrs import astuple, frozen

__all__ = ["Choice", "Quality", "choose"]

_FWHM: Final = 1.3
_NOISE: Final = 1.5
"""Times what the better quarter reaches; an exposure that is worse has no part."""
_STARS: Final = 0.5
_COVERED: Final = 0.5
"""Of what the better quarter shows; an exposure that shows less has no part."""
_A_SLOT: Final = 3
"""Exposures of each of the equal times into which all is cut."""


@frozen(kw_only=True)
class Quality:
    """What an exposure of a detector has to give to a template."""

    begin: float
    """Seconds, of any clock that all share."""
    fwhm: float
    """Arcseconds, of stars; NaN if no star tells it."""
    noise: float
    """Of the sky in a pixel, in the template's unit: clouds, moonlight and short times all raise it."""
    stars: int
    """Detected well above the noise."""
    covered: float
    """Share of the template's area that it shows; 1 is all of it."""

    @property
    def cost(self) -> float:
        """Noise of a star's flux in it, up to a factor; infinite if that cannot be told."""
        cost = self.noise * self.fwhm / self.covered if self.covered > 0 else math.inf
        return cost if math.isfinite(cost) and self.noise > 0 and self.fwhm > 0 else math.inf


@frozen(kw_only=True)
class Choice[Name]:
    """Exposures that are to make a template."""

    chosen: tuple[Name, ...]
    """In the order of time."""
    poor: Mapping[Name, str]
    """What is left out because something is wrong with it, and what."""
    spare: tuple[Name, ...]
    """What is good and not needed, because as many are better."""


def choose[Name](qualities: Mapping[Name, Quality], *, most: int, fewest: int) -> Choice[Name]:
    """Choose exposures of one field in one filter.

    What is far from what the better quarter reaches has no part, unless there would be too few. Of the
    rest each of several equal times gives its best, so that what moves or varies is not at one place in all
    of them.

    Parameters
    ----------
    qualities
        What was measured, by any name of an exposure.
    most
        So many are chosen at most.
    fewest
        So many are chosen at least, of those of which noise and seeing are known and that show any of the
        field.
    """
    usable = {name: one for name, one in qualities.items() if math.isfinite(one.cost)}
    poor = {name: _unknown(one) for name, one in qualities.items() if name not in usable}
    faults = {name: fault for name, one in usable.items() if (fault := _fault(one, list(usable.values())))}
    by_cost = sorted(usable, key=lambda name: (name in faults, _rank(usable[name])))
    good = {name: usable[name] for name in by_cost[: max(fewest, len(usable) - len(faults))]}
    poor |= {name: fault for name, fault in faults.items() if name not in good}
    chosen = _spread(good, most)
    return Choice(
        chosen=tuple(sorted(chosen, key=lambda name: (good[name].begin, _rank(good[name])))),
        poor=poor,
        spare=tuple(name for name in good if name not in chosen),
    )


def _rank(one: Quality) -> tuple[float, ...]:
    """Put the best first; of equal ones the same, in whatever order they are told."""
    return one.cost, *astuple(one)


def _unknown(one: Quality) -> str:
    if one.covered <= 0:
        return "it shows nothing of the field"
    return "no star tells its seeing" if not one.fwhm > 0 else "its noise is unknown"


def _fault(one: Quality, usable: Sequence[Quality]) -> str | None:
    """Say what is worst about an exposure, if anything is far from what the better quarter reaches."""
    fwhm, noise = (np.quantile([getattr(each, of) for each in usable], 0.25) for of in ("fwhm", "noise"))
    stars, covered = (
        np.quantile([getattr(each, of) for each in usable], 0.75) for of in ("stars", "covered")
    )
    if one.covered < _COVERED * covered:
        return f"it shows {one.covered:.0%} of the field, others {covered:.0%}"
    if one.stars < _STARS * stars:
        return f"it shows {one.stars} stars, others {stars:.0f}"
    if one.fwhm > _FWHM * fwhm:
        return f'its seeing is {one.fwhm:.2f}", that of others {fwhm:.2f}"'
    if one.noise > _NOISE * noise:
        return f"the noise of its sky is {one.noise / noise:.1f} times that of others"
    return None


def _spread[Name](good: Mapping[Name, Quality], most: int) -> set[Name]:
    """Take the best of each time in turn, until there are enough."""
    if len(good) <= most:
        return set(good)
    begin = min(one.begin for one in good.values())
    width = max(one.begin for one in good.values()) - begin
    slots: dict[int, list[Name]] = {}
    number = max(1, most // _A_SLOT)
    for name in sorted(good, key=lambda name: _rank(good[name])):
        share = (good[name].begin - begin) / width if width > 0 else 0.0
        slots.setdefault(min(int(share * number), number - 1), []).append(name)
    # A last round that is not complete is of the best of it.
    turns = [(turn, _rank(good[name]), name) for names in slots.values() for turn, name in enumerate(names)]
    return {name for *_, name in sorted(turns, key=lambda turn: turn[:2])[:most]}
