"""A worker's folder on a disk that others use too: locked while its worker lives, removed after.

The lock is the kernel's (``flock``), so that a worker's death, of whatever
kind, lets go of it. Folders that nobody holds any more are removed by whoever
finds them.
"""

import contextlib
import fcntl
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

__all__ = ["remove_orphans", "work_folder"]

_LOG = logging.getLogger(__name__)

_PREFIX: Final = "prompt-processing-"
_LOCK: Final = ".lock"
_GRACE: Final = 60.0
"""Seconds within which a folder's maker locks it."""


@contextmanager
def work_folder(root: Path) -> Iterator[Path]:
    """Make a folder for one worker, and remove it at the end.

    Parameters
    ----------
    root
        Where it is made; it exists.
    """
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def remove_orphans(root: Path, *, grace: float = _GRACE) -> Sequence[Path]:
    """Remove the folders of workers that died.

    Parameters
    ----------
    root
        Where folders are made.
    grace
        Seconds for which a folder is left alone after it was made.

    Returns
    -------
    removed
        The folders.
    """
    return [folder for folder in sorted(root.glob(f"{_PREFIX}*")) if _remove_orphan(folder, grace)]


def _remove_orphan(folder: Path, grace: float) -> bool:
    """Remove a folder that nobody holds; say whether it was removed."""
    # It may vanish at any moment, or be another user's: then it is no business of ours.
    with contextlib.suppress(OSError):
        if not folder.is_dir() or time.time() - folder.stat().st_mtime < grace:
            return False
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
        finally:
            os.close(lock)
        _LOG.warning("removed %s, which a dead worker left behind", folder)
        return True
    return False
