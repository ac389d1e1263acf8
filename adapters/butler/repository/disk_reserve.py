"""Room on the worker's disk for what is written after the claim, when no other attempt could write it."""

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from adapters.butler.shared.outages import is_disk_full
from ports.workspace import DiskFullError

__all__ = ["DiskReserve"]

_log = logging.getLogger(__name__)

_LEAST: Final = 8 << 20
"""Bytes: logs, metadata, provenance and the journal."""
_SHARE: Final = 4
"""What follows a change, catalogues above all, is less than this part of the images before it."""


class DiskReserve:
    """A file that takes up room, so that nobody else can, until it is needed.

    Parameters
    ----------
    folder
        The attempt's, which any process finds again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "reserve"

    def take(self) -> None:
        """Take up as much as what is in the folder lets expect.

        Raises
        ------
        DiskFullError
            Raised if there is not so much.
        """
        self.release()
        held = sum(file.stat().st_size for file in self._folder.rglob("*") if file.is_file())
        size = max(_LEAST, held // _SHARE)
        try:
            with self._file.open("wb") as stream:
                if sys.platform == "darwin":
                    stream.write(bytes(size))  # macOS has no such call
                else:
                    os.posix_fallocate(stream.fileno(), 0, size)
        except OSError as error:
            self.release()
            text = f"the worker's disk lacks {size >> 20} MiB for what follows the claim ({error.strerror})"
            raise DiskFullError(text) from error

    def release(self) -> bool:
        """Give the room free; says whether there was any."""
        try:
            self._file.unlink()
        except FileNotFoundError:
            return False
        return True

    def write[T](self, write: Callable[[], T]) -> T:
        """Write something; if the disk is full, again in the room that was kept."""
        try:
            return write()
        except Exception as error:
            if not is_disk_full(error) or not self.release():
                raise
            _log.warning("the worker's disk is full; writing in the room that was kept: %s", error)
            return write()
