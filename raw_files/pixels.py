"""The pixels of an image: unpacked, and turned into the values that its header says they have."""

import io
import math
import re
import zlib
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from raw_files.cards import joined
from raw_files.errors import RawFileError, TruncatedFileError
from raw_files.expansion import check_expansion
from raw_files.gzipped import FORMAT
from raw_files.hdus import StoredHdu, padded

__all__ = ["check_scale", "header_of", "read_stored", "values_of"]

_STORAGE: Final = ("BLANK", "BSCALE", "BZERO", "CHECKSUM", "DATASUM")
"""Cards that say how pixels are stored, and nothing of the image that was read."""

_TABLE: Final = re.compile(
    r"XTENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TFIELDS|THEAP|T(?:TYPE|FORM|SCAL|ZERO|NULL)\d+"
    r"|Z(?:IMAGE|TILE\d+|CMPTYPE|NAME\d+|VAL\d+|MASKCMP|SIMPLE|TENSION|BITPIX|NAXIS\d*|EXTEND|BLOCKED"
    r"|PCOUNT|GCOUNT|HECKSUM|DATASUM|SCALE|ZERO|BLANK|QUANTIZ|DITHER0)"
)
"""Cards of a table that say how it stands for an image."""

_HCOMPRESS: Final = b"\xdd\x99"
"""How each tile of this algorithm begins; its width and height follow."""

_WIDEST: Final = 8
"""Bytes of a number in a tile, at most."""

_UNSIGNED: Final = {8: -(2**7), 16: 2**15, 32: 2**31, 64: 2**63}
"""BZERO by which unsigned numbers (signed ones of 8 bits) are stored, by BITPIX."""


def header_of(primary: StoredHdu, hdu: StoredHdu) -> fits.Header:
    """Put the cards of an image and of the primary HDU together, without those about the file itself."""
    header = joined(primary.header, hdu.header)
    for name in _STORAGE:
        header.remove(name, ignore_missing=True, remove_all=True)
    if hdu.is_compressed:
        for name in {card.keyword for card in header.cards if _TABLE.fullmatch(card.keyword)}:
            header.remove(name, remove_all=True)
    return header


def check_scale(hdu: StoredHdu) -> None:
    """Check that pixels of an image have values.

    Raises
    ------
    RawFileError
        Raised if their scale is zero, negative (so that more light is less), or no number.
    """
    _scale(hdu)


