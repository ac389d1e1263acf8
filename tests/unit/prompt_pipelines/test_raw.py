"""Reading raw frames."""

import warnings
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prompt_pipelines.assembly import assemble
from prompt_pipelines.camera import AmplifierDict, DetectorDict, find_detector
from prompt_pipelines.errors import RawFormatError, UnusableImageError
from prompt_pipelines.raw import RawFrame, read_raw, write_raw
from tests.unit.prompt_pipelines.tiny_camera import tiny_camera

PIXELS = np.random.default_rng(3).poisson(1000, (60, 70)).astype(np.uint16)


def _write(folder: Path, kind: str) -> Path:
    image = fits.CompImageHDU(PIXELS, compression_type="RICE_1") if kind == "fz" else None
    path = folder / f"raw.fits{'' if kind == 'fits' else '.' + kind}"
    primary = fits.PrimaryHDU() if image else fits.PrimaryHDU(PIXELS)
    primary.header["OBSID"] = "TC_1"
    fits.HDUList([primary] + ([image] if image else [])).writeto(path)
    return path


@pytest.mark.parametrize("kind", ["fits", "fz", "gz"])
def test_pixels_and_cards_come_back(tmp_path: Path, kind: str) -> None:
    frame = read_raw(_write(tmp_path, kind))
    np.testing.assert_array_equal(frame.pixels, PIXELS)
    assert frame.pixels.dtype.isnative
    assert frame.header["OBSID"] == "TC_1"


@pytest.mark.parametrize("kind", ["fits", "fz"])
def test_a_card_that_is_no_fits_costs_no_pixel(tmp_path: Path, kind: str) -> None:
    path = _write(tmp_path, kind)
    good = bytes(fits.Card("OBSID", "TC_1").image, "ascii")
    path.write_bytes(path.read_bytes().replace(good, b"TEMP    = NaN".ljust(80)))
    np.testing.assert_array_equal(read_raw(path).pixels, PIXELS)


def test_a_written_frame_reads_the_same(tmp_path: Path) -> None:
    header = fits.Header([("RA", "12:34:56.7"), ("EXPTIME", 30.0)])
    write_raw(RawFrame(PIXELS, header), tmp_path / "raw.fits")
    frame = read_raw(tmp_path / "raw.fits")
    np.testing.assert_array_equal(frame.pixels, PIXELS)
    assert (frame.header["RA"], frame.header["EXPTIME"]) == ("12:34:56.7", 30.0)


@pytest.mark.parametrize("kind", ["fits", "fz", "gz"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(share=st.floats(0.0, 0.999))
def test_a_truncated_file_is_refused_or_complete(tmp_path: Path, kind: str, share: float) -> None:
    path = tmp_path / f"raw.fits.{kind}"
    if not path.exists():
        _write(tmp_path, kind).rename(path)
    cut = tmp_path / f"cut.fits.{kind}"
    content = path.read_bytes()
    cut.write_bytes(content[: int(share * len(content))])
    with warnings.catch_warnings(action="ignore", category=AstropyUserWarning):
        try:
            frame = read_raw(cut)
        except RawFormatError as error:
            assert str(cut) in str(error)  # noqa: PT017  # whether it raises depends on the cut
        else:
            np.testing.assert_array_equal(frame.pixels, PIXELS)


@pytest.mark.parametrize(
    "content", [b"", b"no FITS at all", b"\x1f\x8b\x08garbage", b"SIMPLE  =" + b" " * 71]
)
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "raw.fits"
    path.write_bytes(content)
    with pytest.raises(RawFormatError, match="raw"):
        read_raw(path)


def test_a_table_is_no_raw(tmp_path: Path) -> None:
    table = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=np.arange(3))])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "raw.fits")
    with pytest.raises(RawFormatError, match="none of its HDUs is an image"):
        read_raw(tmp_path / "raw.fits")


def test_all_images_that_may_be_the_frame_are_kept(tmp_path: Path) -> None:
    images = [fits.ImageHDU(PIXELS[::5, ::5], name="SMALL"), fits.ImageHDU(PIXELS, name="SCI")]
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(tmp_path / "raw.fits")
    frame = read_raw(tmp_path / "raw.fits")
    write_raw(frame, tmp_path / "copy.fits")
    for each in (frame, read_raw(tmp_path / "copy.fits")):
        (other,) = each.others
        np.testing.assert_array_equal(each.pixels, PIXELS)
        np.testing.assert_array_equal(other.pixels, PIXELS[::5, ::5])


def test_images_that_nothing_tells_apart_are_named(tmp_path: Path) -> None:
    segments = [fits.ImageHDU(PIXELS, name=f"Segment1{number}") for number in range(8)]
    fits.HDUList([fits.PrimaryHDU(), *segments]).writeto(tmp_path / "raw.fits")
    rows, columns = PIXELS.shape
    amplifier: AmplifierDict = {
        "name": "A",
        "data": [0, columns, 0, rows],
        "overscan": [0, 0, 0, 0],
        "image": [0, columns, 0, rows],
        "gain": 1.0,
        "read_noise": 1.0,
        "saturation": 1e5,
    }
    detector = find_detector(tiny_camera(), 0) | {"nx": columns, "ny": rows, "amplifiers": [amplifier]}
    with pytest.raises(UnusableImageError, match=r"several .*SEGMENT10 .*SEGMENT17"):
        assemble(read_raw(tmp_path / "raw.fits"), cast(DetectorDict, detector))


def test_a_missing_file_is_not_called_malformed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_raw(tmp_path / "nothing.fits")
