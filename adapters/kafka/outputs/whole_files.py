"""Files that appear whole or not at all, on disks and in object stores."""

import os
from pathlib import Path
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from lsst.resources import ResourcePath

__all__ = ["STORE_FAILURES", "write_whole"]

STORE_FAILURES: Final = (OSError, ValueError, BotoCoreError, ClientError)
"""What lsst.resources raises if a store cannot be reached or refuses."""


def write_whole(target: ResourcePath, content: bytes) -> None:
    """Write a file durably, under a name that nobody else uses.

    Blocks, on S3 for minutes if the store is away, and raises one of `STORE_FAILURES` if it cannot.
    """
    if not target.isLocal:
        target.write(content)
        return
    path = Path(target.ospath)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
