"""From an announced visit to what is known for choosing its inputs."""

from collections.abc import Callable, Mapping

from adapters.butler.camera.camera_stack import CameraStack
from adapters.butler.camera.sky import timespan
from adapters.butler.inputs.inputs import Selection
from domain.cameras.camera import Camera
from domain.errors import PromptProcessingError
from domain.sky.position import boresight_icrs, rotation_or_zero, sky_rotation
from domain.times import TaiSeconds, day_obs_of, utc_from_tai
from domain.visit import Visit, VisitDetector

__all__ = ["select"]


def select(
    camera: Camera, stack: CameraStack, work: VisitDetector, *, skymap: str, padding: float
) -> tuple[Selection, list[str]]:
    """Find what a visit tells in advance.

    Returns
    -------
    selection
        What is known.
    warnings
        A line for each thing that is not.
    """
    visit = work.visit
    filters = frozenset(name.strip() for name in visit.filters.split(",") if name.strip()) or None
    data_id: dict[str, str | int] = {
        "instrument": camera.instrument,
        "detector": work.detector,
        "group": visit.group,
        "day_obs": int(f"{day_obs_of(utc_from_tai(visit.start_time)):%Y%m%d}"),
        "skymap": skymap,
        **_filter(camera.filters, filters),
    }
    warnings = [] if "band" in data_id else [_without_band(camera.filters, filters)]
    boresight = _told(boresight_icrs, visit, warnings)
    # Fields of a camera whose pointing may be off are recognized in any rotation.
    rotation = rotation_or_zero(visit) if camera.pointing_error else _told(sky_rotation, visit, warnings)
    region = None
    if boresight is not None and rotation is not None:
        region = stack.footprint(work.detector, *boresight, rotation, padding)
        if region is None:
            warnings.append(f"{camera.instrument}: detector {work.detector} has no known place")
    span = timespan(visit.start_time, TaiSeconds(visit.start_time + visit.duration))
    return Selection(data_id=data_id, filters=filters, region=region, timespan=span), warnings


def _filter(bands: Mapping[str, str], filters: frozenset[str] | None) -> dict[str, str]:
    known: dict[str, str] = {}
    if filters is None:
        return known
    if len(filters) == 1:
        (known["physical_filter"],) = filters
    among = {bands[name] for name in filters if name in bands}
    if len(among) == 1:
        (known["band"],) = among
    return known


def _without_band(bands: Mapping[str, str], filters: frozenset[str] | None) -> str:
    """Say why there is no band, and what follows."""
    if filters is None:
        return "no filter announced: calibrations of all filters are loaded, templates of none"
    number = "several bands" if filters & bands.keys() else "no known band"
    return f"no templates: filters of {number}: {', '.join(sorted(filters))}"


def _told[T](ask: Callable[[Visit], T], visit: Visit, warnings: list[str]) -> T | None:
    """Ask where a visit is; what it does not tell becomes a warning."""
    try:
        return ask(visit)
    except PromptProcessingError as error:
        warnings.append(f"no reference catalogues and templates: {error}")
        return None
