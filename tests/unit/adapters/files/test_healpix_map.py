from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy_healpix import HEALPix
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from adapters.files.healpix_map import HealpixMask, UnreadableMapError, read_healpix_map

NSIDE = 16
FRAMES = {"C": "icrs", "G": "galactic", "E": "barycentricmeanecliptic"}
MAPS = [(ordering, coordsys) for ordering in ("RING", "NESTED") for coordsys in FRAMES]
VALUES = np.random.default_rng(5).choice(np.array([0, 1, 16], dtype=np.uint8), 12 * NSIDE**2)


def write(path: Path, values: NDArray[Any], **cards: str | int | None) -> str:
    column = fits.Column("MASK", {"u1": "B", "f4": "E", "i2": "I"}[values.dtype.str[1:]], array=values)
    table = fits.BinTableHDU.from_columns([column])
    header = {"PIXTYPE": "HEALPIX", "ORDERING": "RING", "NSIDE": NSIDE, "COORDSYS": "C"} | cards
    table.header.update({card: value for card, value in header.items() if value is not None})
    table.writeto(path)
    return str(path)


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], HealpixMask]:
    folder = tmp_path_factory.mktemp("maps")
    return {
        (ordering, coordsys): read_healpix_map(
            write(folder / f"{ordering}{coordsys}.fits", VALUES, ORDERING=ordering, COORDSYS=coordsys)
        )
        for ordering, coordsys in MAPS
    }


@pytest.mark.parametrize(("ordering", "coordsys"), MAPS)
@given(ra=st.floats(0, 360), dec=st.floats(-90, 90))
def test_a_position_is_looked_up_as_astropy_healpix_does(
    masks: dict[tuple[str, str], HealpixMask], ordering: str, coordsys: str, ra: float, dec: float
) -> None:
    position = SkyCoord(ra * u.deg, dec * u.deg)
    pixels = HEALPix(nside=NSIDE, order=ordering, frame=FRAMES[coordsys])
    # On the very edge of a pixel, rounding decides.
    near = position.directional_offset_by(np.arange(4) * 90 * u.deg, 1e-7 * u.deg)
    expected = {bool(VALUES[pixel] == 1) for pixel in pixels.skycoord_to_healpix(near)}
    if len(expected) == 1:
        assert masks[ordering, coordsys].contains(ra, dec) == expected.pop()


@pytest.mark.parametrize("values", [VALUES.astype("f4"), VALUES.astype("i2"), VALUES.reshape(-1, 64)])
def test_any_type_and_shape_of_column_holds_the_same_map(tmp_path: Path, values: NDArray[Any]) -> None:
    plain = read_healpix_map(write(tmp_path / "plain.fits", VALUES))
    if values.ndim > 1:
        table = fits.BinTableHDU.from_columns([fits.Column("MASK", "64B", array=values)])
        table.header.update({"ORDERING": "RING", "NSIDE": NSIDE, "COORDSYS": "C"})
        table.writeto(tmp_path / "other.fits")
    else:
        write(tmp_path / "other.fits", values)
    assert np.array_equal(read_healpix_map(str(tmp_path / "other.fits")).bits, plain.bits)


def test_a_map_without_a_frame_is_equatorial(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    said = read_healpix_map(write(tmp_path / "said.fits", VALUES, COORDSYS="C"))
    assert caplog.messages == []
    path = write(tmp_path / "silent.fits", VALUES, COORDSYS=None)
    silent = read_healpix_map(path)
    assert (silent.rotation, silent.ordering) == (said.rotation, said.ordering)
    assert np.array_equal(silent.bits, said.bits)
    assert caplog.messages == [f"{path}: has no COORDSYS, and is taken as equatorial"]


def test_what_is_unknown_is_not_in_the_mask(tmp_path: Path) -> None:
    values = np.full(12 * NSIDE**2, np.nan, dtype="f4")
    values[: values.size // 2] = -1.6375e30
    values[0] = 16
    assert not read_healpix_map(write(tmp_path / "unknown.fits", values)).bits.any()


@pytest.mark.parametrize(
    ("values", "cards", "fault"),
    [
        (VALUES[:-1], {}, "NSIDE 16 does not fit 3071 pixels"),
        (VALUES, {"NSIDE": None}, "NSIDE None"),
        (VALUES, {"NSIDE": "16"}, "NSIDE 16"),
        (VALUES, {"ORDERING": None}, "ORDERING ''"),
        (VALUES, {"ORDERING": "SPIRAL"}, "ORDERING 'spiral'"),
        (VALUES[: 12 * 9], {"NSIDE": 3, "ORDERING": "NESTED"}, "no power of 2"),
        (VALUES, {"COORDSYS": "X"}, "COORDSYS 'X'"),
        (VALUES, {"INDXSCHM": "EXPLICIT"}, "INDXSCHM"),
        (np.where(VALUES == 16, 2, VALUES).astype("u1"), {}, "is 2, which is none of 0, 1 and 16"),
        (np.where(VALUES == 16, 0.5, VALUES).astype("f4"), {}, "is 0.5, which is none of 0, 1 and 16"),
    ],
)
def test_what_is_no_such_map_is_refused_by_name(
    tmp_path: Path, values: NDArray[Any], cards: dict[str, Any], fault: str
) -> None:
    path = write(tmp_path / "bad.fits", values, **cards)
    with pytest.raises(UnreadableMapError, match=fault) as caught:
        read_healpix_map(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_what_is_no_fits_file_is_refused_by_name(tmp_path: Path) -> None:
    image, text = tmp_path / "image.fits", tmp_path / "text.fits"
    fits.PrimaryHDU(np.zeros((2, 2))).writeto(image)
    text.write_text("no FITS at all")
    for path in (image, text, tmp_path / "absent.fits", tmp_path):
        with pytest.raises(UnreadableMapError, match=f"^{path}: "):
            read_healpix_map(str(path))
