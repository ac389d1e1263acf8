"""Files that say themselves that they are damaged."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from raw_files.errors import RawFileError
from raw_files.reading import check_whole, load_images, read_cards, read_parts
from tests.unit.raw_files.files import PIXELS, bytes_of, placed

READERS = (check_whole, read_cards, load_images)
SUMMED: dict[str, Callable[[], bytes]] = {
    "plain": lambda: bytes_of(fits.PrimaryHDU(PIXELS), checksum=True),
    "extension": lambda: bytes_of(fits.PrimaryHDU(), fits.ImageHDU(PIXELS, name="SCI"), checksum=True),
    "compressed": lambda: bytes_of(fits.PrimaryHDU(), fits.CompImageHDU(PIXELS, name="SCI"), checksum=True),
}


@pytest.mark.parametrize("content", SUMMED.values(), ids=SUMMED)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_right_sums_are_taken_and_one_flipped_bit_is_named(
    content: Callable[[], bytes], pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    whole = content()
    data = bytearray(whole)
    data[-2800] ^= 4
    header = whole.replace(b"conforms to FITS standard", b"conforms to FITS Standard")
    for read in READERS:
        read(placed(tmp_path, pack(whole)))
        with pytest.raises(RawFileError, match=r"damaged: the data of HDU .* DATASUM"):
            read(placed(tmp_path, pack(bytes(data))))
        with pytest.raises(RawFileError, match="damaged: HDU 0 does not have the CHECKSUM"):
            read(placed(tmp_path, pack(header)))


def test_padding_that_is_left_out_is_no_damage(tmp_path: Path) -> None:
    read_cards(placed(tmp_path, SUMMED["plain"]()[: 2880 + PIXELS.nbytes]))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DATASUM", "NaN"),
        ("DATASUM", "'?'"),
        ("CHECKSUM", "'0000000000000000'"),
        *((name, text) for name in ("DATASUM", "CHECKSUM") for text in ("", "''", "'        '")),
    ],
)
def test_a_sum_that_was_never_made_says_nothing(name: str, text: str, tmp_path: Path) -> None:
    hdu = fits.PrimaryHDU(PIXELS)
    hdu.header[name] = "12345678"
    card = bytes(fits.Card(name, "12345678").image, "ascii")
    path = placed(tmp_path, bytes_of(hdu).replace(card, f"{name:8}= {text}".ljust(80).encode()))
    for read in READERS:
        read(path)


def test_a_loaded_header_states_no_sums_of_the_file(tmp_path: Path) -> None:
    (loaded,) = load_images(placed(tmp_path, SUMMED["compressed"]()))
    assert {"CHECKSUM", "DATASUM", "BZERO", "ZIMAGE", "TTYPE1"}.isdisjoint(loaded.header)


def two_chips() -> tuple[bytes, bytes]:
    """Write a file of two detectors; returned too with damage in the second."""
    chips = [fits.ImageHDU(PIXELS, name=f"CHIP{number}") for number in (1, 2)]
    whole = bytes_of(fits.PrimaryHDU(), *chips, checksum=True)
    return whole, whole[:-2800] + bytes([whole[-2800] ^ 1]) + whole[-2799:]


def test_damage_costs_the_detector_whose_hdu_it_is_in(tmp_path: Path) -> None:
    _, damaged = two_chips()
    path = placed(tmp_path, damaged)
    first, second = read_parts(path, [((), {"CHIP1": ()}), ((), {"CHIP2": ()})])
    assert isinstance(first, dict)
    assert isinstance(second, RawFileError)
    assert load_images(path, ["CHIP1"])[0].pixels.shape == PIXELS.shape
    with pytest.raises(RawFileError, match="HDU 2 CHIP2 do not have the DATASUM"):
        load_images(path, ["CHIP2"])


def test_of_a_damaged_image_beside_others_no_pixel_is_a_number(tmp_path: Path) -> None:
    _, damaged = two_chips()
    first, second = load_images(placed(tmp_path, damaged))
    np.testing.assert_array_equal(first.pixels, PIXELS)
    assert second.hdu.name == "CHIP2"
    assert np.isnan(second.pixels).all()
