"""Checksums: whether a file itself says that it is damaged.

The sum of all 32-bit words of an HDU, in ones' complement, is stated in DATASUM for its data; CHECKSUM makes
that of the whole HDU zero. In that arithmetic sums are equal if they are so modulo 2**32 - 1.
"""

from typing import BinaryIO, Final

import numpy as np

from raw_files.errors import RawFileError
from raw_files.hdus import StoredHdu, padded

__all__ = ["check_sums", "has_sum"]

_MODULUS: Final = 2**32 - 1
_CHUNK: Final = 2**20  # bytes: stays in the processor's cache
_WORD: Final = 4


def has_sum(hdu: StoredHdu) -> bool:
    """Tell whether an HDU states a sum of its data."""
    return _datasum(hdu) is not None or _has_checksum(hdu)


def check_sums(hdu: StoredHdu, stream: BinaryIO) -> None:
    """Compare an HDU with the sums that it states, if any.

    Raises
    ------
    RawFileError
        Raised if one is wrong; the text names it.
    """
    if not has_sum(hdu):
        return
    data = _sum(stream, hdu.data_at, padded(hdu.data_size))
    stated = _datasum(hdu)
    if stated is not None and (data - stated) % _MODULUS:
        raise RawFileError(f"damaged: the data of {hdu.label} do not have the DATASUM that it states")
    if _has_checksum(hdu):
        header = _sum(stream, hdu.header_at, hdu.data_at - hdu.header_at)
        if (header + data) % _MODULUS:
            raise RawFileError(f"damaged: {hdu.label} does not have the CHECKSUM that it states")


def _datasum(hdu: StoredHdu) -> int | None:
    text = str(hdu.say("DATASUM") or "").strip()
    return int(text) if text.isascii() and text.isdigit() else None


def _has_checksum(hdu: StoredHdu) -> bool:
    # Zeros are written before a sum is known.
    return bool(str(hdu.say("CHECKSUM") or "").strip("0 "))


def _sum(stream: BinaryIO, at: int, size: int) -> int:
    """Sum up words; those behind the end of the file are zero."""
    stream.seek(at)
    total = 0
    while size > 0 and (chunk := stream.read(min(size, _CHUNK))):
        size -= len(chunk)
        words = np.frombuffer(chunk + bytes(-len(chunk) % _WORD), ">u4")
        total += int(words.sum(dtype=np.uint64))
    return total
