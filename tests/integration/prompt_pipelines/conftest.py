"""A repository with the tiny camera, its calibrations, a sky and two exposures, made once."""

from pathlib import Path
from typing import Any, cast

import astropy.time
import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table
from lsst.daf.butler import (  # type: ignore[attr-defined]  # CollectionType is public, not marked as such
    Butler,
    CollectionType,
    DatasetRef,
    DatasetType,
    FileDataset,
    Timespan,
)
from lsst.images import Box, DetectorFrame, Image, MaskedImage, SkyProjection
from lsst.sphgeom import HtmPixelization, LonLat, UnitVector3d

from prompt_pipelines.calibrations import combine_biases, combine_flats
from prompt_pipelines.camera import find_detector
from prompt_pipelines.formatters import RawFrameFormatter
from prompt_pipelines.instrument import CameraInstrument
from prompt_pipelines.masks import image_schema
from prompt_pipelines.positions import image_region, sky_positions
from prompt_pipelines.raw import write_raw
from prompt_pipelines.repository import butler_config, input_dataset_types
from prompt_pipelines.wcs import Pointing, geometry_header, make_projection
from tests.unit.prompt_pipelines import tiny_camera as tiny

EXPOSURES = (2026031400001, 2026031400002)
EXPOSURE = EXPOSURES[0]
RUN_INPUTS = ["TinyCam/calib", "TinyCam/raw", "TinyCam/sky"]
NANOJANSKY_PER_ELECTRON = 2.5
POINTING = Pointing(150.0, 2.2, 30.0)
TRANSIENT = tiny.Star(130.3, 100.6, 8000.0)
"""In the second exposure only, on both detectors; fainter in the first than can be seen."""


def projection(detector: int) -> SkyProjection[Any]:
    """Make the true projection of a detector."""
    camera = tiny.tiny_camera()
    frame = DetectorFrame(instrument="TinyCam", detector=detector, bbox=Box.from_shape((tiny.NY, tiny.NX)))
    return make_projection(geometry_header(camera, find_detector(camera, detector), POINTING), frame)


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tiny") / "repo"
    with Butler.from_config(Butler.makeRepo(str(root), config=butler_config()), writeable=True) as butler:
        CameraInstrument.for_camera(tiny.tiny_camera()).register(butler.registry)
        types = input_dataset_types(butler.dimensions)
        for dataset_type in types.values():
            butler.registry.registerDatasetType(dataset_type)
        rng = np.random.default_rng(20260314)
        _calibrations(butler, types, rng)
        for snap, exposure in enumerate(EXPOSURES):
            _exposure(butler, exposure, snap)
            stars = (*tiny.STARS, TRANSIENT) if snap else tiny.STARS
            _raws(butler, exposure, stars, rng=rng, folder=root.parent)
        _sky(butler)
    return root


def _calibrations(butler: Butler, types: dict[str, DatasetType], rng: np.random.Generator) -> None:
    camera = tiny.tiny_camera()
    butler.collections.register("TinyCam/calib", CollectionType.CALIBRATION)
    butler.collections.register("TinyCam/calib/run")
    refs: dict[str, list[DatasetRef]] = {"camera": [], "bias": [], "flat": []}
    run = "TinyCam/calib/run"
    refs["camera"].append(butler.put(camera, types["camera"], {"instrument": "TinyCam"}, run=run))
    for detector in (0, 1):
        data_id = {"instrument": "TinyCam", "detector": detector}
        bias = combine_biases(tiny.bias_frames(rng), camera, detector)
        flat = combine_flats(tiny.flat_frames(rng), bias, camera, detector)
        refs["bias"].append(butler.put(bias, types["bias"], data_id, run=run))
        refs["flat"].append(butler.put(flat, types["flat"], data_id | {"physical_filter": "r_tiny"}, run=run))
    for each in refs.values():
        butler.registry.certify("TinyCam/calib", each, Timespan(None, None))


