"""The archive of images over a Butler repository holds its contract, and reads raws."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from attrs import evolve
from lsst.daf.butler import (  # type: ignore[attr-defined]  # CollectionType is public, not marked as such
    Butler,
    CollectionType,
    DatasetType,
)
from lsst.images import Image, MaskedImage, MaskPlane, MaskSchema

from adapters.butler.camera.camera_stack import OurCameraStack
from adapters.butler.library.images import DATASET_TYPES, ButlerImageArchive
from adapters.butler.shared.names import raw_run
from adapters.butler.shared.records import insert_records
from adapters.files.cameras import find_camera
from domain.cameras.camera_dict import camera_as_dict
from domain.results.images import ImageKind, ImagePixels, KeptImage
from domain.runs import chain
from ports.image_archive import ImageArchiveUnavailableError, NoSuchImageError
from prompt_pipelines.camera import CameraDict
from prompt_pipelines.instrument import CameraInstrument
from prompt_pipelines.raw import RawFrame
from prompt_pipelines.repository import butler_config, input_dataset_types
from tests.contract_suites.image_archive import (
    GROUP,
    OTHER_GROUP,
    ImageArchiveBench,
    ImageArchiveContract,
    a_kept_image,
    an_image,
)
from tests.contracts.test_writer import exposure

pytestmark = pytest.mark.slow

CAMERA = find_camera("SimCam")
CHAIN = chain("SimCam", "2026-03-13")
RUN = f"{CHAIN}/ApPipe/pipelines-0000000-config-0000000"


class _Repository(ImageArchiveBench):
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.archive: ButlerImageArchive = ButlerImageArchive(str(folder), "SimCam")
        self.archive.open()

    def put(self, image: ImagePixels) -> None:
        planes = sorted(image.planes, key=lambda plane: image.planes[plane])
        schema = MaskSchema([MaskPlane(plane, "") for plane in planes])
        pixels = MaskedImage(Image(image.array, unit=u.nJy), mask_schema=schema)
        assert image.mask is not None
        for plane in planes:
            pixels.mask.set(plane, (image.mask >> np.uint32(image.planes[plane]) & 1).astype(bool))
        self.put_dataset(image.name, pixels, RUN)

    def put_dataset(self, name: KeptImage, pixels: Any, run: str) -> None:
        of = "exposure" if name.kind in {ImageKind.RAW, ImageKind.ISR} else "visit"
        with Butler.from_config(str(self.folder), writeable=True) as butler:
            kind = input_dataset_types(butler.dimensions).get(DATASET_TYPES[name.kind]) or DatasetType(
                DATASET_TYPES[name.kind], ("instrument", of, "detector"), "MaskedImageV2",
                universe=butler.dimensions,
            )  # fmt: skip
            butler.registry.registerDatasetType(kind)
            butler.collections.register(run)
            data_id = {"instrument": "SimCam", "detector": name.detector, of: name.visit}
            butler.put(pixels, kind, data_id, run=run)

    def cut_off(self) -> None:
        self.folder.rename(self.folder.with_name("away"))
        self.archive = ButlerImageArchive(str(self.folder), "SimCam")
        self.archive.open()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that knows two visits."""
    root = tmp_path_factory.mktemp("archive") / "central"
    # Without steps, which change pixels.
    config = butler_config()
    del config["datastore", "formatters", "MaskedImageV2"]
    Butler.makeRepo(str(root), config=config)
    with Butler.from_config(str(root), writeable=True) as butler:
        CameraInstrument.for_camera(cast(CameraDict, camera_as_dict(CAMERA))).register(butler.registry)
        for group in (GROUP, OTHER_GROUP):
            observed = evolve(exposure(group, 10.0), exposure=a_kept_image(group).visit, obs_id=f"o{group}")
            insert_records(butler, OurCameraStack(CAMERA).records(butler.dimensions, observed))
        butler.collections.register(RUN)
        butler.collections.register(CHAIN, CollectionType.CHAINED)
        butler.collections.redefine_chain(CHAIN, [RUN])
    return root


@pytest.fixture
async def kept(empty: Path, tmp_path: Path) -> AsyncIterator[_Repository]:
    bench = _Repository(Path(shutil.copytree(empty, tmp_path / "central")))
    before = bench.archive
    yield bench
    for archive in {before, bench.archive}:
        await archive.close()


def _electrons() -> MaskedImage:
    return MaskedImage(
        Image(np.ones((3, 4), np.float32), unit=u.electron), mask_schema=MaskSchema([MaskPlane("BAD", "")])
    )


