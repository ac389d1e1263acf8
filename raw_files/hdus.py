"""The HDUs of a file: where each of them is, and whether all of it is there.

astropy gives a whole HDU up for one card that it cannot parse (``BLANK = NaN``), and what follows with
it; so only its headers are used here.
"""

import os
from typing import BinaryIO, Final

from astropy.io import fits
from attrs import frozen

from raw_files.cards import CardValue, value_of
from raw_files.errors import RawFileError, TruncatedFileError

__all__ = ["StoredHdu", "find_hdus", "padded", "read_hdu"]

_BLOCK: Final = 2880
_FIRST: Final = b"SIMPLE  "
_NEXT: Final = b"XTENSION"
_LONGEST: Final = 1024 * _BLOCK
"""Bytes of a header; mosaics have some tens of thousands."""
_MOST: Final = 10_000
"""HDUs of a file."""
_BITS: Final = frozenset({8, 16, 32, 64, -32, -64})


@frozen(kw_only=True, eq=False)
class StoredHdu:
    """An HDU as it stands in a file."""

    number: int
    """The primary one's is 0."""
    header: fits.Header
    header_at: int
    """Byte of the file at which it begins."""
    data_at: int
    """Byte of the file at which its data begin."""
    data_size: int
    """Bytes of its data, without the padding behind them."""

    @property
    def name(self) -> str:
        """Its EXTNAME; blank if it has none."""
        return str(self.say("EXTNAME") or "").strip()

    @property
    def label(self) -> str:
        """Number and name, for people."""
        return f"HDU {self.number} {self.name}".rstrip()

    @property
    def end(self) -> int:
        """Byte of the file at which another HDU would begin."""
        return self.data_at + padded(self.data_size)

    @property
    def is_compressed(self) -> bool:
        """Whether it is a table that stands for a tile-compressed image."""
        return self.number > 0 and self.say("ZIMAGE") is True

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of an image's axes, the last of FITS first; none if it is no image."""
        if self.number > 0 and not self.is_compressed and self.say("XTENSION") != "IMAGE":
            return ()
        return _axes(self.header, "Z" if self.is_compressed else "")[::-1]

    @property
    def bitpix(self) -> int:
        """How the pixels of an image are stored: bits, negative for floating-point numbers."""
        return _bitpix(self.header, "Z" if self.is_compressed else "")

    def say(self, keyword: str) -> CardValue | None:
        """Give what a card says, as `raw_files.cards.value_of`."""
        return value_of(self.header, keyword)


class _HeaderPart:
    """A file as far as a header may go: astropy looks for its end to the end of the file."""

    mode = "rb"

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._left = _LONGEST

    def read(self, size: int) -> bytes:
        self._left -= size
        if self._left < 0:
            raise RawFileError(f"a header has more than {_LONGEST} bytes")
        return self._stream.read(size)


def padded(size: int) -> int:
    """Round a number of bytes up to whole blocks."""
    return size + -size % _BLOCK


def find_hdus(stream: BinaryIO) -> list[StoredHdu]:
    """Find all HDUs of a file.

    Raises
    ------
    RawFileError
        Raised if it is no FITS file, or a byte of any HDU is missing. The last one may lack its padding, and
        whatever stands behind it concerns nobody.
    """
    actual = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    if stream.read(len(_FIRST)) != _FIRST:
        if not actual:
            raise TruncatedFileError("empty")
        raise RawFileError("not a whole FITS file (it does not begin with SIMPLE)")
    found = [read_hdu(stream, 0, 0, actual)]
    if found[0].say("SIMPLE") is not True:
        raise RawFileError("not a whole FITS file (its first HDU is none of the standard)")
    while True:
        end = found[-1].end
        stream.seek(end)
        behind = stream.read(len(_NEXT))
        if not behind or not _NEXT.startswith(behind):
            return found
        if len(found) == _MOST:
            raise RawFileError(f"more than {_MOST} HDUs, which no raw has")
        found.append(read_hdu(stream, len(found), end, actual))


def read_hdu(stream: BinaryIO, number: int, at: int, actual: int, before: int = 0) -> StoredHdu:
    """Read the header of the HDU that begins at a byte.

    Parameters
    ----------
    stream
        A file, or a part of one.
    number
        Of the HDU.
    at
        The byte of the stream.
    actual
        Bytes of the stream.
    before
        Bytes of the file before the stream.

    Raises
    ------
    RawFileError
        Raised if there is none, or not all of it.
    """
    stream.seek(at)
    try:
        header = fits.Header.fromfile(_HeaderPart(stream), padding=False)
    except OSError as error:
        raise TruncatedFileError(f"truncated within the header at byte {at}") from error
    data_at = at + padded(stream.tell() - at)
    try:
        size = _data_size(header)
    except RawFileError as error:
        raise RawFileError(f"not a whole FITS file (HDU {number}: {error})") from error
    # Without the padding: some writers leave it out, and nothing is lost with it.
    if actual < data_at + size and size > 0:
        raise TruncatedFileError(f"truncated, {actual} bytes where at least {data_at + size} belong")
    return StoredHdu(
        number=number, header=header, header_at=before + at, data_at=before + data_at, data_size=size
    )


def _data_size(header: fits.Header) -> int:
    axes, pixels = _axes(header), 1
    if axes and axes[0] == 0 and value_of(header, "GROUPS") is True:
        axes = axes[1:]
    for length in axes:
        pixels *= length
    groups, more = (_count(header, name, absent) for name, absent in (("GCOUNT", 1), ("PCOUNT", 0)))
    return abs(_bitpix(header)) // 8 * groups * (more + pixels) if axes else 0


def _axes(header: fits.Header, prefix: str = "") -> tuple[int, ...]:
    """Read the lengths of the axes; ``Z`` is the prefix of those of a compressed image."""
    return tuple(
        _count(header, f"{prefix}NAXIS{axis + 1}") for axis in range(_count(header, f"{prefix}NAXIS"))
    )


def _bitpix(header: fits.Header, prefix: str = "") -> int:
    value = value_of(header, f"{prefix}BITPIX")
    if not isinstance(value, int) or value not in _BITS:
        raise RawFileError(f"{prefix}BITPIX is {value}")
    return value


def _count(header: fits.Header, keyword: str, absent: int | None = None) -> int:
    value = value_of(header, keyword)
    if value is None and absent is not None:
        return absent
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise RawFileError(f"{keyword} is {value}")
    return value
