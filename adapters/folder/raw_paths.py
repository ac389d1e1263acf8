"""Where in a folder the objects of a store are: each in a file whose path is its key."""

import os
from pathlib import Path
from typing import Final

from domain.errors import PromptProcessingError

__all__ = ["ARRIVING", "NoPathError", "path_of"]

ARRIVING: Final = ".arriving"
"""Folder of the store that holds what is not whole yet; no key begins with it."""


class NoPathError(PromptProcessingError):
    """A key is no path: in a folder of files it has no place."""


def path_of(root: Path, key: str) -> Path:
    """Say where the object of a key is.

    Raises
    ------
    NoPathError
        Raised if it can be nowhere: a part of the key is blank, or would lead out of the folder.
    """
    parts = key.split("/")
    try:
        is_path = b"\0" not in os.fsencode(key)
    except UnicodeEncodeError:
        is_path = False
    if not is_path or parts[0] == ARRIVING or not {"", ".", ".."}.isdisjoint(parts):
        raise NoPathError(f"{key!r} is no path of a file")
    return root.joinpath(*parts)
