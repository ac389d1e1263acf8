"""Frames of files, in memory."""

from adapters.memory.frames.disk import MemoryDisk
from domain.raws.frame_files import FrameFile
from ports.incoming import FileNotWholeError, FrameContents, FrameUnreadableError

__all__ = ["MemoryFrameReader"]


class MemoryFrameReader:
    """`ports.incoming.FrameReader` of a disk in memory."""

    def __init__(self, disk: MemoryDisk) -> None:
        self._disk = disk

    async def read(self, file: FrameFile) -> FrameContents:
        """Read what a file holds."""
        found = self._disk.open(file)
        if found.missing:
            raise FileNotWholeError(found.missing)
        if found.fault or not found.frames:
            raise FrameUnreadableError(found.fault or "it holds no frame")
        return FrameContents(frames=found.frames, lacking=found.lacking)
