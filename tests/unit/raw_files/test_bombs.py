"""A small file that stands for far more than a raw has is refused, and not unpacked to its end."""

import gzip
import resource
import zlib
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from raw_files.contents import digest
from raw_files.errors import RawFileError
from raw_files.reading import check_whole, load_images, read_cards
from tests.unit.raw_files.files import PIXELS, bytes_of, placed

ZEROS = bytes(1 << 20)


def deflated(megabytes: int) -> bytes:
    """Pack zeros, without having all of them at a time."""
    packer = zlib.compressobj(wbits=31)
    return b"".join([*(packer.compress(ZEROS) for _ in range(megabytes)), packer.flush()])


def peak() -> float:
    """Megabytes that this process had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_a_gzip_bomb_is_refused_in_time(tmp_path: Path) -> None:
    begin = bytes_of(fits.PrimaryHDU(PIXELS))
    path = placed(tmp_path, gzip.compress(begin) + deflated(2000))
    before = peak()
    for read in (check_whole, read_cards, load_images, digest):
        with pytest.raises(RawFileError, match="would become"):
            read(path)
    assert peak() - before < 700


def _compressed(algorithm: str, kind: type = np.uint16) -> bytes:
    return bytes_of(fits.PrimaryHDU(), fits.CompImageHDU(PIXELS.astype(kind), compression_type=algorithm))


def test_a_header_that_promises_too_many_pixels_is_refused(tmp_path: Path) -> None:
    content = _compressed("RICE_1")
    for axis, length in enumerate((70, 60), 1):
        card = f"ZNAXIS{axis} ="
        assert card.encode() in content
        old = f"{card} {length:>20}".encode()
        content = content.replace(old, f"{card} {100_000:>20}".encode())
    path = placed(tmp_path, content)
    for read in (check_whole, read_cards, load_images):
        with pytest.raises(RawFileError, match="would become 20000000000"):
            read(path)


@pytest.mark.parametrize(("algorithm", "kind"), [("GZIP_1", np.uint16), ("GZIP_2", np.int32)])
def test_a_bomb_in_a_tile_is_refused_in_time(tmp_path: Path, algorithm: str, kind: type) -> None:
    with fits.open(placed(tmp_path, _compressed(algorithm, kind)), disable_image_compression=True) as hdus:
        table = hdus[1]
        tiles = [bytes(tile) for tile in table.data["COMPRESSED_DATA"]]
        tiles[7] = deflated(1000)
        column = fits.Column(
            "COMPRESSED_DATA", "PB()", array=np.array([np.frombuffer(t, np.uint8) for t in tiles], object)
        )
        made = fits.BinTableHDU.from_columns([column])
        for card in table.header.cards["Z*"]:
            made.header.append(card)
        content = bytes_of(fits.PrimaryHDU(), made)
    path = placed(tmp_path, content)
    before = peak()
    for read in (check_whole, read_cards, load_images):
        with pytest.raises(RawFileError, match="hold more than its pixels"):
            read(path)
    assert peak() - before < 200


@pytest.mark.parametrize("filling", [b"COMMENT ".ljust(80) * 36, fits.ImageHDU().header.tostring().encode()])
def test_no_header_and_no_list_of_hdus_is_endless(tmp_path: Path, filling: bytes) -> None:
    primary = fits.PrimaryHDU(PIXELS).header.tostring().encode()
    begin = primary[: primary.index(b"END".ljust(80))] if filling.startswith(b"COMMENT") else primary
    data = b"" if filling.startswith(b"COMMENT") else bytes(-(-PIXELS.nbytes // 2880) * 2880)
    path = placed(tmp_path, gzip.compress(begin + data + filling * 20_000, 1))
    for read in (check_whole, read_cards, load_images):
        with pytest.raises(RawFileError, match="more than"):
            read(path)


def test_frames_of_nothing_are_no_bombs(tmp_path: Path) -> None:
    zeros = np.zeros((2000, 2000), np.uint16)
    for content in (
        gzip.compress(bytes_of(fits.PrimaryHDU(zeros))),
        bytes_of(fits.PrimaryHDU(), fits.CompImageHDU(zeros, compression_type="GZIP_1")),
    ):
        (image,) = load_images(placed(tmp_path, content))
        assert not image.pixels.any()