class TestButlerImageArchive(ImageArchiveContract):
    async def test_a_raw_is_read_as_its_camera_wrote_it(self, kept: _Repository) -> None:
        name = a_kept_image(kind=ImageKind.RAW)
        pixels = np.arange(120, dtype=np.uint16).reshape(12, 10)
        # Observatories write numbers as text, and mean the raw with its overscan.
        cards = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": "124.6", "CRVAL2": "25.3"})
        kept.put_dataset(name, RawFrame(pixels, cards), raw_run("SimCam"))
        assert list(await kept.archive.images(GROUP)) == [name]
        found = await kept.archive.read(name)
        np.testing.assert_array_equal(found.array, pixels)
        assert (found.unit, found.mask, found.wcs) == ("adu", None, None)

    async def test_amplifiers_of_a_raw_lie_where_they_belong(self, kept: _Repository) -> None:
        name = a_kept_image(kind=ImageKind.RAW)
        left, right = np.arange(12.0).reshape(3, 4), np.arange(20.0, 32.0).reshape(3, 4)
        cards = [{"DATASEC": "[1:3,1:3]", "DETSEC": where} for where in ("[1:3,1:3]", "[6:4,1:3]")]
        frame = RawFrame(left, fits.Header(cards[0]), others=(RawFrame(right, fits.Header(cards[1])),))
        kept.put_dataset(name, frame, raw_run("SimCam"))
        found = await kept.archive.read(name)
        np.testing.assert_array_equal(found.array, np.hstack([left[:, :3], right[:, 2::-1]]))

    async def test_a_calibrated_image_tells_the_scale_of_its_electrons(self, kept: _Repository) -> None:
        name = a_kept_image(kind=ImageKind.CALIBRATED)
        kept.put_dataset(name, _electrons(), RUN)
        assert (await kept.archive.read(name)).nanojansky is None
        with Butler.from_config(str(kept.folder), writeable=True) as butler:
            kind = DatasetType(
                "visit_calibration", ("instrument", "visit", "detector"), "StructuredDataDict",
                universe=butler.dimensions,
            )  # fmt: skip
            butler.registry.registerDatasetType(kind)
            data_id = {"instrument": "SimCam", "detector": name.detector, "visit": name.visit}
            butler.put({"nanojansky_per_electron": 2.5}, kind, data_id, run=RUN)
        later = ButlerImageArchive(str(kept.folder), "SimCam")
        later.open()
        assert (await later.read(name)).nanojansky == 2.5
        await later.close()

    async def test_an_image_that_was_removed_meanwhile_says_so(self, kept: _Repository) -> None:
        name = a_kept_image()
        kept.put(an_image(name))
        path = Path((await kept.archive.read(name)).path)
        path.unlink()
        with pytest.raises(NoSuchImageError, match=path.name):
            await kept.archive.read(name)

    async def test_a_file_that_is_no_image_says_so(self, kept: _Repository) -> None:
        name = a_kept_image()
        kept.put(an_image(name))
        path = Path((await kept.archive.read(name)).path)
        path.write_bytes(b"\0" * 2880)
        with pytest.raises(NoSuchImageError, match="cannot be read"):
            await kept.archive.read(name)

    async def test_a_damaged_registry_says_so_until_it_is_mended(self, kept: _Repository) -> None:
        kept.put(an_image(a_kept_image()))
        registry = kept.folder / "gen3.sqlite3"
        whole = registry.read_bytes()
        registry.write_bytes(b"no database " * 4096)
        with pytest.raises(ImageArchiveUnavailableError, match="not a database"):
            await kept.archive.images(GROUP)
        registry.write_bytes(whole)
        assert len(await kept.archive.images(GROUP)) == 1

    async def test_a_night_may_begin_after_the_archive(self, kept: _Repository) -> None:
        assert list(await kept.archive.images(GROUP)) == []
        with Butler.from_config(str(kept.folder), writeable=True) as butler:
            later = chain("SimCam", "2026-03-14")
            butler.collections.register(later, CollectionType.CHAINED)
            butler.collections.register(f"{later}/ApPipe/x")
            butler.collections.redefine_chain(later, [f"{later}/ApPipe/x"])
        pixels = MaskedImage(Image(np.ones((3, 4), np.float32)), mask_schema=_NO_PLANES)
        kept.put_dataset(a_kept_image(), pixels, f"{later}/ApPipe/x")
        assert (await asyncio.wait_for(kept.archive.read(a_kept_image()), 60)).array.shape == (3, 4)


_NO_PLANES = MaskSchema([MaskPlane("BAD", "")])
