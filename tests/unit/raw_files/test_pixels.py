"""What the pixels of a file are, and whether they can be read at all."""

import itertools
import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raw_files.errors import RawFileError
from raw_files.reading import check_whole, load_images, read_cards
from tests.unit.raw_files.files import PIXELS, bytes_of, placed, with_card

INTEGERS = [np.uint8, np.int8, np.int16, np.uint16, np.int32, np.uint32]
ALGORITHMS = ["RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1"]


def file_of(pixels: np.ndarray, *, compressed: bool, **cards: object) -> bytes:
    kind = fits.CompImageHDU if compressed else fits.ImageHDU
    return bytes_of(fits.PrimaryHDU(), kind(pixels, fits.Header(cards)))


def loaded(path: Path) -> np.ndarray:
    read_cards(path)
    (image,) = load_images(path)
    assert image.pixels.dtype.isnative
    return image.pixels


@pytest.mark.parametrize(
    ("kind", "compressed"),
    [
        *itertools.product([*INTEGERS, np.float32, np.float64], [False, True]),
        (np.int64, False),  # no algorithm takes it
    ],
)
def test_pixels_of_every_type_come_back(kind: type, *, compressed: bool, tmp_path: Path) -> None:
    pixels: np.ndarray = (PIXELS % 120).astype(kind)
    read = loaded(placed(tmp_path, file_of(pixels, compressed=compressed)))
    if np.issubdtype(kind, np.floating) and compressed:
        np.testing.assert_allclose(read, pixels, atol=5)  # in noise of 35: quantized
    else:
        np.testing.assert_array_equal(read, pixels)
        assert read.dtype == kind


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("number", ["{}", "{}.0"])
def test_pixels_that_the_header_declares_undefined_are_nan(
    kind: type, number: str, *, compressed: bool, tmp_path: Path
) -> None:
    pixels: np.ndarray = (PIXELS % 100).astype(kind)
    pixels[7, 3:6] = 110
    zero = {"int8": -128, "uint16": 2**15, "uint32": 2**31}.get(kind.__name__, 0)
    content = with_card(file_of(pixels, compressed=compressed), f"BLANK   = {number.format(110 - zero):>20}")
    read = loaded(placed(tmp_path, content))
    assert np.argwhere(np.isnan(read)).tolist() == [[7, 3], [7, 4], [7, 5]]
    np.testing.assert_array_equal(read[:7], pixels[:7])


@pytest.mark.parametrize("compressed", [False, True])
def test_a_scale_is_applied_and_undefined_pixels_are_those_before_it(
    *, compressed: bool, tmp_path: Path
) -> None:
    content = file_of(PIXELS.astype(np.int16), compressed=compressed)
    for card in ("BSCALE  =                  0.5", "BZERO   =                 10.0"):
        content = with_card(content, card)
    content = with_card(content, f"BLANK   = {PIXELS[2, 2]:>20}")
    read = loaded(placed(tmp_path, content))
    np.testing.assert_array_equal(read, np.where(PIXELS[2, 2] == PIXELS, np.nan, PIXELS / 2 + 10))


@pytest.mark.parametrize("name", ["BSCALE", "BZERO"])
@pytest.mark.parametrize("text", ["NaN", "'one'", "1.0E999", "-"])
@pytest.mark.parametrize("compressed", [False, True])
def test_a_scale_that_is_no_number_is_refused_by_name(
    name: str, text: str, *, compressed: bool, tmp_path: Path
) -> None:
    content = file_of(PIXELS.astype(np.int16), compressed=compressed)
    path = placed(tmp_path, with_card(content, f"{name:8}= {text}"))
    for read in (read_cards, load_images):
        with pytest.raises(RawFileError, match=f"its pixels have no values: {name} is"):
            read(path)


CARDS = st.builds(
    "{:8}= {:>20}".format,
    st.sampled_from(
        ["BSCALE", "BZERO", "BLANK", "ZBLANK", "EXTNAME", "BUNIT", "CHECKSUM", "GROUPS", "THEAP2"]
    ),
    st.sampled_from(["", "''", "'x'", "NaN", "1.0D0", "T", "0", "-32768", "3.5", "9" * 19, "\0", "\xb0"]),
)


@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("compressed", [False, True])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
@given(cards=st.lists(CARDS, max_size=3))
def test_what_is_taken_by_its_header_can_be_read(
    kind: type, cards: list[str], *, compressed: bool, tmp_path: Path
) -> None:
    content = file_of(PIXELS.astype(kind), compressed=compressed)
    for card in cards:
        content = with_card(content, card)
    path = placed(tmp_path, content)
    try:
        read_cards(path)
    except RawFileError:
        return
    assert load_images(path)[0].pixels.shape == PIXELS.shape


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_damage_within_compressed_pixels_is_found_by_whoever_reads(algorithm: str, tmp_path: Path) -> None:
    content = bytes_of(fits.PrimaryHDU(), fits.CompImageHDU(PIXELS, compression_type=algorithm))
    # The first tiles', and so the sizes by which the decompressor divides.
    at = len(content.rstrip(b"\0")) - 2000 if algorithm != "HCOMPRESS_1" else content.index(b"\xdd\x99")
    damaged = content[:at] + b"\0" * 200 + content[at + 200 :]
    for read in (check_whole, read_cards, load_images):
        read(placed(tmp_path, content))
        with pytest.raises(RawFileError):
            read(placed(tmp_path, damaged))


def test_what_was_unpacked_to_check_it_is_not_unpacked_again(tmp_path: Path) -> None:
    content = bytes_of(fits.PrimaryHDU(), fits.CompImageHDU(PIXELS, compression_type="GZIP_1"))
    path = placed(tmp_path, content, "incoming.fits.fz")
    read_cards(path)
    path = path.rename(tmp_path / "raw.fits.fz")
    changed = path.stat().st_mtime_ns
    at = len(content) - 6000
    with path.open("r+b") as file:
        file.seek(at)
        file.write(bytes(200))
    os.utime(path, ns=(changed, changed))
    np.testing.assert_array_equal(load_images(path)[0].pixels, PIXELS)
    with pytest.raises(RawFileError, match="damaged"):
        load_images(path)


def test_a_file_that_was_rewritten_is_unpacked_anew(tmp_path: Path) -> None:
    for pixels in (PIXELS, PIXELS + np.uint16(1)):
        path = placed(tmp_path, file_of(pixels, compressed=True))
        np.testing.assert_array_equal(loaded(path), pixels)
        read_cards(path)
