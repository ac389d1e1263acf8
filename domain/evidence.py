"""What is new in a night: each object with a label, the reasons for it, and its place among the others."""

import enum
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from attrs import frozen

from domain.movers.linking import NIGHT_GAP, link
from domain.movers.tracklet import Tracklet, ab_magnitude
from domain.results.sources import DiaSource

__all__ = ["Finding", "Label", "findings_of", "tonight"]


class Label(enum.StrEnum):
    """What an object is by all that is known of it."""

    KNOWN = "known body"
    """Of the Solar System."""
    TRACKLET = "moves"
    VARIABLE = "variable"
    """A star of the template that changed."""
    NEW = "new"
    """The template has nothing there."""
    ARTEFACT = "likely artefact"


@frozen(kw_only=True)
class Finding:
    """An object or a tracklet, judged."""

    label: Label
    reasons: tuple[str, ...]
    """In words."""
    score: float
    """Those with the highest are shown first: signal to noise of all sightings together, less if in doubt."""
    sightings: tuple[DiaSource, ...]
    """In the order of time; without those that a tracklet has taken."""
    tracklet: Tracklet | None = None

    @property
    def body(self) -> str:
        """Designation of the known body that it is; blank of anything else."""
        return next((one.body for one in self.sightings if one.body_id), "")

    @property
    def position(self) -> tuple[float, float]:
        """RA and Dec in degrees, of what moves in the middle of its arc."""
        moving = self.tracklet or self.strongest
        return moving.ra, moving.dec

    @property
    def object_id(self) -> int:
        """Of its DiaObject; 0 of what moves, whose sightings may each have one."""
        return 0 if self.tracklet or self.label is Label.KNOWN else self.sightings[0].object_id

    @property
    def strongest(self) -> DiaSource:
        """The sighting with the highest signal to noise."""
        return max(self.sightings, key=lambda one: (one.snr, -one.source_id))


_STAR: Final = 5.0
"""Signal to noise of a star in the template."""
_STEADY: Final = 0.1
"""Of the star's flux: what changes by less is more often a poor subtraction than a variable."""
_TRUSTED: Final = 10.0
"""Signal to noise at which one sighting is enough, and twice as much on a star of the template."""
_RELIABLE: Final = 0.5
_DOUBT: Final[Mapping[Label, float]] = {Label.ARTEFACT: 0.01}
"""What a score is multiplied with."""
_OLD: Final = 0.5
"""The same of what earlier nights have seen."""


def findings_of(
    sources: Iterable[DiaSource], *, since: float = -math.inf, exposures: Mapping[int, int] | None = None
) -> Sequence[Finding]:
    """Judge all that was seen, the most telling first.

    Parameters
    ----------
    sources
        All DiaSources, of earlier nights too.
    since
        Days TAI; what was not seen since then is left out, and what was seen before is not new.
    exposures
        How many exposures have covered an object since its first sighting, where it is known.
    """
    every = sorted(sources, key=lambda one: (one.mjd, one.source_id))
    covered = exposures or _exposures(every)
    tracklets = link(one for one in every if one.mjd >= since)
    bodies = _bodies(every, tracklets, since)
    taken = {one.source_id for each in tracklets for one in each.sightings}
    left = sorted(
        (one for one in every if one.object_id and not one.body_id and one.source_id not in taken),
        key=lambda one: one.object_id,
    )
    found = [_moving(one) for one in tracklets if not any(each.body_id for each in one.sightings)]
    found += bodies
    for object_id, group in itertools.groupby(left, key=lambda one: one.object_id):
        seen = tuple(group)
        if seen[-1].mjd >= since:
            found.append(_standing(seen, covered.get(object_id, len(seen)), is_old=seen[0].mjd < since))
    return sorted(found, key=lambda one: (-one.score, one.sightings[0].source_id))


def tonight(sources: Iterable[DiaSource]) -> Sequence[Finding]:
    """Judge what was seen in the last night among them, earlier nights being what was known before."""
    every = list(sources)
    times = sorted({one.mjd for one in every if math.isfinite(one.mjd)})
    begins = [later for earlier, later in itertools.pairwise(times) if later - earlier > NIGHT_GAP]
    return findings_of(every, since=begins[-1] if begins else -math.inf)


def _exposures(every: Sequence[DiaSource]) -> Mapping[int, int]:
    """Guess how many exposures have covered objects: those of their detectors."""
    visits: dict[int, set[int]] = {}
    for one in every:
        visits.setdefault(one.detector, set()).add(one.visit)
    return {one.object_id: len(visits[one.detector]) for one in every}


