"""Files that appear in a folder, in memory."""

import asyncio
from collections.abc import Sequence

from adapters.memory.frames.disk import MemoryDisk
from domain.raws.frame_files import FrameFile

__all__ = ["MemoryIncomingFiles"]


class MemoryIncomingFiles:
    """`ports.incoming.IncomingFiles` of a disk in memory, whose files are quiet at once."""

    def __init__(self, disk: MemoryDisk, *, pause: float = 0.1) -> None:
        self._disk = disk
        self._pause = pause
        self._given: dict[str, FrameFile] = {}

    async def batch(self) -> Sequence[FrameFile]:
        """Wait for files."""
        while True:
            found = [
                one.file for one in self._disk.files.values() if self._given.get(one.file.path) != one.file
            ]
            if found:
                self._given |= {file.path: file for file in found}
                return sorted(found)
            await asyncio.sleep(self._pause)
