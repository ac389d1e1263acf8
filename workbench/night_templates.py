"""Templates and a reference catalogue of a night of the past, made from its own exposures.

Each half of the night serves the other, so that nothing is differenced with
itself. A template belongs to a patch of a skymap, so there are two skymaps:
the night is played in two parts, each with workers that know one of them.
"""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from astropy.table import Table
from attrs import frozen
from lsst.daf.butler import Butler, DatasetType
from lsst.images import MaskedImage
from lsst.sphgeom import ConvexPolygon, Region

from domain.runs import input_collections
from prompt_pipelines.apdb import BANDS
from prompt_pipelines.calibration import correct_projection
from prompt_pipelines.errors import PromptPipelinesError
from prompt_pipelines.positions import image_region
from prompt_pipelines.tasks.calibrate_visit import CalibrateVisitTask
from prompt_pipelines.templates import Contribution, combine_template
from simulator.errors import SimulatorError
from simulator.summit.night import NightPlan, PlannedVisit, PlanPart
from simulator.world.stars import Stars
from workbench.reference_catalogue import HTM_LEVEL, reference_shards
from workbench.replay import Recording
from workbench.repository import REFERENCE_CATALOGUE, TEMPLATE
from workbench.single_frames import SingleFrame, SingleFrames, default_task

__all__ = ["SKYMAPS", "add_night_templates"]

_log = logging.getLogger(__name__)

SKYMAPS = ("replay_of_first_half", "replay_of_second_half")
"""Of the templates for the first half of the night (made from the second), and the other way round."""
_NO_SKYMAP = "none"
_FEWEST = 3  # exposures of a half that make a template
_MOST = 12
_STAR_SIGNAL_TO_NOISE = 10.0


@frozen(kw_only=True, eq=False)
class _Template:
    half: int
    detector: int
    band: str
    image: MaskedImage
    region: Region


@frozen(kw_only=True, eq=False)
class _Field:
    """What the visits in one filter see."""

    band: str
    halves: Sequence[Sequence[PlannedVisit]]
    onto: dict[int, SingleFrame]
    """The middle exposure, by detector: whose pixels the templates have."""
    stars: Stars


def add_night_templates(root: Path, plan: NightPlan, night: Recording) -> tuple[tuple[PlanPart, ...], str]:
    """Put templates and a reference catalogue into a night's repository.

    The catalogue is what the middle exposure in each filter shows; one of its
    electrons counts as one nanojansky. Visits that look elsewhere find neither
    stars nor templates.

    Parameters
    ----------
    root
        The repository, in which camera and calibrations are.
    plan, night
        The night.

    Returns
    -------
    parts
        In which the night is to be played: its halves, or one part if there
        are no templates.
    text
        What was made, or why nothing was.
    """
    with Butler.from_config(str(root), writeable=True) as butler:
        try:
            frames = SingleFrames(butler, plan, night)
            fields = [_field(plan, frames, physical_filter) for physical_filter in plan.filters]
            made = [template for field in fields for template in _templates_of(frames, field)]
        except (PromptPipelinesError, SimulatorError) as error:
            return _without(plan), f"no templates, so no differences but SingleFrame: {error}"
        _put_catalogue(butler, plan, fields)
        _put_templates(butler, plan, made)
    text = f"made {len(made)} templates from the night itself, each half for the other"
    halves = zip(_halves(plan.visits), SKYMAPS, strict=True)
    return tuple(PlanPart(visits=visits, skymap=skymap) for visits, skymap in halves), text


def _without(plan: NightPlan) -> tuple[PlanPart, ...]:
    return (PlanPart(visits=plan.visits, skymap=_NO_SKYMAP),)


def _halves(
    visits: Sequence[PlannedVisit],
) -> tuple[tuple[PlannedVisit, ...], tuple[PlannedVisit, ...]]:
    middle = len(visits) // 2
    return tuple(visits[:middle]), tuple(visits[middle:])


