"""Templates and a reference catalogue of a night of the past, made from its own exposures.

Each half of the night serves the other, so that nothing is differenced with
itself. A template belongs to a patch of a skymap, so there are two skymaps:
the night is played in two parts, each with workers that know one of them.
"""

import datetime
import itertools
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from astropy.table import Table
from attrs import field, frozen
from lsst.daf.butler import Butler

from prompt_pipelines.apdb import BANDS
from prompt_pipelines.errors import PromptPipelinesError
from prompt_pipelines.positions import image_region
from prompt_pipelines.templates import combine_template
from simulator.errors import SimulatorError
from simulator.summit.night import NightPlan, PlannedVisit, PlanPart
from workbench.catalogues.stored_catalogues import add_catalogue
from workbench.reduction.single_frames import SingleFrames
from workbench.replay import Recording
from workbench.templates.contributions import FEWEST, Contributions, best_contributions
from workbench.templates.fields import Field, fields
from workbench.templates.lights import Lights
from workbench.templates.orientation import measure_orientation
from workbench.templates.stored_templates import SKYMAPS, Template, put_catalogue, put_templates

__all__ = ["SKYMAPS", "add_night_templates"]

_log = logging.getLogger(__name__)

_NO_SKYMAP = "none"
_GIVEN = "given"
_REFERENCES = 3  # exposures that are tried as the one with which the others are compared

type _Halves = tuple[tuple[PlannedVisit, ...], tuple[PlannedVisit, ...]]


@frozen(kw_only=True, eq=False)
class _Made:
    """What was made of a night."""

    fields: list[Field] = field(factory=list)
    templates: list[Template] = field(factory=list)
    lacking: list[str] = field(factory=list)
    """Templates that could not be made, and why."""
    faults: list[str] = field(factory=list)
    """What seems to be wrong with the camera's file."""


def add_night_templates(
    root: Path, plan: NightPlan, night: Recording, catalogue: Table | None = None
) -> tuple[tuple[PlanPart, ...], str]:
    """Put templates and a reference catalogue into a night's repository.

    If no catalogue is given, it is what an exposure from the middle of the night shows in each
    filter; one of its electrons counts as one nanojansky. Visits that look
    elsewhere find neither stars nor templates. Exposures of no use are left
    out, and named in the log.

    Parameters
    ----------
    root
        The repository, in which camera and calibrations are.
    plan, night
        The night.
    catalogue
        Stars as `workbench.catalogues.given_catalogue.night_catalogue` gives them.

    Returns
    -------
    parts
        In which the night is to be played: its halves, or one part if there
        are no templates.
    text
        What was made, and why anything was not.
    """
    if catalogue is not None:
        add_catalogue(str(root), _GIVEN, catalogue, datetime.datetime.now(datetime.UTC))
    with Butler.from_config(str(root), writeable=True) as butler:
        lights = Lights(SingleFrames(butler, plan, night), night)
        halves, made = _made_of(plan, lights, catalogue)
        if not made.templates:
            whole = PlanPart(visits=plan.visits, skymap=_NO_SKYMAP)
            return (whole,), f"no templates, so no differences but SingleFrame: {'; '.join(made.lacking)}"
        if catalogue is None:
            put_catalogue(butler, plan.camera.instrument, [field.stars for field in made.fields])
        put_templates(butler, plan.camera.instrument, made.templates)
    text = f"made {len(made.templates)} templates from the night itself, each half for the other"
    parts = tuple(PlanPart(visits=half, skymap=name) for half, name in zip(halves, SKYMAPS, strict=True))
    return parts, "; ".join((text, *made.lacking, *dict.fromkeys(made.faults)))


def _made_of(plan: NightPlan, lights: Lights, catalogue: Table | None) -> tuple[_Halves, _Made]:
    """Make templates; if some are lacking for want of good exposures, halve anew those that are good."""
    known: frozenset[tuple[str, int]] | None = None
    while True:
        halves = _halves(plan.visits, lights)
        made = _Made()
        for physical_filter in plan.filters:
            try:
                _add_filter(made, plan, lights, physical_filter, halves, catalogue=catalogue)
            except SimulatorError as error:
                made.lacking.append(str(error))
        if not made.lacking or lights.useless in {known, frozenset()}:
            return halves, made
        known = lights.useless


