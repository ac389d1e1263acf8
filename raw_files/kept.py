"""Pixels that were unpacked to see whether they can be, for whoever reads the same file next.

A raw is checked where it comes in and read a moment later, by then under another name. Unpacking takes
longer than all else that is done to read it.
"""

import os
from typing import Any, BinaryIO

import numpy.typing as npt
from attrs import field, frozen

__all__ = ["Version", "keep", "take", "version_of"]

type Version = tuple[int, ...]
"""Of a file, whatever its name: device, inode, time of its last change, size."""


@frozen(eq=False)
class _Kept:
    version: Version = ()
    pixels: dict[int, npt.NDArray[Any]] = field(factory=dict)


_last = [_Kept()]
"""Of one file only: more would fill the memory."""


def version_of(file: BinaryIO) -> Version:
    """Tell which version of which file this is."""
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


def keep(version: Version, hdu: int, pixels: npt.NDArray[Any]) -> None:
    """Keep the stored numbers of an HDU, and no longer those of another file."""
    if _last[0].version != version:
        _last[0] = _Kept(version)
    _last[0].pixels[hdu] = pixels


def take(version: Version, hdu: int) -> npt.NDArray[Any] | None:
    """Take what is kept of an HDU, once; None if nothing is."""
    kept = _last[0]
    return kept.pixels.pop(hdu, None) if kept.version == version else None
