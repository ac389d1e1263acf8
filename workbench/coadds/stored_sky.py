"""The skymap of templates that last, as a repository knows it: made once, then always the same."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import evolve
from lsst.daf.butler import (  # type: ignore[attr-defined]  # CollectionType is public, not marked as such
    Butler,
    CollectionType,
    DatasetType,
)

from domain.runs import input_collections
from simulator.errors import SimulatorError
from workbench.coadds.all_sky import AllSky, PatchId

__all__ = ["ensure_patches", "find_sky", "make_sky"]

_SKY: Final = "all_sky_map"
"""Dataset type of the numbers of a skymap, `AllSky.as_dict`."""
_RUN: Final = input_collections("").skymaps


def find_sky(butler: Butler, name: str) -> AllSky | None:
    """Read a skymap; None if there is none by that name.

    Raises
    ------
    SimulatorError
        Raised if there is one that was made otherwise, so that its patches are not known.
    """
    if not butler.query_dimension_records(
        "skymap", where="skymap = name", bind={"name": name}, explain=False
    ):
        return None
    known = butler.registry.queryDatasetTypes(_SKY)
    ref = butler.find_dataset(_SKY, {"skymap": name}, collections=_RUN) if list(known) else None
    if ref is None:
        raise SimulatorError(f"the skymap {name} was made by something else: choose another name by --skymap")
    return AllSky.from_dict(butler.get(ref))


def make_sky(butler: Butler, instrument: str, name: str, pixels: tuple[float, int] | None) -> AllSky:
    """Make a skymap for a camera's detectors, and keep its numbers.

    Parameters
    ----------
    butler
        The repository.
    instrument
        The camera.
    name
        Of the skymap.
    pixels
        Scale in arcseconds per pixel and pixels along a detector's longer side, if the
        repository's description of the camera does not say them.

    Raises
    ------
    SimulatorError
        Raised if nobody says them.
    """
    known = _of_camera(butler, instrument) or pixels
    if known is None:
        raise SimulatorError(
            f"the repository does not say how large a pixel of {instrument} is on the sky, and has no image"
            " that tells"
        )
    sky = AllSky.for_detector(name, scale=known[0], pixels=known[1])
    sky = evolve(sky, name=name)
    butler.registry.registerDatasetType(
        DatasetType(_SKY, ("skymap",), "StructuredDataDict", universe=butler.dimensions)
    )
    butler.collections.register(_RUN, CollectionType.RUN)
    with butler.transaction():
        butler.registry.insertDimensionData("skymap", sky.record)
        butler.put(sky.as_dict(), _SKY, {"skymap": name}, run=_RUN)
    return sky


def ensure_patches(butler: Butler, sky: AllSky, patches: Iterable[PatchId]) -> None:
    """Register patches and their tracts, as far as they are not."""
    with butler.transaction():
        for element, records in sky.records(patches).items():
            butler.registry.insertDimensionData(element, *records, skip_existing=True)


def _of_camera(butler: Butler, instrument: str) -> tuple[float, int] | None:
    """Read scale and size from any description of the camera that there is."""
    if not list(butler.registry.queryDatasetTypes("camera")):
        return None
    refs = butler.registry.queryDatasets("camera", collections=..., instrument=instrument, findFirst=False)
    for ref in sorted(set(refs), key=lambda ref: ref.run, reverse=True):
        camera: Mapping[str, Any] = butler.get(ref)
        plane = camera["focal_plane"]
        detectors = list(camera["detectors"].values())
        if plane is not None and detectors:
            micrometres = min(one["pixel_size_um"] for one in detectors)
            distortion = plane["radial_distortion"]
            linear = distortion[1] if len(distortion) > 1 else 1.0
            scale = plane["plate_scale_arcsec_per_mm"] * linear * micrometres / 1000.0
            return abs(scale), max(max(one["nx"], one["ny"]) for one in detectors)
    return None
