"""A repository with the tiny camera, its calibrations and one exposure, made once."""

from pathlib import Path

import astropy.time
import lsst.sphgeom
import numpy as np
import pytest
from lsst.daf.butler import (  # type: ignore[attr-defined]  # CollectionType is public, not marked as such
    Butler,
    CollectionType,
    DatasetRef,
    DatasetType,
    FileDataset,
    Timespan,
)

from prompt_pipelines.calibrations import combine_biases, combine_flats
from prompt_pipelines.formatters import RawFrameFormatter
from prompt_pipelines.instrument import CameraInstrument
from prompt_pipelines.raw import write_raw
from prompt_pipelines.repository import butler_config, input_dataset_types
from tests.unit.prompt_pipelines import tiny_camera as tiny

EXPOSURE = 2026031400001
RUN_INPUTS = ["TinyCam/calib", "TinyCam/raw"]


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tiny") / "repo"
    butler = Butler.from_config(Butler.makeRepo(str(root), config=butler_config()), writeable=True)
    with butler:
        camera = tiny.tiny_camera()
        CameraInstrument.for_camera(camera).register(butler.registry)
        types = input_dataset_types(butler.dimensions)
        for dataset_type in types.values():
            butler.registry.registerDatasetType(dataset_type)
        rng = np.random.default_rng(20260314)
        _calibrations(butler, types, rng)
        _exposure(butler)
        _raws(butler, types["raw"], rng, root.parent)
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


def _exposure(butler: Butler) -> None:
    begin = astropy.time.Time("2026-03-14T02:15:07", scale="tai")
    span = Timespan(begin, begin + astropy.time.TimeDelta(30.0, format="sec"))
    region = lsst.sphgeom.ConvexPolygon.convexHull(
        [
            lsst.sphgeom.UnitVector3d(lsst.sphgeom.LonLat.fromDegrees(150.0 + a, 2.2 + b))
            for a, b in ((-0.1, -0.1), (0.1, -0.1), (0.1, 0.1), (-0.1, 0.1))
        ]
    )
    ids = {"instrument": "TinyCam"}
    insert = butler.registry.insertDimensionData
    insert("group", {**ids, "name": "g1"})
    insert("day_obs", {**ids, "id": 20260314})
    shared = {
        **ids, "id": EXPOSURE, "physical_filter": "r_tiny", "day_obs": 20260314, "seq_num": 1,
        "exposure_time": 30.0, "timespan": span,
    }  # fmt: skip
    insert(
        "exposure",
        {
            **shared, "obs_id": "TC_1", "group": "g1", "observation_type": "science",
            "tracking_ra": 150.0, "tracking_dec": 2.2, "sky_angle": 30.0,
        },
    )  # fmt: skip
    insert("visit", {**shared, "name": "TC_1", "region": region})
    insert("visit_system_membership", {**ids, "visit": EXPOSURE, "visit_system": 0})
    insert("visit_definition", {**ids, "visit": EXPOSURE, "exposure": EXPOSURE})
    for detector in (0, 1):
        insert("visit_detector_region", {**ids, "visit": EXPOSURE, "detector": detector, "region": region})


def _raws(butler: Butler, raw: DatasetType, rng: np.random.Generator, folder: Path) -> None:
    for detector in (0, 1):
        path = folder / f"raw_{detector}.fits"
        write_raw(tiny.science_frame(rng), path)
        data_id = butler.registry.expandDataId(instrument="TinyCam", exposure=EXPOSURE, detector=detector)
        ref = DatasetRef(raw, data_id, run="TinyCam/raw")
        butler.collections.register("TinyCam/raw")
        butler.ingest(FileDataset(str(path), [ref], formatter=RawFrameFormatter), transfer="copy")
