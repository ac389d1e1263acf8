"""Files of raws as the world has them, read in both ways: the cards alone, and the pixels."""

import gzip
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raw_files.errors import RawFileError
from raw_files.reading import check_whole, load_images, read_cards, read_parts
from tests.unit.raw_files.files import PIXELS, bytes_of, placed

BLOCK = 2880


def plain(**cards: object) -> bytes:
    return bytes_of(fits.PrimaryHDU(PIXELS, fits.Header({"EXPTIME": 15.0, **cards})))


def unpadded(content: bytes) -> bytes:
    return content[: BLOCK + PIXELS.nbytes]


def table() -> fits.BinTableHDU:
    return fits.BinTableHDU.from_columns([fits.Column("a", "J", array=np.arange(3))], name="PRIMARY")


WHOLE: dict[str, Callable[[], bytes]] = {
    "plain": plain,
    "NUL behind the last HDU": lambda: plain() + b"\0" * BLOCK,
    "NUL up to 32 KiB": lambda: plain().ljust(32768, b"\0"),
    "text behind the last HDU": lambda: plain() + b"observed by nobody",
    "a picture behind the last HDU": lambda: plain() + bytes(range(256)) * 20,
    "no padding": lambda: unpadded(plain()),
    "NUL in the header's padding": lambda: _with_nul_padding(plain()),
    "text behind END": lambda: plain().replace(b"END" + b" " * 9, b"END     junk", 1),
    "gzip": lambda: gzip.compress(plain()),
    "gzip in two members": lambda: gzip.compress(plain()[:5000]) + gzip.compress(plain()[5000:]),
    "text behind gzip": lambda: gzip.compress(plain()) + b"observed by nobody",
    "NUL behind gzip": lambda: gzip.compress(plain()).ljust(32768, b"\0"),
    "a table behind": lambda: bytes_of(fits.PrimaryHDU(PIXELS, fits.Header({"EXPTIME": 15.0})), table()),
    "a third axis of one plane": lambda: bytes_of(
        fits.PrimaryHDU(PIXELS[np.newaxis], fits.Header({"EXPTIME": 15.0}))
    ),
}


def _with_nul_padding(content: bytes) -> bytes:
    end = content.index(b"END" + b" " * 77) + 80
    return content[:end].ljust(BLOCK, b"\0") + content[BLOCK:]


@pytest.mark.parametrize("content", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("name", ["raw.fits", "raw.fits.gz", "raw.fits.fz"])
def test_all_pixels_and_cards_that_are_there_are_read(
    content: Callable[[], bytes], name: str, tmp_path: Path
) -> None:
    path = placed(tmp_path, content(), name)
    check_whole(path)
    assert read_cards(path)["EXPTIME"] == 15.0
    (loaded,) = load_images(path)
    np.testing.assert_array_equal(loaded.pixels, PIXELS)
    assert loaded.pixels.dtype.isnative
    assert loaded.header["EXPTIME"] == 15.0


BROKEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "a byte of the last pixel": (lambda: unpadded(plain())[:-1], "truncated, 11279 bytes"),
    "the same within gzip": (lambda: gzip.compress(unpadded(plain())[:-1]), "truncated, 11279 bytes"),
    "half a gzip": (lambda: gzip.compress(plain())[:2000], "truncated within gzip"),
    "a header behind the image": (
        lambda: bytes_of(fits.PrimaryHDU(PIXELS), fits.ImageHDU(PIXELS))[: len(plain()) + 200],
        "truncated within the header at byte 11520",
    ),
    "the image behind a header": (
        lambda: bytes_of(fits.PrimaryHDU(), fits.ImageHDU(PIXELS))[:5000],
        "truncated, 5000 bytes where at least 14160 belong",
    ),
    "axes that cannot be": (lambda: plain().replace(b"   70 ", b"   -7 ", 1), "HDU 0: NAXIS1 is -7"),
    "nothing": (lambda: b"", "empty"),
    "SIMPLE is F": (lambda: plain().replace(b"T", b"F", 1), "its first HDU is none of the standard"),
    "a table alone": (lambda: bytes_of(fits.PrimaryHDU(), table()), "none of its HDUs is an image"),
    "a header alone": (lambda: bytes_of(fits.PrimaryHDU()), "none of its HDUs is an image"),
    "a cube": (lambda: bytes_of(fits.PrimaryHDU(np.ones((2, 3, 4)))), "none of its HDUs is an image"),
    "no rows": (
        lambda: bytes_of(fits.PrimaryHDU(), fits.ImageHDU(np.ones((0, 70)))),
        "none of its HDUs is an image",
    ),
    "BSCALE is 0": (lambda: _scaled(0), "its pixels have no values: BSCALE is 0"),
    "BSCALE is negative": (lambda: _scaled(-1.0), r"its pixels have no values: BSCALE is -1\.0"),
}


