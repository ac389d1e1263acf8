"""A worker's folder on a disk that others use too: locked while its worker lives, removed after.

The lock is the kernel's (``flock``), so that a worker's death, of whatever
kind, lets go of it. Folders that nobody holds any more are removed by whoever
finds them, the file with the lock last: as long as anything is left, it can be
found and held, and a removal that was cut short is taken up by the next one.
"""

import contextlib
import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

__all__ = ["remove_orphans", "work_folder"]

_LOG = logging.getLogger(__name__)

_PREFIX: Final = "prompt-processing-worker-"
_LOCK: Final = ".lock"


@contextmanager
def work_folder(root: Path) -> Iterator[Path]:
    """Make a folder for one worker, and remove it at the end.

    Parameters
    ----------
    root
        Where it is made; it exists.
    """
    folder, lock = _make(root)
    try:
        yield folder
    finally:
        _remove(folder)
        os.close(lock)


def _make(root: Path) -> tuple[Path, int]:
    """Make a folder and lock it; begin again if it was taken for a dead worker's in between."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.fstat(lock).st_nlink:
            return folder, lock
        os.close(lock)


def remove_orphans(root: Path) -> Sequence[Path]:
    """Remove the folders of workers that died.

    Parameters
    ----------
    root
        Where folders are made.

    Returns
    -------
    removed
        The folders.
    """
    return [folder for folder in sorted(root.glob(f"{_PREFIX}*")) if _remove_orphan(folder)]


def _remove_orphan(folder: Path) -> bool:
    """Remove a folder that nobody holds; say whether it was removed."""
    # It may vanish at any moment, be another user's, or be no worker's: then it is no business of ours.
    with contextlib.suppress(OSError):
        lock = os.open(folder / _LOCK, os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            removed = _remove(folder)
        finally:
            os.close(lock)
        how = "removed" if removed else "cannot remove all of"
        _LOG.warning("%s %s, left behind by a dead worker", how, folder)
        return removed
    return False


def _remove(folder: Path) -> bool:
    """Remove a folder whose lock is held, as far as that goes; say whether it is gone."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if path.name != _LOCK:
                _remove_whatever(path)
        if {path.name for path in folder.iterdir()} <= {_LOCK}:
            # Who dies between these two leaves an empty folder: it might be one that is being made.
            (folder / _LOCK).unlink(missing_ok=True)
            folder.rmdir()
            return True
    return False


def _remove_whatever(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
