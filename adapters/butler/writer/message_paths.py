"""Whether the files of a message are in the shared datastore, before anybody looks for them.

The Butler looks first and refuses afterwards. A path that is an address
elsewhere would make it ask there: a stranger's message could let the writer
wait for a server that does not answer, again and again.
"""

import re
from collections.abc import Collection, Sequence
from typing import Final

from lsst.daf.butler import FileDataset
from lsst.resources import ResourcePath

__all__ = ["check_paths"]

_LONGEST: Final = 900
"""Characters; an object's key has 1024 bytes at most, and longer ones fail as if the store were away."""

_RELATIVE: Final = re.compile(r"(?![a-zA-Z][\w+.-]*:)(?!/)[^\0\\]+")


def check_paths(files: Sequence[FileDataset], roots: Collection[ResourcePath]) -> None:
    """See that files are within one of the datastore's roots.

    Raises
    ------
    ValueError
        Raised if one is not, or cannot be.
    """
    for file in files:
        path = str(file.path)
        if len(path) > _LONGEST:
            raise ValueError(f"a path has {len(path)} characters")
        if _RELATIVE.fullmatch(path):
            inside = path.strip("./") != "" and ".." not in path.split("/")
        else:
            uri = ResourcePath(path, forceAbsolute=False, forceDirectory=False)
            inside = uri.isabs() and any(uri.relative_to(root) for root in roots)
        if not inside:
            raise ValueError(f"{path!r} is not in the shared datastore")
