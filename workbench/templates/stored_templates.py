"""Where a night's own templates and reference catalogue are kept: skymaps, patches, shards."""

import hashlib
from collections.abc import Sequence
from typing import cast

import numpy as np
from attrs import frozen
from lsst.daf.butler import Butler, DatasetType
from lsst.images import MaskedImage
from lsst.sphgeom import ConvexPolygon, Region

from simulator.world.stars import Stars
from workbench.catalogues.reference_catalogue import reference_shards
from workbench.repository import HTM_LEVEL, REFERENCE_CATALOGUE, TEMPLATE, night_templates

__all__ = ["SKYMAPS", "Template", "put_catalogue", "put_templates"]

SKYMAPS = ("replay_of_first_half", "replay_of_second_half")
"""Of the templates for the first half of the night (made from the second), and the other way round."""


@frozen(kw_only=True, eq=False)
class Template:
    """A template for one half of a night."""

    half: int
    detector: int
    band: str
    image: MaskedImage
    region: Region


def put_catalogue(butler: Butler, instrument: str, catalogues: Sequence[Stars]) -> None:
    """Store the stars of all filters; each has a flux in its own band alone."""
    ra, dec = (np.concatenate([getattr(stars, name) for stars in catalogues]) for name in ("ra", "dec"))
    flux = {
        band: np.concatenate([stars.flux.get(band, np.full(stars.ra.size, np.nan)) for stars in catalogues])
        for band in dict.fromkeys(band for stars in catalogues for band in stars.flux)
    }
    stars = Stars(number=np.arange(1, len(ra) + 1), ra=ra, dec=dec, flux=flux)
    run = f"refcats/{instrument}"
    for shard in reference_shards(stars):
        butler.put(shard.stars, REFERENCE_CATALOGUE, {f"htm{HTM_LEVEL}": shard.htm7}, run=run)


def put_templates(butler: Butler, instrument: str, templates: Sequence[Template]) -> None:
    """Store templates, each half's in a skymap of its own."""
    dimensions = ("skymap", "tract", "patch", "band")
    butler.registry.registerDatasetType(
        DatasetType(TEMPLATE, dimensions, "MaskedImageV2", universe=butler.dimensions)
    )
    run = night_templates(instrument)
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