def read_stored(hdu: StoredHdu, stream: BinaryIO) -> npt.NDArray[Any]:
    """Read the numbers of an image as they are stored, in the machine's byte order.

    Raises
    ------
    Exception
        Raised of nearly any kind if they cannot be decompressed, or are more than an image has.
    """
    check_expansion(hdu.data_size, math.prod(hdu.shape) * abs(hdu.bitpix) // 8)
    stream.seek(hdu.data_at)
    if hdu.is_compressed:
        return _decompressed(hdu, stream.read(padded(hdu.data_size)))
    kind = "u" if hdu.bitpix == 8 else "i" if hdu.bitpix > 0 else "f"
    stored = np.empty(math.prod(hdu.shape), f">{kind}{abs(hdu.bitpix) // 8}")
    # A file that is being cut short while it is read is none of whole bytes.
    if stream.readinto(stored.view(np.uint8)) != stored.nbytes:  # type: ignore[attr-defined]  # files and BytesIO have it
        raise TruncatedFileError(f"truncated within {hdu.label}")
    if not stored.dtype.isnative:
        stored = stored.byteswap(inplace=True).view(stored.dtype.newbyteorder("="))
    return stored.reshape(hdu.shape)


def values_of(hdu: StoredHdu, stored: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Turn the stored numbers of an image, which are changed, into values; NaN where one is undefined.

    Raises
    ------
    RawFileError
        Raised as by `check_scale`.
    """
    scale, zero = _scale(hdu)
    if hdu.bitpix < 0:
        return stored if (scale, zero) == (1, 0) else stored * stored.dtype.type(scale) + zero
    blank = _blank(hdu)
    undefined = None if blank is None else stored == blank
    if scale == 1 and zero == _UNSIGNED[hdu.bitpix]:
        stored = _with_other_sign(stored)
    elif (scale, zero) != (1, 0):
        stored = _floating(stored, hdu.bitpix) * scale + zero
    if undefined is not None and undefined.any():
        stored = _floating(stored, hdu.bitpix)
        stored[undefined] = np.nan
    return stored


def _scale(hdu: StoredHdu) -> tuple[float, float]:
    numbers = []
    for name, absent in (("BSCALE", 1), ("BZERO", 0)):
        value = hdu.say(name)
        value = absent if value is None else value
        if isinstance(value, str) or not math.isfinite(value) or (name == "BSCALE" and value <= 0):
            raise RawFileError(f"its pixels have no values: {name} is {value}")
        numbers.append(value)
    return numbers[0], numbers[1]


def _blank(hdu: StoredHdu) -> int | None:
    """Give the number that stands for an undefined pixel; some writers write it as 32768.0."""
    for name in ("BLANK", "ZBLANK"):
        value = hdu.say(name)
        if isinstance(value, int | float) and math.isfinite(value) and value == int(value):
            return int(value)
    return None


def _with_other_sign(stored: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Turn signed numbers into unsigned ones, and those of 8 bits into signed ones, by their highest bit."""
    bits = 8 * stored.itemsize
    unsigned = stored.view(f"u{stored.itemsize}")
    unsigned ^= unsigned.dtype.type(1 << (bits - 1))
    return unsigned.view("i1") if bits == 8 else unsigned


def _floating(stored: npt.NDArray[Any], bits: int) -> npt.NDArray[Any]:
    return stored.astype(np.float32 if bits <= 16 else np.float64)


def _decompressed(hdu: StoredHdu, data: bytes) -> npt.NDArray[Any]:
    """Unpack a tile-compressed image by astropy, which gets only the cards that it needs for it."""
    # It fails on a blank value outside of the range of whole numbers; of those we take care.
    needless = "ZBLANK" if hdu.bitpix > 0 else ""
    cards = [card for card in hdu.header.cards if _TABLE.fullmatch(card.keyword) and card.keyword != needless]
    file = fits.PrimaryHDU().header.tostring() + fits.Header(cards).tostring()
    content = file.encode("ascii") + data.ljust(padded(len(data)), b"\0")
    if hdu.say("ZCMPTYPE") == "HCOMPRESS_1":
        _check_tiles(content, hdu)
    _check_gzipped(content, hdu)
    with fits.open(io.BytesIO(content), memmap=False) as hdus:
        pixels: npt.NDArray[Any] = hdus[1].data
        return pixels.astype(pixels.dtype.newbyteorder("="), copy=False).reshape(hdu.shape)


def _check_tiles(content: bytes, hdu: StoredHdu) -> None:
    """Look at the sizes that tiles state: the decompressor divides by them, and would end the process."""
    most = math.prod(hdu.shape)
    with fits.open(io.BytesIO(content), memmap=False, disable_image_compression=True) as hdus:
        for number, tile in enumerate(hdus[1].data["COMPRESSED_DATA"]):
            head = bytes(tile[:10])
            width, height = (int.from_bytes(head[at : at + 4], signed=True) for at in (2, 6))
            if len(tile) and not (head.startswith(_HCOMPRESS) and width > 0 and 0 < height <= most // width):
                raise RawFileError(f"damaged: tile {number} of {hdu.label} does not begin as one")


def _check_gzipped(content: bytes, hdu: StoredHdu) -> None:
    """Unpack tiles that are packed by gzip as far as an image has bytes: astropy would go on without end."""
    of_all = {"COMPRESSED_DATA"} if str(hdu.say("ZCMPTYPE")).startswith("GZIP") else set()
    room = _WIDEST * math.prod(hdu.shape)
    with fits.open(io.BytesIO(content), memmap=False, disable_image_compression=True) as hdus:
        for name in (of_all | {"GZIP_COMPRESSED_DATA"}).intersection(hdus[1].columns.names):
            for tile in hdus[1].data[name]:
                packed = bytes(tile)
                while packed and room >= 0:
                    member = zlib.decompressobj(FORMAT)
                    room -= len(member.decompress(packed, room + 1))
                    packed = member.unused_data
    if room < 0:
        raise RawFileError(f"damaged: the tiles of {hdu.label} hold more than its pixels")
