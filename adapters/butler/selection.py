"""From an announced visit to what is known for choosing its inputs."""

from collections.abc import Mapping

from lsst.sphgeom import ConvexPolygon

from adapters.butler.camera_stack import CameraStack
from adapters.butler.inputs import Selection
from adapters.butler.sky import timespan
from domain.camera import Camera
from domain.errors import PromptProcessingError
from domain.sky import boresight_icrs, sky_rotation
from domain.times import TaiSeconds
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
    warnings: list[str] = []
    data_id: dict[str, str | int] = {
        "instrument": camera.instrument,
        "detector": work.detector,
        "group": visit.group,
        "skymap": skymap,
    }
    filters = frozenset(name.strip() for name in visit.filters.split(",") if name.strip()) or None
    data_id.update(_filter(camera.filters, filters))
    if filters is None:
        warnings.append("no filter announced: calibrations of all filters are loaded, templates of none")
    region = None
    try:
        region = _region(stack, work.detector, visit, padding)
        if region is None:
            warnings.append(f"{camera.instrument}: detector {work.detector} has no known place")
    except PromptProcessingError as error:
        warnings.append(f"no reference catalogues and templates: {error}")
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


def _region(stack: CameraStack, detector: int, visit: Visit, padding: float) -> ConvexPolygon | None:
    ra, dec = boresight_icrs(visit)
    return stack.footprint(detector, ra, dec, sky_rotation(visit), padding)