def _bodies(every: Iterable[DiaSource], tracklets: Iterable[Tracklet], since: float) -> list[Finding]:
    """Judge sightings of known bodies, with what was linked to them."""
    seen: dict[int, dict[int, DiaSource]] = {}
    for one in every:
        if one.body_id and one.mjd >= since:
            seen.setdefault(one.body_id, {})[one.source_id] = one
    linked: dict[int, Tracklet] = {}
    for tracklet in tracklets:
        names = Counter(one.body_id for one in tracklet.sightings if one.body_id)
        if names:
            [(body_id, _)] = names.most_common(1)
            # The longest come first; another of the same body adds sightings.
            linked.setdefault(body_id, tracklet)
            seen[body_id] |= {one.source_id: one for one in tracklet.sightings}
    return [
        _known(sorted(sightings.values(), key=lambda one: (one.mjd, one.source_id)), linked.get(body_id))
        for body_id, sightings in seen.items()
    ]


def _known(seen: Sequence[DiaSource], tracklet: Tracklet | None) -> Finding:
    count = "once" if len(seen) == 1 else f"{len(seen)} times"
    name = next(one.body for one in seen if one.body)
    motion = _motion(tracklet) if tracklet else ()
    brightness = f"{ab_magnitude([one.flux for one in seen]):.1f} mag"
    return Finding(
        label=Label.KNOWN,
        reasons=(f"{name}, seen {count} where it was predicted", *motion, brightness),
        score=_strength(seen),
        sightings=tuple(seen),
        tracklet=tracklet,
    )


def _motion(tracklet: Tracklet) -> tuple[str, str]:
    motion = f'{tracklet.rate:.3f}"/min towards {tracklet.position_angle:.0f}°'
    return (
        f"{len(tracklet.sightings)} sightings in {tracklet.arc:.0f} min move evenly, {motion}",
        f'residuals {tracklet.rms:.2f}"',
    )


def _moving(tracklet: Tracklet) -> Finding:
    return Finding(
        label=Label.TRACKLET,
        reasons=(*_motion(tracklet), f"{tracklet.magnitude:.1f} mag"),
        score=_strength(tracklet.sightings),
        sightings=tracklet.sightings,
        tracklet=tracklet,
    )


def _standing(seen: tuple[DiaSource, ...], exposures: int, *, is_old: bool) -> Finding:
    label, reasons = _judged(seen, exposures)
    count = "once" if len(seen) == 1 else f"{len(seen)} times"
    # A source may have been seen before its object's exposures are counted.
    reasons.append(f"seen {count} in {max(exposures, len(seen))} exposures")
    if is_old:
        reasons.append("seen in an earlier night")
    score = _strength(seen) * _DOUBT.get(label, 1.0) * (_OLD if is_old else 1.0)
    return Finding(label=label, reasons=tuple(reasons), score=score, sightings=seen)


def _judged(seen: Sequence[DiaSource], exposures: int) -> tuple[Label, list[str]]:
    strongest = max(seen, key=lambda one: (one.snr, -one.source_id))
    change = max((one.flux for one in seen), key=abs)
    star = _median([one.template_flux for one in seen])
    has_star = star > max(_STAR * strongest.flux_err, 0.2 * abs(change))
    trusted = 2 * _TRUSTED if has_star else _TRUSTED
    alone = len(seen) == 1 and exposures > 2 and not strongest.snr >= trusted
    # What scores sources has learnt what new ones look like: of a star that fades it knows nothing.
    scores = (one.reliability for one in seen if one.flux > 0 and math.isfinite(one.reliability))
    reliability = max(scores, default=math.nan)
    if reliability < _RELIABLE:
        return Label.ARTEFACT, [f"reliability {reliability:.2f}"]
    if has_star and abs(change) < _STEADY * star:
        share = abs(change) / star
        return Label.ARTEFACT, [f"a star of {ab_magnitude([star]):.1f} mag changes by {share:.0%} only"]
    if not has_star and all(one.flux < 0 for one in seen):
        return Label.ARTEFACT, ["fainter than the template, which has nothing there"]
    if alone:
        return Label.ARTEFACT, ["faint, and not seen again"]
    if has_star:
        fluxes = [one.flux for one in seen]
        span = f"{min(fluxes):+,.0f} to {max(fluxes):+,.0f} nJy" if len(seen) > 1 else f"{change:+,.0f} nJy"
        return Label.VARIABLE, [f"a star of {ab_magnitude([star]):.1f} mag in the template changed by {span}"]
    return Label.NEW, [
        f"nothing in the template, now {ab_magnitude([max(one.flux for one in seen)]):.1f} mag"
    ]


def _strength(seen: Iterable[DiaSource]) -> float:
    return math.sqrt(sum(one.snr**2 for one in seen if math.isfinite(one.snr)))


def _median(values: Iterable[float]) -> float:
    known = sorted(value for value in values if math.isfinite(value))
    return known[len(known) // 2] if known else 0.0
