"""A small central repository: one camera, its calibrations, a catalogue and templates around one field."""

from pathlib import Path
from typing import cast

import numpy as np
from astropy.table import Table
from lsst.daf.butler import (  # type: ignore[attr-defined]  # CollectionType is public, not marked as such
    Butler,
    CollectionType,
    Config,
    DatasetRef,
    DatasetType,
    Timespan,
)
from lsst.images import Image, MaskedImage
from lsst.sphgeom import ConvexPolygon, HtmPixelization, LonLat, UnitVector3d

from adapters.butler.camera.sky import timespan
from domain.cameras.camera import Camera
from domain.cameras.camera_dict import camera_as_dict
from domain.runs import input_collections
from domain.times import TaiSeconds
from prompt_pipelines.camera import CameraDict
from prompt_pipelines.instrument import CameraInstrument
from prompt_pipelines.masks import image_schema
from prompt_pipelines.repository import butler_config, input_dataset_types

FIELD = (149.9, 2.2)
SKYMAP = "tiny"
CATALOGUE, TEMPLATE = "reference_catalogue", "template_image"
PATCH_SIDE = 0.05  # degrees
_SHAPE = (512, 512)


def make_central(
    root: Path, camera: Camera, detectors: tuple[int, ...], *, changed: Config | None = None
) -> None:
    """Make the repository; `changed` is merged into its configuration."""
    config = butler_config()
    if changed is not None:
        config.update(changed)
    Butler.makeRepo(str(root), config=config, forceConfigRoot=changed is None)
    with Butler.from_config(str(root), writeable=True) as butler:
        CameraInstrument.for_camera(cast(CameraDict, camera_as_dict(camera))).register(butler.registry)
        for dataset_type in input_dataset_types(butler.dimensions).values():
            butler.registry.registerDatasetType(dataset_type)
        names = input_collections(camera.instrument)
        _calibrations(butler, camera, detectors, names.calibrations)
        _catalogue(butler, names.reference_catalogues)
        _templates(butler, names.templates, names.skymaps)
        butler.collections.register(names.defaults, CollectionType.CHAINED)
        butler.collections.redefine_chain(names.defaults, [names.calibrations])


def _calibrations(butler: Butler, camera: Camera, detectors: tuple[int, ...], chain: str) -> None:
    """Certify biases for ever, flats of two epochs for before and after 2026."""
    run, late, early = f"{chain}/run", f"{chain}/late", f"{chain}/early"
    butler.collections.register(chain, CollectionType.CHAINED)
    for collection in (late, early):
        butler.collections.register(collection, CollectionType.CALIBRATION)
    butler.collections.register(run)
    butler.collections.redefine_chain(chain, [late, early])
    instrument = {"instrument": camera.instrument}
    always = [butler.put(camera_as_dict(camera), "camera", instrument, run=run)]
    flats: dict[str, list[DatasetRef]] = {early: [], late: []}
    for detector in detectors:
        data_id = instrument | {"detector": detector}
        always.append(butler.put(_image(1000.0), "bias", data_id, run=run))
        for level, (name, members) in enumerate(flats.items(), start=1):
            butler.collections.register(f"{name}/run")
            for physical_filter in camera.filters:
                flat_id = data_id | {"physical_filter": physical_filter}
                members.append(butler.put(_image(level), "flat", flat_id, run=f"{name}/run"))
    turn = timespan(TaiSeconds(1767225637.0), TaiSeconds(4e9))  # from 2026 on
    butler.registry.certify(early, always, Timespan(None, None))
    butler.registry.certify(early, flats[early], Timespan(None, turn.begin))
    butler.registry.certify(late, flats[late], Timespan(turn.begin, None))


def _image(level: float) -> Image:
    return Image(np.full(_SHAPE, level, dtype=np.float32))


def _catalogue(butler: Butler, chain: str) -> None:
    run = f"{chain}/tiny"
    butler.collections.register(run)
    butler.collections.register(chain, CollectionType.CHAINED)
    butler.collections.redefine_chain(chain, [run])
    butler.registry.registerDatasetType(
        DatasetType(CATALOGUE, ("htm7",), "ArrowAstropy", universe=butler.dimensions)
    )
    for begin, end in HtmPixelization(7).envelope(_square(*FIELD, 1.0)):
        for pixel in range(begin, end):
            butler.put(Table({"id": [pixel]}), CATALOGUE, {"htm7": pixel}, run=run)


def _templates(butler: Butler, run: str, skymaps: str) -> None:
    """Lay a row of patches along the declination of the field, a template for r in each."""
    butler.collections.register(run)
    butler.collections.register(skymaps)
    butler.registry.insertDimensionData(
        "skymap",
        {"name": SKYMAP, "hash": b"1", "tract_max": 1, "patch_nx_max": 8, "patch_ny_max": 1},
    )
    tract = {"skymap": SKYMAP, "id": 0, "region": _square(*FIELD, 0.5)}
    butler.registry.insertDimensionData("tract", tract)
    butler.registry.registerDatasetType(
        DatasetType(TEMPLATE, ("skymap", "patch", "band"), "StructuredDataDict", universe=butler.dimensions)
    )
    template = MaskedImage(Image(np.ones((16, 16), dtype=np.float32)), mask_schema=image_schema())
    for number in range(8):
        region = _square(FIELD[0] + (number - 3.5) * PATCH_SIDE, FIELD[1], PATCH_SIDE)
        patch = {"skymap": SKYMAP, "tract": 0, "id": number, "cell_x": number, "cell_y": 0, "region": region}
        butler.registry.insertDimensionData("patch", patch)
        data_id = {"skymap": SKYMAP, "tract": 0, "patch": number, "band": "r"}
        butler.put({"patch": number}, TEMPLATE, data_id, run=run)
        butler.put(template, "template_coadd", data_id, run=run)


def _square(ra: float, dec: float, side: float) -> ConvexPolygon:
    half = side / 2
    corners = [(ra + x, dec + y) for x, y in ((-half, -half), (half, -half), (half, half), (-half, half))]
    return ConvexPolygon.convexHull([UnitVector3d(LonLat.fromDegrees(x, y)) for x, y in corners])
