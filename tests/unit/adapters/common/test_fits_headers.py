"""Headers are read as astropy reads them."""

import gzip
import io

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from adapters.common.fits_headers import header_cards
from tests.contract_suites.fits_images import image_with

TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)


@given(text=TEXTS, number=st.integers(-(2**31), 2**31), real=st.floats(-1e30, 1e30), flag=st.booleans())
def test_values_are_those_of_astropy(text: str, number: int, real: float, flag: bool) -> None:
    content = image_with({"TEXT": text, "NUMBER": number, "REAL": real, "FLAG": flag})
    found = header_cards(content)
    assert found is not None
    header = fits.Header.fromstring(content[: content.index(b"END" + b" " * 77)].decode())
    assert {name: found[name] for name in ("TEXT", "NUMBER", "REAL", "FLAG")} == {
        name: header[name] for name in ("TEXT", "NUMBER", "REAL", "FLAG")
    }


def test_packed_images_are_read_too() -> None:
    content = image_with({"GROUPID": "g"})
    packed = header_cards(gzip.compress(content)[:-10])
    assert packed is not None
    assert packed["GROUPID"] == "g"
    tiles = io.BytesIO()
    primary = fits.PrimaryHDU()
    primary.header["GROUPID"] = "g"
    fits.HDUList([primary, fits.CompImageHDU(np.zeros((4, 4), dtype=np.int32))]).writeto(tiles)
    found = header_cards(tiles.getvalue())
    assert found is not None
    assert found["GROUPID"] == "g"


@pytest.mark.parametrize("content", [b"", b"SIMPLE  =", b"\x1f\x8bnonsense", b"{}", image_with({})[:160]])
def test_what_is_no_whole_header_is_none(content: bytes) -> None:
    assert header_cards(content) is None
