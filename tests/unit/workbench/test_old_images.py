"""Images of old nights go; what was measured on them, and all else, stays."""

from pathlib import Path

import numpy as np
from astropy.table import Table
from lsst.daf.butler import Butler, CollectionType, DatasetType  # type: ignore[attr-defined]  # is public
from lsst.images import Image

from tests.unit.simulator.cameras import make_camera
from workbench.night.old_images import remove_images
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
