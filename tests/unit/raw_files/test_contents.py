"""Copies are known by their contents, and files that are not whole yet from those that never will be."""

import gzip
from pathlib import Path

import pytest
from astropy.io import fits

from raw_files.contents import digest
from raw_files.errors import RawFileError, TruncatedFileError
from raw_files.reading import read_cards
from tests.unit.raw_files.files import PIXELS, bytes_of, placed


@pytest.fixture
def content() -> bytes:
    return bytes_of(fits.PrimaryHDU(PIXELS))


def test_a_copy_has_the_same_contents_packed_or_not(tmp_path: Path, content: bytes) -> None:
    plain = placed(tmp_path, content)
    packed = placed(tmp_path, gzip.compress(content), "packed")
    assert digest(plain) == digest(packed)
    assert digest(plain) != digest(placed(tmp_path, content[:-1] + b"1", "other"))


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("is_packed", [False, True])
def test_a_file_of_which_the_end_is_missing_is_truncated(
    tmp_path: Path, content: bytes, part: float, is_packed: bool
) -> None:
    whole = gzip.compress(content) if is_packed else content
    with pytest.raises(TruncatedFileError):
        read_cards(placed(tmp_path, whole[: int(len(whole) * part)]))


def test_a_foreign_file_is_not_truncated(tmp_path: Path) -> None:
    with pytest.raises(RawFileError, match="SIMPLE") as caught:
        read_cards(placed(tmp_path, b"<html>" * 1000))
    assert not isinstance(caught.value, TruncatedFileError)
