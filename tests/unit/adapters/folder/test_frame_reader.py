"""Frames of files on disk: the contract, mosaics, and pixels of two types."""

import gzip
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import override

import numpy as np
import pytest
from astropy.io import fits
from attrs import evolve

from adapters.folder.files import frame_file
from adapters.folder.frame_reader import FolderFrameReader
from domain.cameras.camera import Camera, RawKeys, RawKeyScheme
from domain.raws.frame_files import FrameFile
from ports.incoming import FileNotWholeError, FrameUnreadableError
from tests.contract_suites.frame_reader import FrameReaderContract, ReaderBench
from tests.unit.simulator.cameras import make_camera

CAMERA = make_camera(scheme=RawKeyScheme.GROUPED)
_CARDS = {
    "INSTRUME": "TestCam",
    "GROUPID": "21",
    "CURINDEX": 1,
    "DAYOBS": 20260313,
    "SEQNUM": 21,
    "FILTER": "r_test",
    "EXPTIME": 30.0,
    "DATE-BEG": "2026-03-14T02:15:00",
    "IMGTYPE": "OBJECT",
}


def a_mosaic() -> Camera:
    detectors = tuple(evolve(each, hdu=each.name) for each in CAMERA.detectors)
    return evolve(CAMERA, detectors=detectors, raw_keys=RawKeys(scheme=RawKeyScheme.MOSAIC))


def _image(slot: str = "S12", dtype: type = np.uint16, **cards: object) -> fits.ImageHDU:
    hdu = fits.ImageHDU(np.full((160, 236), 3, dtype))
    hdu.header.update(_CARDS | {"RAFTBAY": "R22", "CCDSLOT": slot, "EXTNAME": f"R22_{slot}"} | cards)
    return hdu


def _write(path: Path, *hdus: fits.ImageHDU) -> FrameFile:
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
    return frame_file(path)


class _Bench(ReaderBench):
    reader: FolderFrameReader

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.reader = FolderFrameReader(CAMERA)

    @override
    def frame(self, name: str) -> FrameFile:
        return _write(self._folder / name, _image())

    @override
    def truncated(self, name: str) -> FrameFile:
        path = Path(self.frame(name).path)
        path.write_bytes(path.read_bytes()[:40_000])
        return frame_file(path)

    @override
    def foreign(self, name: str) -> FrameFile:
        return _write(self._folder / name, _image(INSTRUME="Elsewhere"))

    @override
    def remove(self, name: str) -> None:
        (self._folder / name).unlink()


@pytest.fixture
async def reading(tmp_path: Path) -> AsyncIterator[_Bench]:
    bench = _Bench(tmp_path)
    async with bench.reader:
        yield bench


@pytest.fixture
async def mosaic() -> AsyncIterator[FolderFrameReader]:
    async with FolderFrameReader(a_mosaic()) as reader:
        yield reader


class TestFolderFrameReader(FrameReaderContract):
    async def test_a_packed_raw_keeps_its_suffix(self, reading: _Bench, tmp_path: Path) -> None:
        path = tmp_path / "A.FIT.gz"
        path.write_bytes(gzip.compress(Path(reading.frame("a.fits").path).read_bytes()))
        (frame,) = (await reading.reader.read(frame_file(path))).frames
        assert frame.key == "TestCam/5/21/0/2026031300021/r_test/A.fits.gz"

    async def test_half_of_a_packed_raw_is_not_whole(self, reading: _Bench, tmp_path: Path) -> None:
        path = tmp_path / "a.fits.gz"
        content = gzip.compress(Path(reading.frame("a.fits").path).read_bytes())
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises(FileNotWholeError, match="truncated"):
            await reading.reader.read(frame_file(path))

    @pytest.mark.parametrize("dtype", [np.uint16, np.float32])
    @pytest.mark.parametrize("is_compressed", [False, True])
    async def test_floating_point_pixels_are_known(
        self, reading: _Bench, tmp_path: Path, dtype: type, is_compressed: bool
    ) -> None:
        hdu = _image(dtype=dtype)
        if is_compressed:
            hdu = fits.CompImageHDU(hdu.data, hdu.header)
        (frame,) = (await reading.reader.read(_write(tmp_path / "a.fits.fz", hdu))).frames
        assert frame.is_floating is (dtype is np.float32)

    async def test_a_filter_that_the_camera_has_not_is_said(self, reading: _Bench, tmp_path: Path) -> None:
        with pytest.raises(FrameUnreadableError, match="'u_other' is no filter of TestCam"):
            await reading.reader.read(_write(tmp_path / "a.fits", _image(FILTER="u_other")))

    async def test_a_name_that_is_no_unicode_is_refused(self, reading: _Bench, tmp_path: Path) -> None:
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.fits"))
        Path(reading.frame("a.fits").path).rename(path)
        with pytest.raises(FrameUnreadableError, match="no Unicode"):
            await reading.reader.read(frame_file(path))

    async def test_a_page_that_was_saved_as_fits_is_no_raw(self, reading: _Bench, tmp_path: Path) -> None:
        path = tmp_path / "a.fits"
        path.write_text("<html>not found</html>" * 100)
        with pytest.raises(FrameUnreadableError, match="SIMPLE"):
            await reading.reader.read(frame_file(path))


async def test_a_file_of_several_detectors_holds_several(mosaic: FolderFrameReader, tmp_path: Path) -> None:
    contents = await mosaic.read(_write(tmp_path / "a.fits", _image("S00"), _image("S12")))
    assert [frame.exposure.detector for frame in contents.frames] == [0, 5]
    assert {frame.key for frame in contents.frames} == {"TestCam/21/0/2026031300021/r_test/a.fits"}
    assert not contents.lacking


async def test_what_such_a_file_lacks_is_said(mosaic: FolderFrameReader, tmp_path: Path) -> None:
    contents = await mosaic.read(_write(tmp_path / "a.fits", _image("S00")))
    assert [frame.exposure.detector for frame in contents.frames] == [0]
    assert contents.lacking.startswith("detectors R22_S12: it has no image in HDU R22_S12")


async def test_sidecars_are_named_where_the_camera_has_them(tmp_path: Path) -> None:
    async with FolderFrameReader(make_camera()) as reader:
        file = _write(tmp_path / "a.fits", _image(OBSID="TC_O_20260313_000021"))
        (frame,) = (await reader.read(file)).frames
    assert frame.key == "TestCam/20260313/TC_O_20260313_000021/TC_O_20260313_000021_R22_S12.fits"
    assert frame.sidecar == frame.key.replace(".fits", ".json")
    assert frame.cards is not None
    assert frame.cards["GROUPID"] == "21"
