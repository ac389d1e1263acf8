"""Images of old nights go; what was measured on them, and all else, stays."""

from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table
from lsst.daf.butler import (  # type: ignore[attr-defined]  # CollectionType is public, not marked as such
    Butler,
    CollectionType,
    DataCoordinate,
    DatasetRef,
    DatasetType,
    FileDataset,
)
from lsst.images import Image

from prompt_pipelines.repository import input_dataset_types
from tests.unit.simulator.cameras import make_camera
from workbench.night.old_images import forget_raws, remove_images
from workbench.repository import open_repository

CAMERA = make_camera()
NIGHTS = (20261128, 20261129, 20261130)


def fill(butler: Butler) -> None:
    """Store an image and a table of a visit for each night, as prompt processing does, and a master."""
    name = CAMERA.instrument
    dimensions = ("instrument", "visit", "detector")
    for kind, storage in (("preliminary_visit_psf", "ImageV2"), ("single_visit_sources", "ArrowAstropy")):
        butler.registry.registerDatasetType(
            DatasetType(kind, dimensions, storage, universe=butler.dimensions)
        )
    detector = CAMERA.detectors[0].number
    image = Image(np.zeros((4, 4), dtype=np.float32))
    for night in NIGHTS:
        chain, run = f"{name}/prompt/output-{night}", f"{name}/prompt/output-{night}/Isr/x"
        butler.registry.insertDimensionData("day_obs", {"instrument": name, "id": night})
        butler.registry.insertDimensionData(
            "visit",
            {
                "instrument": name,
                "id": night,
                "name": str(night),
                "day_obs": night,
                "physical_filter": next(iter(CAMERA.filters)),
            },
        )
        butler.collections.register(run)
        butler.collections.register(chain, CollectionType.CHAINED)
        butler.collections.redefine_chain(chain, [run])
        data_id = {"instrument": name, "visit": night, "detector": detector}
        butler.put(image, "preliminary_visit_psf", data_id, run=run)
        butler.put(Table({"x": [1.0]}), "single_visit_sources", data_id, run=run)
    butler.collections.register(f"{name}/calib/a")
    butler.put(image, "bias", {"instrument": name, "detector": detector}, run=f"{name}/calib/a")


def test_raws_that_are_no_longer_there_are_forgotten(tmp_path: Path) -> None:
    name, run = CAMERA.instrument, f"{CAMERA.instrument}/raw/all"
    with open_repository(str(tmp_path / "central"), CAMERA) as butler:
        assert forget_raws(butler, name) == 0
        fill(butler)
        kind = input_dataset_types(butler.dimensions)["raw"]
        butler.registry.registerDatasetType(kind)
        raws = []
        for night in NIGHTS:
            butler.registry.insertDimensionData("group", {"instrument": name, "name": str(night)})
            butler.registry.insertDimensionData(
                "exposure",
                {
                    "instrument": name, "id": night, "obs_id": str(night), "group": str(night),
                    "day_obs": night, "physical_filter": next(iter(CAMERA.filters)),
                },
            )  # fmt: skip
            raws.append(tmp_path / f"{night}.fits")
            fits.PrimaryHDU(np.zeros((4, 4))).writeto(raws[-1])
            data_id: dict[str, str | int] = {"instrument": name, "exposure": night}
            data_id["detector"] = CAMERA.detectors[0].number
            coordinate = DataCoordinate.standardize(data_id, dimensions=kind.dimensions)
            ref = DatasetRef(kind, coordinate, run)
            butler.ingest(FileDataset(raws[-1].as_uri(), [ref]), transfer="direct")
        raws[0].unlink()
        assert forget_raws(butler, name) == 1
        left = butler.query_datasets("raw", run)
        assert sorted(int(ref.dataId["exposure"]) for ref in left) == list(NIGHTS[1:])
        assert all(raw.exists() for raw in raws[1:])


def left(butler: Butler) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for kind in ("preliminary_visit_psf", "single_visit_sources"):
        refs = butler.query_all_datasets("*", name=kind, find_first=False)
        found[kind] = sorted({int(ref.dataId["visit"]) for ref in refs})
    return found


def test_images_of_nights_before_one_are_removed_with_their_files(tmp_path: Path) -> None:
    name = CAMERA.instrument
    with open_repository(str(tmp_path), CAMERA) as butler:
        assert remove_images(butler, name, NIGHTS[2]) == {}
        fill(butler)
        files = set(tmp_path.rglob("*psf*.fits"))
        assert len(files) == 3
        told = remove_images(butler, name, NIGHTS[2], dry_run=True)
        assert set(tmp_path.rglob("*psf*.fits")) == files
        removed = remove_images(butler, name, NIGHTS[2])
        assert removed == told
        assert {night: one.images for night, one in removed.items()} == {NIGHTS[0]: 1, NIGHTS[1]: 1}
        gone = files - set(tmp_path.rglob("*psf*.fits"))
        assert len(gone) == 2
        assert all(one.bytes > 0 for one in removed.values())
        assert left(butler) == {
            "preliminary_visit_psf": [NIGHTS[2]],
            "single_visit_sources": list(NIGHTS),
        }
        assert len(set(butler.query_all_datasets("*", name="bias", find_first=False))) == 1
        assert remove_images(butler, name, NIGHTS[2]) == {}
