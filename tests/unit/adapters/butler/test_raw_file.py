"""Headers of raws are read if, and only if, no byte of the file is missing."""

import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.butler.camera.raw_file import fetch, read_cards
from ports.workspace import RawUnreadableError, WorkspaceError

_PADDING = 2880


def _fits(kind: str) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 1000, (40, 50)).astype(np.uint16)
    header = fits.Header({"GROUPID": "g", "EXPTIME": 15.0})
    file = io.BytesIO()
    match kind:
        case "plain":
            fits.PrimaryHDU(pixels, header).writeto(file)
        case "extension":
            fits.HDUList([fits.PrimaryHDU(header=header), fits.ImageHDU(pixels)]).writeto(file)
        case "compressed":
            fits.HDUList([fits.PrimaryHDU(header=header), fits.CompImageHDU(pixels)]).writeto(file)
        case "gzip":
            return gzip.compress(_fits("plain"))
    return file.getvalue()


KINDS = {"plain": ".fits", "extension": ".fits", "compressed": ".fits.fz", "gzip": ".fits.gz"}
BODIES = {kind: _fits(kind) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_cards_of_primary_and_image_are_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"raw{KINDS[kind]}"
    path.write_bytes(BODIES[kind])
    cards = read_cards(path, "s3://b/raw")
    assert (cards["GROUPID"], cards["EXPTIME"]) == ("g", 15.0)


@pytest.mark.parametrize(
    ("card", "value"),
    [
        ("EXPTIME = NaN", "NaN"),
        ("EXPTIME = -", "-"),
        ("EXPTIME = fifteen", "fifteen"),
        ("EXPTIME = '15", "'15"),
        ("EXPTIME = '15\xb0'", "15?"),
        ("EXPTIME = '15\x01'", None),
        ("EXPTIME =", None),
        ("EXPTIME 15.0", "15.0"),
        ("COMMENT caf\xe9", None),
    ],
)
@pytest.mark.parametrize("kind", ["plain", "extension", "compressed"])
def test_a_card_that_is_no_fits_spoils_no_other(kind: str, card: str, value: object, tmp_path: Path) -> None:
    good = bytes(fits.Card("EXPTIME", 15.0).image, "ascii")
    path = tmp_path / f"raw{KINDS[kind]}"
    path.write_bytes(BODIES[kind].replace(good, card.ljust(80).encode("latin1"), 1))
    cards = read_cards(path, "s3://b/raw")
    assert (cards["GROUPID"], cards.get("EXPTIME")) == ("g", value)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_truncated_file_is_refused(kind: str, data: st.DataObject, tmp_path: Path) -> None:
    body = BODIES[kind]
    # A file may lack its padding: no pixel is lost with it.
    longest = len(body) - 1 if kind == "gzip" else len(body.rstrip(b"\0")) - 1
    path = tmp_path / f"raw{KINDS[kind]}"
    path.write_bytes(body[: data.draw(st.integers(0, longest))])
    with pytest.raises(RawUnreadableError, match="s3://b/raw"):
        read_cards(path, "s3://b/raw")


@given(body=st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: b"SIMPLE  = " + tail))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_no_fits_is_refused(body: bytes, tmp_path: Path) -> None:
    path = tmp_path / "raw.fits"
    path.write_bytes(body)
    with pytest.raises(RawUnreadableError):
        read_cards(path, "s3://b/raw")


@pytest.mark.parametrize("shape", [None, (10,), (2, 3, 4)])
def test_a_file_without_an_image_is_refused(shape: tuple[int, ...] | None, tmp_path: Path) -> None:
    path = tmp_path / "raw.fits"
    fits.PrimaryHDU(None if shape is None else np.zeros(shape)).writeto(path)
    with pytest.raises(RawUnreadableError, match="image"):
        read_cards(path, "s3://b/raw")


@pytest.mark.parametrize(
    ("name", "fetched"),
    [
        ("a#b?c.fits", "raw.fits"),
        ("a b.fits.fz", "raw.fits.fz"),
        ("a.fits.gz", "raw.fits.gz"),
        ("a%41.fts", "raw.fits"),
    ],
)
def test_a_file_is_fetched_under_a_plain_name(name: str, fetched: str, tmp_path: Path) -> None:
    source = tmp_path / "bucket" / name
    source.parent.mkdir()
    source.write_bytes(b"x")
    path = fetch(source.as_uri(), tmp_path / "incoming")
    assert path == tmp_path / "incoming" / fetched
    assert path.read_bytes() == b"x"


def test_a_file_that_is_not_there_cannot_be_fetched(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="nothing"):
        fetch((tmp_path / "nothing.fits").as_uri(), tmp_path / "incoming")
    assert not list((tmp_path / "incoming").iterdir())
