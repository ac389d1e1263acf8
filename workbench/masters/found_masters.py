"""What a repository has for one exposure: certified masters, and reference stars."""

from collections.abc import Mapping
from typing import Any, cast

from astropy.table import Table, vstack
from astropy.time import Time
from lsst.daf.butler import (
    Butler,
    CalibrationLookupError,
    DataIdValueError,
    MissingCollectionError,
    MissingDatasetTypeError,
    Timespan,
)
from lsst.images import MaskedImage
from lsst.sphgeom import HtmPixelization

from domain.raws.exposure import Exposure
from domain.runs import input_collections
from prompt_pipelines.corrections import CALIBRATIONS
from prompt_pipelines.positions import image_region
from simulator.errors import SimulatorError
from workbench.repository import HTM_LEVEL, REFERENCE_CATALOGUE

__all__ = ["certified_masters", "reference_stars", "span_of"]


def certified_masters(butler: Butler, exposure: Exposure) -> Mapping[str, Any]:
    """Read what masters are certified for an exposure, by dataset type.

    Raises
    ------
    SimulatorError
        Raised if several are certified for one time.
    """
    found: dict[str, Any] = {}
    for name in CALIBRATIONS:
        data_id: dict[str, str | int] = {"instrument": exposure.instrument, "detector": exposure.detector}
        if name == "flat":
            data_id["physical_filter"] = exposure.physical_filter
        try:
            ref = butler.find_dataset(
                name,
                data_id,
                collections=input_collections(exposure.instrument).calibrations,
                timespan=span_of(exposure),
            )
        except (MissingDatasetTypeError, MissingCollectionError, DataIdValueError):
            continue  # nobody has told the repository of such
        except CalibrationLookupError as error:
            raise SimulatorError(f"more than one {name} is certified for {exposure.obs_id}") from error
        if ref is not None:
            found[name] = butler.get(ref)
    return found


def reference_stars(butler: Butler, instrument: str, image: MaskedImage) -> Table | None:
    """Read the reference catalogue where an image looks; None if there is none, or nobody knows where."""
    if image.sky_projection is None:
        return None
    region = image_region(cast(Any, image.sky_projection), image.bbox)
    collection = input_collections(instrument).reference_catalogues
    shards = [one for begin, end in HtmPixelization(HTM_LEVEL).envelope(region) for one in range(begin, end)]
    try:
        refs = [
            butler.find_dataset(REFERENCE_CATALOGUE, {f"htm{HTM_LEVEL}": one}, collections=collection)
            for one in shards
        ]
    except (MissingCollectionError, MissingDatasetTypeError):
        return None
    tables = [butler.get(ref) for ref in refs if ref is not None]
    return vstack(tables, metadata_conflicts="silent") if tables else None


def span_of(exposure: Exposure) -> Timespan:
    """Tell when an exposure was taken, as the Butler writes it."""
    begin, end = (Time(instant, format="unix_tai", scale="tai") for instant in (exposure.begin, exposure.end))
    return Timespan(begin, end)
