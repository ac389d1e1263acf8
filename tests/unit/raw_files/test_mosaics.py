"""HDUs of one detector, read out of files that hold many."""

import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from raw_files.errors import RawFileError
from raw_files.mosaics.reader import MosaicReader
from raw_files.reading import load_images, read_cards
from tests.unit.raw_files.files import bytes_of

NAMES = [f"S{number}" for number in range(1, 13)]
SHAPE = (300, 320)


class Stored:
    """An object that counts what is read of it."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size = 0
        self.requests = 0
        self.bytes = 0

    def __call__(self, start: int, stop: int) -> bytes:
        self.size = len(self._content)
        self.requests += 1
        part = self._content[start:stop]
        self.bytes += len(part)
        return part


def pixels(name: str, sky: float = 1.0) -> Any:
    number = NAMES.index(name)
    noise = np.random.default_rng(number).normal(1000 + 40 * number, sky * (12 + number / 4), SHAPE)
    return noise.astype(np.uint16)


def mosaic(
    names: list[str] = NAMES,
    *,
    compressed: bool = False,
    cards: int = 30,
    more: int = 0,
    primary: int = 100,
    extra: tuple[Any, ...] = (),
    sky: float = 1.0,
) -> bytes:
    """Write a file whose headers are of the length of real ones; those of odd HDUs have some cards more."""
    head = fits.PrimaryHDU(header=fits.Header({f"CARD{number}": number for number in range(primary)}))
    head.header["NEXTEND"] = len(names) + len(extra)
    kind = fits.CompImageHDU if compressed else fits.ImageHDU
    hdus = []
    for position, name in enumerate(names):
        count = cards + more * (position % 2)
        header = fits.Header({f"CARD{number}": number for number in range(count)} | {"CCD": name})
        hdus.append(kind(pixels(name, sky), header, name=name))
    return bytes_of(head, *hdus, *extra)


def own(content: bytes, name: str) -> int:
    """Bytes of a detector's HDU and of the primary one."""
    with fits.open(io.BytesIO(content), disable_image_compression=True) as hdus:
        info = hdus[name].fileinfo()
        return int(info["datLoc"] + info["datSpan"] - info["hdrLoc"] + hdus[0].fileinfo()["datLoc"])


def headers(content: bytes) -> int:
    """Bytes of all headers."""
    with fits.open(io.BytesIO(content), disable_image_compression=True) as hdus:
        return sum(hdu.fileinfo()["datLoc"] - hdu.fileinfo()["hdrLoc"] for hdu in hdus)


def check(content: bytes, name: str, tmp_path: Path, sky: float = 1.0) -> None:
    path = tmp_path / f"{name}.fits"
    path.write_bytes(content)
    assert read_cards(path, hdus={name: [SHAPE]})["CCD"] == name
    (image,) = load_images(path)
    np.testing.assert_array_equal(image.pixels, pixels(name, sky))


