"""Files that appear in a folder, in memory."""

import asyncio
from collections.abc import Sequence

from adapters.memory.frames.disk import MemoryDisk
from domain.raws.frame_files import FrameFile

__all__ = ["MemoryIncomingFiles"]


class MemoryIncomingFiles:
    """`ports.incoming.IncomingFiles` of a disk in memory, whose files are quiet at once.

    Parameters
    ----------
    disk
        Where the files are.
    pause
        Seconds between two looks.
    most
        Files in a batch.
    """

    def __init__(self, disk: MemoryDisk, *, pause: float = 0.1, most: int = 32) -> None:
        self._disk = disk
        self._pause = pause
        self._most = most
        self._given: dict[str, FrameFile] = {}

    async def batch(self) -> Sequence[FrameFile]:
        """Wait for files."""
        while True:
            found = [
                one.file for one in self._disk.files.values() if self._given.get(one.file.path) != one.file
            ]
            if found:
                batch = sorted(found)[-self._most :]
                self._given |= {file.path: file for file in batch}
                return batch
            await asyncio.sleep(self._pause)
