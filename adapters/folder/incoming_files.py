"""Files that appear in watched folders."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from adapters.common.opened import Opened
from adapters.common.own_threads import OwnThreads
from adapters.folder.watched_folder import WatchedFolder, WatchPolicy
from domain.raws.frame_files import FrameFile
from ports.incoming import FileNotWholeError

__all__ = ["FolderIncomingFiles"]

_MOST: Final = 32
"""Files in a batch: while those of an old night are dealt with, new ones come."""


class FolderIncomingFiles(Opened):
    """`ports.incoming.IncomingFiles` of folders, each with all folders in it.

    Parameters
    ----------
    folders
        None of which is in another.
    policy
        How closely they are watched.
    """

    def __init__(self, folders: Sequence[Path], policy: WatchPolicy | None = None) -> None:
        self._threads = OwnThreads("watched-folders", FileNotWholeError, count=len(folders) + 1)
        self._folders = [
            WatchedFolder(folder.absolute(), policy or WatchPolicy(), self._threads, self._add)
            for folder in folders
        ]
        self._ready: list[FrameFile] = []
        self._news = asyncio.Event()
        self._watching: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Begin to watch."""
        self._threads.open()
        self._watching = [asyncio.create_task(folder.follow()) for folder in self._folders]

    async def close(self) -> None:
        """Watch no longer."""
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        await self._threads.close()

    async def batch(self) -> Sequence[FrameFile]:
        """Wait for files."""
        while not self._ready:
            self._news.clear()
            await self._news.wait()
        batch = self._ready[-_MOST:]
        del self._ready[-_MOST:]
        return batch

    def _add(self, files: Sequence[FrameFile]) -> None:
        """Make files wait, oldest first; of each only as it was last."""
        latest = {file.path: file for file in (*self._ready, *files)}
        self._ready = sorted(latest.values())
        self._news.set()
