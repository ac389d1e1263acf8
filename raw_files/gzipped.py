"""Files that are packed by gzip."""

import io
import zlib
from typing import BinaryIO, Final

from raw_files.errors import RawFileError, TruncatedFileError
from raw_files.expansion import check_expansion

__all__ = ["FORMAT", "unpacked"]

_GZIP: Final = b"\x1f\x8b"
FORMAT: Final = 16 + zlib.MAX_WBITS
"""What zlib is told to undo gzip."""
_CHUNK: Final = 2**20


def unpacked(file: BinaryIO) -> BinaryIO:
    """Undo gzip, if the first bytes say that it was used; what stands behind it concerns nobody.

    Raises
    ------
    RawFileError
        Raised if it was, and the file is truncated or damaged, or stands for more than a raw has.
    """
    packed = file.read(_CHUNK)
    if not packed.startswith(_GZIP):
        return file
    content = io.BytesIO()
    try:
        while packed.startswith(_GZIP):
            packed = _unpack_member(file, packed, content)
    except zlib.error as error:
        raise RawFileError(f"not a whole FITS file (damaged within gzip: {error})") from error
    content.seek(0)
    return content


def _unpack_member(file: BinaryIO, packed: bytes, content: io.BytesIO) -> bytes:
    """Unpack one member; return the bytes behind it, two at least if there are any."""
    member = zlib.decompressobj(FORMAT)
    is_full = False
    while not member.eof:
        if not packed and not is_full:
            raise TruncatedFileError("not a whole FITS file (truncated within gzip)")
        part = member.decompress(packed, _CHUNK)
        content.write(part)
        check_expansion(file.tell(), content.tell())
        # Of a part that is full there may be more, without further input.
        is_full, packed = len(part) == _CHUNK, member.unconsumed_tail
        if not (packed or is_full or member.eof):
            packed = file.read(_CHUNK)
    packed = member.unused_data
    return packed if len(packed) >= len(_GZIP) else packed + file.read(_CHUNK)
