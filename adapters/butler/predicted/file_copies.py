"""Copies of finished files: a second name for the same file where that is possible, else its bytes."""

import os
from collections.abc import Sequence
from pathlib import Path

from lsst.resources import ResourcePath

__all__ = ["copy_files"]


def copy_files(moves: Sequence[tuple[ResourcePath, ResourcePath]]) -> None:
    """Copy files that nobody will write to again; what is there is replaced.

    Parameters
    ----------
    moves
        From where, to where.
    """
    others = [(source, target) for source, target in moves if not _linked(source, target)]
    ResourcePath.mtransfer("copy", others, overwrite=True)


def _linked(source: ResourcePath, target: ResourcePath) -> bool:
    """Give a file a second name, if one file system holds both places and allows it."""
    if source.scheme != "file" or target.scheme != "file":
        return False
    place = Path(target.ospath)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source.ospath, place)
        except FileExistsError:
            _replace(source.ospath, place)
    except OSError:  # another file system, or one without links: copying will tell if it is worse
        return False
    return True


def _replace(source: str, place: Path) -> None:
    new = place.with_name(f"{place.name}.new")
    new.unlink(missing_ok=True)
    os.link(source, new)
    # Two names of one file are left as they are, so that the new one may stay behind.
    new.replace(place)
    new.unlink(missing_ok=True)
