"""What a night's exposures in one filter show, compared with one of them."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
from astropy.table import Table
from attrs import evolve, frozen
from lsst.images import MaskedImage

from prompt_pipelines.calibration import calibrated_projection
from prompt_pipelines.tasks.calibrate_visit import CalibrateVisitTask
from prompt_pipelines.templates import Contribution
from simulator.summit.night import PlannedVisit
from simulator.world.stars import Stars
from workbench.reduction.single_exposures import SingleFrame, default_task
from workbench.templates.lights import Lights, reason_of

__all__ = ["Field", "Misfit", "contributions", "fields"]

_MOST = 12  # exposures that are looked at, or have a part in a template
_KEPT = 3
_FEWEST_STARS = 3
_STAR_SIGNAL_TO_NOISE = 10.0


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


@frozen(kw_only=True, eq=False)
class Misfit:
    """An exposure that does not show what the reference shows."""

    visit: PlannedVisit
    detector: int
    reason: str


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
    for number in sorted(range(len(visits)), key=lambda number: abs(number - middle))[:_MOST]:
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
    stars = int(np.count_nonzero(_is_star(frame.sources)))
    if stars < _FEWEST_STARS:
        lights.reject(visit, detector, f"it shows {stars} stars, it takes {_FEWEST_STARS}")
        return None
    if catalogue is None:
        return frame
    try:
        return evolve(frame, image=_contribution(frame, catalogue, band).image)
    # As in `contributions`.
    except Exception as error:  # noqa: BLE001 - see there
        lights.reject(visit, detector, reason_of(error))
        return None


def _table(stars: Stars, band: str) -> Table:
    return Table({"id": stars.number, "ra": stars.ra, "dec": stars.dec, f"{band}_flux": stars.flux[band]})


def _catalogue(frames: Sequence[SingleFrame], band: str) -> Stars:
    good = [frame.sources[_is_star(frame.sources)] for frame in frames]
    ra, dec, flux = (
        np.concatenate([np.asarray(table[name], dtype=float) for table in good])
        for name in ("ra", "dec", "flux")
    )
    return Stars(number=np.arange(1, len(ra) + 1), ra=ra, dec=dec, flux={band: flux})


def _is_star(sources: Table) -> np.ndarray:
    good = np.asarray(sources["flux"]) > _STAR_SIGNAL_TO_NOISE * np.asarray(sources["flux_err"])
    for name in ("flag_edge", "flag_masked", "flag_saturated"):
        good &= ~np.asarray(sources[name])
    return np.asarray(good & np.isfinite(sources["ra"]))


def contributions(
    lights: Lights,
    visits: Sequence[PlannedVisit],
    detector: int,
    seen: Field,
    misfits: list[Misfit],
) -> list[Contribution]:
    """Calibrate exposures by the catalogue; those that cannot be are told in `misfits`."""
    found: list[Contribution] = []
    for visit in visits:
        if len(found) == _MOST:
            break
        if detector not in visit.detectors or (frame := lights.make(visit, detector)) is None:
            continue
        try:
            found.append(_contribution(frame, seen.catalogue, seen.band))
        # Whatever it is that numpy or a projection stumbles over, this frame alone has it.
        except Exception as error:  # noqa: BLE001 - see above
            misfits.append(Misfit(visit=visit, detector=detector, reason=reason_of(error)))
    return found


def _contribution(frame: SingleFrame, catalogue: Table, band: str) -> Contribution:
    task = default_task(CalibrateVisitTask)
    calibration = task.run(frame.image, frame.sources, catalogue, band).visit_calibration
    projection = calibrated_projection(cast(Any, frame.image.sky_projection), calibration)
    image = MaskedImage(
        frame.image.image, mask=frame.image.mask, variance=frame.image.variance, sky_projection=projection
    )
    return Contribution(image, calibration["nanojansky_per_electron"])
