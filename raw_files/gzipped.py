"""Files that are packed by gzip."""

import io
import zlib
from typing import BinaryIO, Final

from raw_files.errors import RawFileError, TruncatedFileError

__all__ = ["unpacked"]

_GZIP: Final = b"\x1f\x8b"
_FORMAT: Final = 16 + zlib.MAX_WBITS
_CHUNK: Final = 2**20


def unpacked(file: BinaryIO) -> BinaryIO:
    """Undo gzip, if the first bytes say that it was used; what stands behind it concerns nobody.

    Raises
    ------
    RawFileError
        Raised if it was, and the file is truncated or damaged.
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
    member = zlib.decompressobj(_FORMAT)
    while not member.eof:
        if not packed:
            raise TruncatedFileError("not a whole FITS file (truncated within gzip)")
        content.write(member.decompress(packed))
        packed = member.unused_data if member.eof else file.read(_CHUNK)
    return packed if len(packed) >= len(_GZIP) else packed + file.read(_CHUNK)