def _exposure(butler: Butler, exposure: int, snap: int) -> None:
    begin = astropy.time.Time("2026-03-14T02:15:07", scale="tai") + snap * 40.0 * u.s
    span = Timespan(begin, begin + 30.0 * u.s)
    regions = [image_region(projection(d), Box.from_shape((tiny.NY, tiny.NX))) for d in (0, 1)]
    ids = {"instrument": "TinyCam"}
    insert = butler.registry.insertDimensionData
    if snap == 0:
        insert("group", {**ids, "name": "g1"})
        insert("day_obs", {**ids, "id": 20260314})
    shared = {
        **ids,
        "id": exposure,
        "physical_filter": "r_tiny",
        "day_obs": 20260314,
        "seq_num": snap + 1,
        "exposure_time": 30.0,
        "timespan": span,
    }
    pointing = {"tracking_ra": POINTING.ra, "tracking_dec": POINTING.dec, "sky_angle": POINTING.sky_angle}
    insert(
        "exposure",
        {**shared, **pointing, "obs_id": f"TC_{snap}", "group": "g1", "observation_type": "science"},
    )
    insert("visit", {**shared, "name": f"TC_{snap}", "region": regions[0]})
    insert("visit_system_membership", {**ids, "visit": exposure, "visit_system": 0})
    insert("visit_definition", {**ids, "visit": exposure, "exposure": exposure})
    for detector in (0, 1):
        insert(
            "visit_detector_region",
            {**ids, "visit": exposure, "detector": detector, "region": regions[detector]},
        )


def _raws(
    butler: Butler, exposure: int, stars: tuple[tiny.Star, ...], *, rng: np.random.Generator, folder: Path
) -> None:
    raw = butler.get_dataset_type("raw")
    butler.collections.register("TinyCam/raw")
    for detector in (0, 1):
        path = folder / f"raw_{exposure}_{detector}.fits"
        write_raw(tiny.science_frame(rng, stars), path)
        data_id = butler.registry.expandDataId(instrument="TinyCam", exposure=exposure, detector=detector)
        ref = DatasetRef(raw, data_id, run="TinyCam/raw")
        butler.ingest(FileDataset(str(path), [ref], formatter=RawFrameFormatter), transfer="copy")


def _sky(butler: Butler) -> None:
    """Put the reference catalogue, and a template for each detector as a patch of its own."""
    butler.collections.register("TinyCam/sky")
    stars = [(projection(d), star) for d in (0, 1) for star in tiny.STARS]
    places = [sky_positions(wcs, np.array([star.x]), np.array([star.y])) for wcs, star in stars]
    reference = Table(
        {
            "id": np.arange(len(stars)),
            "ra": [float(ra[0]) for ra, _ in places] * u.deg,
            "dec": [float(dec[0]) for _, dec in places] * u.deg,
            "r_flux": [star.flux * NANOJANSKY_PER_ELECTRON for _, star in stars] * u.nJy,
        }
    )
    pixels = HtmPixelization(7)
    index = np.array(
        [
            pixels.index(UnitVector3d(LonLat.fromDegrees(float(row["ra"]), float(row["dec"]))))
            for row in reference
        ]
    )
    for htm7 in np.unique(index):
        butler.put(reference[index == htm7], "reference_catalogue", {"htm7": int(htm7)}, run="TinyCam/sky")
    insert = butler.registry.insertDimensionData
    region = image_region(projection(0), Box.from_shape((tiny.NY, 3 * tiny.NX)))
    sizes = {"tract_max": 1, "patch_nx_max": 2, "patch_ny_max": 1}
    insert("skymap", {"name": "tiny", "hash": b"0" * 20, **sizes})
    insert("tract", {"skymap": "tiny", "id": 0, "region": region})
    for patch in (0, 1):
        box = Box.from_shape((tiny.NY, tiny.NX))
        cell = {"cell_x": patch, "cell_y": 0, "region": image_region(projection(patch), box)}
        insert("patch", {"skymap": "tiny", "tract": 0, "id": patch, **cell})
        data_id = {"skymap": "tiny", "tract": 0, "patch": patch, "band": "r"}
        butler.put(template(patch), "template_coadd", data_id, run="TinyCam/sky")


def template(detector: int) -> MaskedImage:
    """Make a template without noise, in nJy."""
    scale = NANOJANSKY_PER_ELECTRON
    pixels = scale * tiny.electrons(sky=0.0)
    variance = np.full(pixels.shape, scale**2 * 0.2)
    return MaskedImage(
        Image(pixels.astype(np.float32), unit=u.nJy),
        variance=Image(variance.astype(np.float32), unit=u.nJy**2),
        mask_schema=image_schema(),
        sky_projection=cast(Any, projection(detector)),
    )
