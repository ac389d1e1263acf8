"""A site's log: a file for each UTC day, for this process and all that it starts."""

import asyncio
import datetime
import os
import sys
from pathlib import Path
from typing import Final

__all__ = ["LogFile"]

_LOOK_EVERY: Final = 30.0  # Seconds.


class LogFile:
    """Takes the place of standard error, so that native code's last words are in it too.

    Parameters
    ----------
    folder
        Where the files are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path: Path | None = None
        """Of today's file, once it is open."""

    def open(self) -> None:
        """Write to today's file from now on."""
        path = self._folder / f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}.log"
        if path == self.path:
            return
        sys.stderr.flush()
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.dup2(file, 2)
        finally:
            os.close(file)
        self.path = path

    async def follow_days(self) -> None:
        """Begin a new file each day, until cancelled; processes that run already keep theirs."""
        while True:
            self.open()
            await asyncio.sleep(_LOOK_EVERY)
