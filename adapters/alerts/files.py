"""Files that appear whole or not at all."""

import os
from pathlib import Path

from lsst.resources import ResourcePath

__all__ = ["write_whole"]


def write_whole(target: ResourcePath, content: bytes) -> None:
    """Write a file durably; raises what its store raises."""
    if not target.isLocal:
        target.write(content)
        return
    path = Path(target.ospath)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