LAYOUTS: dict[str, dict[str, Any]] = {
    "alike": {},
    "headers differ": {"more": 40},
    "long primary": {"primary": 400},
    "guiders": {"extra": (fits.ImageHDU(np.zeros((100, 90), np.uint16), name="F1"),)},
    "compressed": {"compressed": True},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_detector_costs_few_requests_and_little_more_than_its_own_bytes(
    layout: str, tmp_path: Path
) -> None:
    content = mosaic(**LAYOUTS[layout])
    for name in NAMES:
        source = Stored(content)
        # Each is the first that its reader sees.
        check(MosaicReader(NAMES).read(source, [name]), name, tmp_path)
        assert source.requests <= 4, name
        assert source.bytes <= 1.2 * own(content, name), name


def test_the_next_file_is_read_as_the_last_one_was(tmp_path: Path) -> None:
    reader = MosaicReader(sorted(NAMES))
    backwards = mosaic(NAMES[::-1], primary=300)
    for name in NAMES:
        reader.read(Stored(backwards), [name])
    for name in NAMES:
        source = Stored(backwards)
        check(reader.read(source, [name]), name, tmp_path)
        assert source.requests == 2
        assert source.bytes <= 1.2 * own(backwards, name)


def test_compressed_files_of_a_night_are_read_by_the_shares_of_the_last(tmp_path: Path) -> None:
    order = [*NAMES[6:], *NAMES[:6]]
    focus, later = (
        fits.CompImageHDU(
            np.random.default_rng(0).normal(900, 60 * sky, (900, 320)).astype(np.uint16), name="F"
        )
        for sky in (1.0, 1.3)
    )
    reader = MosaicReader(NAMES)
    reader.read(Stored(mosaic(order, compressed=True, extra=(focus,))), ["S3"])
    content = mosaic(order, compressed=True, extra=(later,), sky=1.3)
    for name in NAMES:
        source = Stored(content)
        check(reader.read(source, [name]), name, tmp_path, sky=1.3)
        assert source.requests <= 4
        assert source.bytes <= 1.2 * own(content, name)


def shuffled() -> list[str]:
    return [NAMES[place] for place in np.random.default_rng(1).permutation(len(NAMES))]


OTHERS: dict[str, tuple[list[str], tuple[Any, ...]]] = {
    "another order": (shuffled(), ()),
    "a table behind": (shuffled(), (fits.BinTableHDU(),)),
    "some missing": ([name for name in NAMES if name not in {"S2", "S7", "S11"}], ()),
    "the first missing": (NAMES[1:], ()),
    "some missing, and a guider": (NAMES[3:], (fits.ImageHDU(np.zeros((99, 90), np.uint16), name="F"),)),
}


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("other", OTHERS)
def test_files_that_are_not_as_the_camera_s_cost_their_headers_more(
    other: str, *, compressed: bool, tmp_path: Path
) -> None:
    names, extra = OTHERS[other]
    content = mosaic(names, compressed=compressed, extra=extra)
    for name in names[::4]:
        reader, source = MosaicReader(NAMES), Stored(content)
        check(reader.read(source, [name]), name, tmp_path)
        assert source.bytes <= 1.2 * (own(content, name) + headers(content))
        assert source.requests <= len(names) + len(extra) + 4
        # Whatever comes after one of which all headers were read is known.
        again = names[len(names) // 2]
        reader.read(Stored(content), [again])
        source = Stored(content)
        check(reader.read(source, [again]), again, tmp_path)
        assert source.requests <= 4
        assert source.bytes <= 1.2 * (own(content, again) + headers(content))


@pytest.mark.parametrize("gone", [1, 2, 3, 6])
@pytest.mark.parametrize("nextend", [True, False])
def test_where_hdus_of_one_size_are_missing_four_requests_do(
    gone: int, *, nextend: bool, tmp_path: Path
) -> None:
    for seed in range(2):
        left = sorted(np.random.default_rng(seed).permutation(len(NAMES))[gone:])
        content = mosaic([NAMES[place] for place in left])
        if not nextend:
            content = content.replace(b"NEXTEND ", b"NEXTSEND")
        for place in left[::2]:
            source = Stored(content)
            check(MosaicReader(NAMES).read(source, [NAMES[place]]), NAMES[place], tmp_path)
            assert source.requests <= 4
            assert source.bytes <= 1.2 * (own(content, NAMES[place]) + headers(content))


def test_a_gzipped_file_is_read_whole(tmp_path: Path) -> None:
    source = Stored(gzip.compress(mosaic()) + b"what stands behind it concerns nobody")
    check(MosaicReader(NAMES).read(source, ["S5"]), "S5", tmp_path)
    assert source.requests == 2
    with pytest.raises(RawFileError, match="gzip"):
        MosaicReader(NAMES).read(Stored(gzip.compress(mosaic())[:-5000]), ["S5"])


def test_hdus_known_by_number_keep_it(tmp_path: Path) -> None:
    path = tmp_path / "part.fits"
    path.write_bytes(MosaicReader(range(1, 13)).read(Stored(mosaic()), [4, 6]))
    fourth, sixth = load_images(path, [4, 6])
    np.testing.assert_array_equal(fourth.pixels, pixels("S4"))
    np.testing.assert_array_equal(sixth.pixels, pixels("S6"))
    assert path.stat().st_size < len(mosaic()) / 4


def test_hdus_known_by_number_cost_the_headers_more() -> None:
    source = Stored(mosaic())
    MosaicReader(range(1, 13)).read(source, [4])
    assert source.bytes <= 1.2 * (own(mosaic(), "S4") + headers(mosaic()))


@pytest.mark.parametrize("compressed", [False, True])
def test_amplifiers_in_hdus_of_their_own_come_together(*, compressed: bool, tmp_path: Path) -> None:
    content = mosaic(compressed=compressed)
    for pair in (NAMES[:2], NAMES[4:6], NAMES[-2:]):
        source = Stored(content)
        path = tmp_path / "part.fits"
        path.write_bytes(MosaicReader(NAMES).read(source, pair))
        for image, name in zip(load_images(path, pair), pair, strict=True):
            np.testing.assert_array_equal(image.pixels, pixels(name))
        assert source.requests <= 4
        assert source.bytes <= 1.2 * sum(own(content, name) for name in pair)


@pytest.mark.parametrize("missing", [1, 2880 * 3, 200_000])
def test_a_truncated_file_costs_only_the_detectors_that_lack_pixels(missing: int, tmp_path: Path) -> None:
    whole = mosaic(NAMES).rstrip(b"\0")
    content = whole[:-missing]
    last = -2 if missing == 200_000 else -1
    for name in NAMES[:last]:
        check(MosaicReader(NAMES).read(Stored(content), [name]), name, tmp_path)
    for name in NAMES[last:]:
        with pytest.raises(RawFileError, match="truncated"):
            MosaicReader(NAMES).read(Stored(content), [name])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"<html>", "SIMPLE"),
        (mosaic(NAMES[:-1]), "no HDUs that are S12 .HDUs: HDU 0, HDU 1 S1, .*HDU 11 S11"),
        (mosaic([*NAMES, "S12"]), "2 HDUs that are S12"),
        (mosaic()[:3000], "first HDU is none"),
    ],
    ids=["empty", "no FITS", "missing", "twice", "cut"],
)
def test_what_is_not_there_is_said(content: bytes, said: str) -> None:
    with pytest.raises(RawFileError, match=said):
        MosaicReader(NAMES[::-1]).read(Stored(content), ["S12"])