def _halves(visits: Sequence[PlannedVisit], lights: Lights) -> _Halves:
    """Cut a night where half of the good exposures in the commonest filter are over."""
    good = [number for number, visit in enumerate(visits) if not lights.are_useless(visit)]
    if good:
        commonest = Counter(visits[number].physical_filter for number in good).most_common(1)[0][0]
        good = [number for number in good if visits[number].physical_filter == commonest]
    middle = good[len(good) // 2] if good else len(visits) // 2
    return tuple(visits[:middle]), tuple(visits[middle:])


def _add_filter(
    made: _Made,
    plan: NightPlan,
    lights: Lights,
    physical_filter: str,
    halves: _Halves,
    *,
    catalogue: Table | None,
) -> None:
    """Make the templates of one filter."""
    band = plan.camera.filters[physical_filter]
    if band not in BANDS:
        raise SimulatorError(f"the APDB knows no band {band}, only {', '.join(BANDS)}")
    if catalogue is not None and f"{band}_flux" not in catalogue.colnames:
        raise SimulatorError(
            f"the reference catalogue has no fluxes of the band {band}, which {physical_filter} is"
        )
    usable = [
        [
            visit
            for visit in half
            if visit.physical_filter == physical_filter and not lights.are_useless(visit)
        ]
        for half in halves
    ]
    fewest = min(len(half) for half in usable)
    if fewest < FEWEST:
        raise SimulatorError(
            f"half of the night has {fewest} visits in {physical_filter}, a template takes {FEWEST}"
        )
    for seen in itertools.islice(fields(lights, [*usable[0], *usable[1]], band, catalogue), _REFERENCES):
        if _add_templates(made, lights, seen, usable, physical_filter, is_given=catalogue is not None):
            made.fields.append(seen)
            return
    raise SimulatorError(f"no exposure in {physical_filter} shows the stars that others show")


def _add_templates(
    made: _Made,
    lights: Lights,
    seen: Field,
    usable: Sequence[Sequence[PlannedVisit]],
    physical_filter: str,
    *,
    is_given: bool,
) -> bool:
    """Make the templates of a field, if enough exposures show the same stars; say whether any was made."""
    found: list[tuple[int, Contributions]] = []
    templates: list[Template] = []
    wanted = {detector for half in usable for visit in half for detector in visit.detectors}
    lacking = [
        f"none for detector {detector} in {physical_filter}: {seen.reference.group} lacks it"
        for detector in sorted(wanted - seen.onto.keys())
    ]
    for detector, target in seen.onto.items():
        region = image_region(cast(Any, target.image.sky_projection), target.image.bbox)
        parts = [best_contributions(lights, half, detector, seen) for half in usable]
        found += [(detector, one) for one in parts]
        for half in (0, 1):
            try:
                image = combine_template(parts[1 - half].parts, onto=target.image)
            except PromptPipelinesError as error:
                place = f"detector {detector} in {physical_filter}, half {half + 1} of the night"
                lacking.append(f"none for {place}: {error}")
                continue
            templates.append(
                Template(half=half, detector=detector, band=seen.band, image=image, region=region)
            )
    if not templates:
        name = lights.name(seen.reference, next(iter(seen.onto)))
        why = next((misfit.reason for _, one in found for misfit in one.strange), lacking[0])
        _log.warning(
            "%s could not be matched with the night's other exposures (%s): it shows another field, or the"
            " rotation or x_axis of the camera file is wrong, or headers point more wrong than its"
            " pointing_error_deg allows",
            name,
            why,
        )
        return False
    _tell_left_out(lights, found, physical_filter)
    if not is_given and (fault := _orientation_fault(found)) is not None:
        _log.warning("%s", fault)
        made.faults.append(fault)
    made.templates.extend(templates)
    made.lacking.extend(lacking)
    return True


def _tell_left_out(lights: Lights, found: Sequence[tuple[int, Contributions]], physical_filter: str) -> None:
    """Name the exposures that have no part in templates."""
    for detector, one in found:
        for misfit in one.strange:
            lights.reject(misfit.visit, detector, misfit.reason)
        for misfit in one.poor:
            lights.leave_out(misfit.visit, detector, misfit.reason)
        if one.spare:
            _log.info(
                "detector %d in %s: a template was made of the best %d of %d exposures, without %s",
                detector,
                physical_filter,
                len(one.parts),
                len(one.parts) + len(one.spare),
                ", ".join(Path(lights.name(visit, detector)).name for visit in one.spare),
            )


def _orientation_fault(found: Sequence[tuple[int, Contributions]]) -> str | None:
    """Say whether exposures move in another direction than headers say, as if the camera were turned."""
    for detector in dict.fromkeys(number for number, _ in found):
        its = [one for number, one in found if number == detector]
        told, seen = (
            np.array([way for one in its for way in getattr(one, name)]).reshape(-1, 2)
            for name in ("told", "found")
        )
        if (orientation := measure_orientation(told, seen)) is not None:
            return (
                "from exposure to exposure stars move as if the camera were"
                f" {orientation}: see its file, or what headers say of the pointing"
            )
    return None