def _field(plan: NightPlan, frames: SingleFrames, physical_filter: str) -> _Field:
    """See what a filter's middle exposure shows."""
    band = plan.camera.filters[physical_filter]
    if band not in BANDS:
        raise SimulatorError(f"the APDB knows no band {band}, only {', '.join(BANDS)}")
    visits = [visit for visit in plan.visits if visit.physical_filter == physical_filter]
    halves = [[visit for visit in half if visit in visits] for half in _halves(plan.visits)]
    fewest = min(len(half) for half in halves)
    if fewest < _FEWEST:
        raise SimulatorError(
            f"half of the night has {fewest} visits in {physical_filter}, a template takes {_FEWEST}"
        )
    middle = visits[len(visits) // 2]
    onto = {detector: frames.make(middle, detector) for detector in middle.detectors}
    stars = _catalogue(list(onto.values()), band)
    return _Field(band=band, halves=halves, onto=onto, stars=stars)


def _templates_of(frames: SingleFrames, field: _Field) -> Iterator[_Template]:
    """Make the templates of one filter."""
    band, reference = field.band, _table(field.stars, field.band)
    for detector, target in field.onto.items():
        region = image_region(cast(Any, target.image.sky_projection), target.image.bbox)
        parts = {
            half: [_contribution(frames, visit, detector, reference, band) for visit in visits[:_MOST]]
            for half, visits in enumerate(field.halves)
        }
        for half in (0, 1):
            image = combine_template([one for one in parts[1 - half] if one is not None], onto=target.image)
            yield _Template(half=half, detector=detector, band=band, image=image, region=region)


def _catalogue(frames: Sequence[SingleFrame], band: str) -> Stars:
    good = [frame.sources[_is_star(frame.sources)] for frame in frames]
    ra, dec, flux = (
        np.concatenate([np.asarray(table[name], dtype=float) for table in good])
        for name in ("ra", "dec", "flux")
    )
    if not len(ra):
        raise SimulatorError("the middle exposure shows no stars")
    return Stars(number=np.arange(1, len(ra) + 1), ra=ra, dec=dec, flux={band: flux})


def _is_star(sources: Table) -> np.ndarray:
    good = np.asarray(sources["flux"]) > _STAR_SIGNAL_TO_NOISE * np.asarray(sources["flux_err"])
    for name in ("flag_edge", "flag_masked", "flag_saturated"):
        good &= ~np.asarray(sources[name])
    return np.asarray(good & np.isfinite(sources["ra"]))


def _table(stars: Stars, band: str) -> Table:
    return Table({"id": stars.number, "ra": stars.ra, "dec": stars.dec, f"{band}_flux": stars.flux[band]})


def _contribution(
    frames: SingleFrames, visit: PlannedVisit, detector: int, reference: Table, band: str
) -> Contribution | None:
    """Calibrate an exposure; None, and a line in the log, if it is of no use."""
    try:
        frame = frames.make(visit, detector)
        task = default_task(CalibrateVisitTask)
        calibration = task.run(frame.image, frame.sources, reference, band).visit_calibration
    except PromptPipelinesError as error:
        _log.warning("visit %s, detector %d: no part of a template: %s", visit.group, detector, error)
        return None
    projection = correct_projection(
        cast(Any, frame.image.sky_projection), np.array(calibration["pixel_correction"])
    )
    image = MaskedImage(
        frame.image.image, mask=frame.image.mask, variance=frame.image.variance, sky_projection=projection
    )
    return Contribution(image, calibration["nanojansky_per_electron"])


def _put_catalogue(butler: Butler, plan: NightPlan, fields: Sequence[_Field]) -> None:
    """Store the stars of all filters; each has a flux in its own band alone."""
    ra, dec = (np.concatenate([getattr(field.stars, name) for field in fields]) for name in ("ra", "dec"))
    flux = {
        band: np.concatenate(
            [field.stars.flux.get(band, np.full(field.stars.ra.size, np.nan)) for field in fields]
        )
        for band in dict.fromkeys(field.band for field in fields)
    }
    stars = Stars(number=np.arange(1, len(ra) + 1), ra=ra, dec=dec, flux=flux)
    run = f"refcats/{plan.camera.instrument}"
    for shard in reference_shards(stars):
        butler.put(shard.stars, REFERENCE_CATALOGUE, {f"htm{HTM_LEVEL}": shard.htm7}, run=run)


def _put_templates(butler: Butler, plan: NightPlan, templates: Sequence[_Template]) -> None:
    dimensions = ("skymap", "tract", "patch", "band")
    butler.registry.registerDatasetType(
        DatasetType(TEMPLATE, dimensions, "MaskedImageV2", universe=butler.dimensions)
    )
    run = input_collections(plan.camera.instrument).templates
    # One patch for each detector: where it looked in the first filter's middle exposure.
    regions: dict[int, Region] = {}
    # Of two filters of one band the first serves both.
    templates = list({(one.half, one.detector, one.band): one for one in reversed(templates)}.values())
    for template in reversed(templates):
        regions.setdefault(template.detector, template.region)
    with butler.transaction():
        for skymap in SKYMAPS:
            _insert_skymap(butler, skymap, regions)
        for template in templates:
            data_id = {
                "skymap": SKYMAPS[template.half],
                "tract": 0,
                "patch": template.detector,
                "band": template.band,
            }
            butler.put(template.image, TEMPLATE, data_id, run=run)


def _insert_skymap(butler: Butler, name: str, regions: dict[int, Region]) -> None:
    corners = [corner for region in regions.values() for corner in cast(ConvexPolygon, region).getVertices()]
    insert = butler.registry.insertDimensionData
    insert(
        "skymap",
        {
            "name": name,
            "hash": hashlib.sha256(name.encode()).digest()[:20],
            "tract_max": 1,
            "patch_nx_max": 1 + max(regions),
            "patch_ny_max": 1,
        },
    )
    insert("tract", {"skymap": name, "id": 0, "region": ConvexPolygon.convexHull(corners)})
    for detector, region in regions.items():
        insert(
            "patch",
            {"skymap": name, "tract": 0, "id": detector, "cell_x": detector, "cell_y": 0, "region": region},
        )
