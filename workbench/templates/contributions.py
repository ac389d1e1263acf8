"""The exposures that make a template, and what is to be said of the others."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from attrs import field, frozen
from lsst.images import MaskedImage

from prompt_pipelines.positions import sky_positions
from prompt_pipelines.tangent_plane import TangentPlane
from prompt_pipelines.templates import Contribution
from simulator.summit.night import PlannedVisit
from workbench.reduction.single_exposures import SingleFrame
from workbench.templates.calibrated import calibrated, quality_of
from workbench.templates.choice import Quality, choose
from workbench.templates.fields import Field
from workbench.templates.lights import Lights, reason_of

__all__ = ["FEWEST", "Contributions", "Misfit", "best_contributions"]

type Way = npt.NDArray[np.float64]
"""Arcseconds east and north."""

FEWEST = 3
"""Exposures that make a template."""
_MOST = 12
"""Exposures that have a part in one."""
_SAME_ANGLE = 0.5  # degrees
_MEASURED = 4 * _MOST
"""Exposures of which these are chosen: each is processed for it."""


@frozen(kw_only=True, eq=False)
class Misfit:
    """An exposure that has no part in a template, and why."""

    visit: PlannedVisit
    reason: str


@frozen(kw_only=True, eq=False)
class Contributions:
    """What is to make a template of a detector."""

    parts: list[Contribution] = field(factory=list)
    strange: list[Misfit] = field(factory=list)
    """What does not show what the reference shows."""
    poor: list[Misfit] = field(factory=list)
    """What does, far worse than others."""
    spare: list[PlannedVisit] = field(factory=list)
    """What is not needed, because others are better, or because there are so many."""
    told: list[Way] = field(factory=list)
    """How far from the reference exposures of its rotation point, by their headers."""
    found: list[Way] = field(factory=list)
    """How far by their stars."""


def best_contributions(
    lights: Lights, visits: Sequence[PlannedVisit], detector: int, seen: Field
) -> Contributions:
    """Calibrate exposures by the stars of a field, and take the best; of very many, of some spread evenly."""
    able = {visit.group: visit for visit in visits if detector in visit.detectors}
    looked_at = _evenly(list(able), _MEASURED)
    strange: list[Misfit] = []
    qualities: dict[str, Quality] = {}
    # All images would be too many for the memory; what is chosen beyond these is made once more.
    kept: dict[str, Contribution] = {}
    told, found = [], []
    for group in looked_at:
        try:
            measured = _measure(lights, able[group], detector, seen)
        # Whatever it is that numpy or a projection stumbles over, this frame alone has it.
        except Exception as error:  # noqa: BLE001 - see above
            strange.append(Misfit(visit=able[group], reason=reason_of(error)))
            continue
        if measured is not None:
            frame, part, qualities[group] = measured
            if able[group] != seen.reference and _are_alike(able[group], seen.reference):
                told.append(_way(seen.onto[detector].image, frame.image))
                found.append(_way(seen.onto[detector].image, part.image))
            if len(kept) < _MOST:
                kept[group] = part
    choice = choose(qualities, most=_MOST, fewest=FEWEST)
    for group in choice.chosen:
        if group not in kept and (again := _measure(lights, able[group], detector, seen)) is not None:
            kept[group] = again[1]
    spare = {*choice.spare, *(able.keys() - set(looked_at))}
    return Contributions(
        parts=[kept[group] for group in choice.chosen if group in kept],
        strange=strange,
        poor=[Misfit(visit=able[group], reason=reason) for group, reason in choice.poor.items()],
        spare=[visit for group, visit in able.items() if group in spare],
        told=told,
        found=found,
    )


def _measure(
    lights: Lights, visit: PlannedVisit, detector: int, seen: Field
) -> tuple[SingleFrame, Contribution, Quality] | None:
    """Process and calibrate an exposure; None if nothing can be made of it."""
    frame = lights.make(visit, detector)
    if frame is None:
        return None
    part = calibrated(frame, seen.catalogue, seen.band)
    return frame, part, quality_of(frame, part, seen.onto[detector].image)


def _are_alike(visit: PlannedVisit, other: PlannedVisit) -> bool:
    """Tell whether headers give two exposures the same rotation."""
    if visit.sky_angle is None or other.sky_angle is None:
        return visit.sky_angle is other.sky_angle
    return abs((visit.sky_angle - other.sky_angle + 180.0) % 360.0 - 180.0) < _SAME_ANGLE


def _way(start: MaskedImage, end: MaskedImage) -> Way:
    """Measure how far the middles of two images are from each other."""
    (ra, dec), (other_ra, other_dec) = (
        sky_positions(image.sky_projection, np.array([image.bbox.x.center]), np.array([image.bbox.y.center]))
        for image in (start, end)
    )
    plane = TangentPlane(ra=float(ra[0]), dec=float(dec[0]))
    return np.asarray(plane.from_sky(other_ra, other_dec)[0])


def _evenly[Item](items: Sequence[Item], most: int) -> Sequence[Item]:
    """Take so many of a sequence at most, from all of its length."""
    if len(items) <= most:
        return items
    return [items[number * (len(items) - 1) // (most - 1)] for number in range(most)]