def _scaled(scale: float) -> bytes:
    hdu = fits.PrimaryHDU(PIXELS.astype(np.int16))
    hdu.header["BSCALE"] = scale
    return bytes_of(hdu)


@pytest.mark.parametrize(("content", "said"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_whole_raw_is_refused_in_both_ways(
    content: Callable[[], bytes], said: str, tmp_path: Path
) -> None:
    path = placed(tmp_path, content())
    for read in (read_cards, load_images):
        with pytest.raises(RawFileError, match=said) as caught:
            read(path)
        assert "\n" not in str(caught.value)


@given(
    content=st.binary(max_size=300), head=st.sampled_from([b"", b"SIMPLE  =", b"\x1f\x8b", plain()[:2900]])
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_or_refused(content: bytes, head: bytes, tmp_path: Path) -> None:
    path = placed(tmp_path, head + content)
    for read in (read_cards, load_images):
        with pytest.raises(RawFileError):
            read(path)


def test_a_file_that_is_not_there_is_not_called_damaged(tmp_path: Path) -> None:
    for read in (check_whole, read_cards, load_images):
        with pytest.raises(FileNotFoundError):
            read(tmp_path / "nothing.fits")


@pytest.mark.parametrize("order", list(itertools.permutations(["SCI", "MASK", "PREVIEW", "TABLE"])), ids=str)
@pytest.mark.parametrize("compressed", [False, True])
def test_the_frame_is_found_in_whatever_order_a_file_has(
    order: tuple[str, ...], *, compressed: bool, tmp_path: Path
) -> None:
    kind = fits.CompImageHDU if compressed else fits.ImageHDU
    hdus = {
        "SCI": kind(PIXELS, fits.Header({"FILTER": "R"}), name="SCI"),
        "MASK": kind(np.zeros(PIXELS.shape, np.uint8), fits.Header({"FILTER": "none"}), name="MASK"),
        "PREVIEW": fits.ImageHDU(PIXELS[::4, ::4], fits.Header({"FILTER": "none"})),
        "TABLE": table(),
    }
    path = placed(tmp_path, bytes_of(fits.PrimaryHDU(), *(hdus[name] for name in order)))
    assert read_cards(path, [PIXELS.shape])["FILTER"] == "R"
    *large, preview = load_images(path)
    assert [image.pixels.shape for image in large] == [PIXELS.shape] * 2
    assert preview.pixels.shape == (15, 18)
    frame = large[0]
    assert frame.hdu == load_images(path, ["sci"])[0].hdu
    np.testing.assert_array_equal(frame.pixels, PIXELS)
    assert frame.header["FILTER"] == "R"


def test_two_detectors_in_a_file_are_refused_by_name_and_not_the_first_taken(tmp_path: Path) -> None:
    chips = [fits.ImageHDU(PIXELS, name=f"CHIP{number}") for number in (1, 2)]
    path = placed(tmp_path, bytes_of(fits.PrimaryHDU(), *chips))
    with pytest.raises(RawFileError, match=r"HDU 1 CHIP1 .*HDU 2 CHIP2"):
        read_cards(path)
    assert len(load_images(path)) == 2


@pytest.mark.parametrize("compressed", [False, True])
def test_the_hdus_of_each_detector_are_found_and_one_that_is_missing_is_named(
    *, compressed: bool, tmp_path: Path
) -> None:
    kind = fits.CompImageHDU if compressed else fits.ImageHDU
    amplifiers = [
        kind(PIXELS + number, fits.Header({"GAIN": 1.5 + number}), name=f"AMP{number}") for number in range(4)
    ]
    path = placed(tmp_path, bytes_of(fits.PrimaryHDU(header=fits.Header({"GAIN": 9.0})), *amplifiers))
    size = [(PIXELS.shape[0], PIXELS.shape[1])]
    wanted: list[dict[str | int, list[tuple[int, int]]]] = [
        {"amp1": size, "AMP3": []},
        {2: size},
        {"AMP1": size, "AMP7": size},
        {"AMP0": [(200, 200)]},
    ]
    both, third, missing, other = read_parts(path, [((), hdus) for hdus in wanted])
    assert isinstance(both, dict)
    assert isinstance(third, dict)
    assert (both["GAIN"], third["GAIN"]) == (2.5, 2.5)
    assert "no image in HDU AMP7" in str(missing)
    assert "HDU AMP0: its image has" in str(other)
    with pytest.raises(RawFileError, match="AMP7"):
        read_cards(path, hdus=wanted[2])
    last, first = load_images(path, ["AMP3", 1])
    np.testing.assert_array_equal(last.pixels, PIXELS + 3)
    np.testing.assert_array_equal(first.pixels, PIXELS)


@pytest.mark.parametrize("empty", ["EXPTIME =", "EXPTIME = '        '", "EXPTIME =          / seconds"])
@pytest.mark.parametrize("in_extension", [False, True])
def test_a_card_without_a_value_hides_none_that_has_one(
    empty: str, *, in_extension: bool, tmp_path: Path
) -> None:
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(PIXELS)]
    for hdu in hdus:
        hdu.header["EXPTIME"] = 15.0
    good, bad = bytes(fits.Card("EXPTIME", 15.0).image, "ascii"), empty.ljust(80).encode()
    first, second = (good, bad) if in_extension else (bad, good)
    parts = bytes_of(*hdus).split(good)
    path = placed(tmp_path, parts[0] + first + parts[1] + second + parts[2])
    assert read_cards(path)["EXPTIME"] == 15.0
    assert load_images(path)[0].header["EXPTIME"] == 15.0


ODD_CARDS = {
    "AIRMASS =                  NaN": "NaN",
    "AIRMASS =                -20,5": "-20,5",
    "AIRMASS = M31": "M31",
    "AIRMASS = 'M\t31'": "M 31",
    "AIRMASS = 'R\t'": "R",
    "AIRMASS = 'M31'\r\n": "M31",
    "AIRMASS = -20.0 \xb0C": "-20.0 ?C",
    "AIRMASS = 0x1F": "0x1F",
    "AIRMASS = 'R       '" + "\0" * 60: "R",
    "        = 'a section'": None,
    "        a section": None,
}


@pytest.mark.parametrize(("card", "value"), ODD_CARDS.items(), ids=map(ascii, ODD_CARDS))
def test_a_card_that_is_no_fits_costs_itself_alone(card: str, value: object, tmp_path: Path) -> None:
    good = bytes(fits.Card("AIRMASS", 1.5).image, "ascii")
    path = placed(tmp_path, plain(AIRMASS=1.5).replace(good, card.ljust(80).encode("latin1")))
    cards = read_cards(path)
    assert (cards.get("AIRMASS"), cards["EXPTIME"]) == (value, 15.0)
    assert "" not in cards
    np.testing.assert_array_equal(load_images(path)[0].pixels, PIXELS)


@pytest.mark.parametrize("hierarch_first", [False, True])
def test_a_card_of_another_convention_hides_none_of_fits(*, hierarch_first: bool, tmp_path: Path) -> None:
    good = bytes(fits.Card("AIRMASS", 1.5).image, "ascii")
    other = b"HIERARCH AIRMASS = 9.9".ljust(80)
    content, behind = plain(AIRMASS=1.5), b"END".ljust(80)
    both = other + good if hierarch_first else good + other
    content = content.replace(good, both, 1).replace(behind + b" " * 80, behind, 1)
    assert read_cards(placed(tmp_path, content))["AIRMASS"] == 1.5


@pytest.mark.parametrize("goes_on", ["CONTINUE  NaN", "CONTINUE", "CONTINUE  'never closed", "CONTINUE  5"])
def test_a_long_text_that_is_broken_costs_itself_alone(goes_on: str, tmp_path: Path) -> None:
    content = plain(COMMENTS="long " * 20)
    at = content.index(b"CONTINUE")
    path = placed(tmp_path, content[:at] + goes_on.ljust(80).encode() + content[at + 80 :])
    assert read_cards(path)["EXPTIME"] == 15.0
    np.testing.assert_array_equal(load_images(path)[0].pixels, PIXELS)
