"""HDUs in parts of a file: what a reader of `raw_files.mosaics.reader` finds in the bytes that it has."""

import io
from collections.abc import Sequence
from typing import Final, Protocol

from astropy.io import fits

from raw_files.errors import RawFileError
from raw_files.hdus import StoredHdu, read_hdu
from raw_files.images import Hdu

__all__ = [
    "BLOCK",
    "EMPTY",
    "FIRST",
    "Chunk",
    "Shifts",
    "Source",
    "check_there",
    "down",
    "hdu_at",
    "key_of",
    "walk",
    "walk_headers",
]

BLOCK: Final = 2880
FIRST: Final = b"SIMPLE  "
_NEXT: Final = b"XTENSION="
_ENDLESS: Final = 2**62
_FEW: Final = 2 * BLOCK
"""Bytes of a first look at an extension's header."""
_LONGEST: Final = 256 * BLOCK
"""Bytes of a header; what has no end by then is none."""

EMPTY: Final = fits.ImageHDU().header.tostring().encode("ascii")
"""An HDU that stands for one that is left out."""


class Source(Protocol):
    """An object that can be read in parts."""

    def __call__(self, start: int, stop: int) -> bytes:
        """Read bytes; fewer where it ends before. One request."""
        ...

    @property
    def size(self) -> int:
        """Bytes of all of it; known after the first request."""
        ...

    @property
    def requests(self) -> int:
        """How many there were."""
        ...


class Chunk:
    """A part of a file, and the HDUs that begin in it, by name."""

    def __init__(self, start: int, content: bytes) -> None:
        self.start = start
        self.content = content
        self.found: dict[str, StoredHdu] = {}
        at = -start % BLOCK
        while at < len(content):
            hdu = hdu_at(content, at, 1, start) if content.startswith(_NEXT, at) else None
            if hdu is None:
                at += BLOCK
                continue
            self.found[key_of(hdu.name)] = hdu
            at = max(hdu.end - start, at + BLOCK)


class Shifts:
    """By how many places an HDU may be away from where it is in an order.

    Parameters
    ----------
    wanted
        Its place in the order.
    expected, actual
        How many HDUs the order has, and a file: some are missing, or some are more, not both.
    """

    def __init__(self, wanted: int, expected: int, actual: int) -> None:
        self._wanted = wanted
        self._is_lacking = actual < expected
        self._lowest, self._highest = self.least, self.most = sorted((0, actual - expected))
        self.narrow(-1, -1)
        self.narrow(expected, actual)

    @property
    def middle(self) -> int:
        """What is to be tried next."""
        return (self.least + self.most) // 2

    def narrow(self, index: int, place: int) -> bool:
        """Take into account where another HDU is, or this; False if that contradicts the order."""
        shift, between = place - index, abs(index - self._wanted) - 1
        if index == self._wanted:
            self.least = self.most = shift
        elif self._is_lacking == (index < self._wanted):
            # Of those that are missing, no more than there are between the two.
            self.most = min(self.most, shift)
            self.least = max(self.least, shift - between if self._is_lacking else self.least)
        else:
            self.least = max(self.least, shift)
            self.most = min(self.most, shift + between if self._is_lacking else self.most)
        return self.least <= self.most and self._lowest <= shift <= self._highest


def key_of(name: Hdu) -> str:
    """Write a name as those of the same HDU are written."""
    return str(name).strip().casefold()


def down(at: float) -> int:
    """Round a number of bytes down to whole blocks."""
    return int(at) // BLOCK * BLOCK


def hdu_at(content: bytes, at: int, number: int, start: int = 0) -> StoredHdu | None:
    """Read the header of the HDU that begins at a byte; None if it is not all there, or none."""
    try:
        return read_hdu(io.BytesIO(content), number, at, _ENDLESS, start)
    # Of what is no header, astropy raises many kinds.
    except Exception:  # noqa: BLE001 - see above
        return None


def walk(content: bytes) -> list[StoredHdu]:
    """Find the HDUs of a file of which the end may be missing."""
    primary = hdu_at(content, 0, 0) if content.startswith(FIRST) else None
    if primary is None:
        raise RawFileError("not a whole FITS file (its first HDU is none)")
    hdus = [primary]
    while content.startswith(_NEXT, hdus[-1].end):
        hdu = hdu_at(content, hdus[-1].end, len(hdus))
        if hdu is None:
            break
        hdus.append(hdu)
    return hdus


def check_there(hdus: Sequence[StoredHdu], size: int) -> None:
    """Make sure that a file of so many bytes has all data of some HDUs."""
    for hdu in hdus:
        if (needed := hdu.data_at + hdu.data_size) > size:
            raise RawFileError(f"truncated within {hdu.name}, {size} bytes where at least {needed} belong")


def walk_headers(source: Source, begin: int) -> list[StoredHdu]:
    """Find the HDUs behind the primary one by their headers alone, a request for each."""
    found: list[StoredHdu] = []
    at, window = begin, _FEW
    while at < source.size:
        content = source(at, at + window)
        hdu = hdu_at(content, 0, len(found) + 1, at)
        while hdu is None and content.startswith(_NEXT) and len(content) < min(_LONGEST, source.size - at):
            content += source(at + len(content), at + 2 * len(content))
            hdu = hdu_at(content, 0, len(found) + 1, at)
        if hdu is None or not content.startswith(_NEXT):
            break
        found.append(hdu)
        # Headers of one file are of about one length.
        at, window = hdu.end, hdu.data_at - hdu.header_at
    return found
