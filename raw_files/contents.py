"""Whether two files hold the same, packed by gzip or not."""

import hashlib
import os
from pathlib import Path

from raw_files.gzipped import unpacked

__all__ = ["digest"]


def digest(path: str | os.PathLike[str]) -> bytes:
    """Make a digest of a file's contents, which is the same for a copy of it.

    Raises
    ------
    RawFileError
        Raised if it is packed and damaged.
    OSError
        Raised if it is not there, or must not be read.
    """
    with Path(path).open("rb") as file:
        contents = unpacked(file)
        contents.seek(0)
        found = hashlib.sha256()
        while chunk := contents.read(2**20):
            found.update(chunk)
        return found.digest()
