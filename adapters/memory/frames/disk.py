"""A disk in memory, on which somebody puts frames."""

from attrs import frozen

from domain.raws.frame_files import FrameFile
from ports.incoming import FileGoneError, FileNotWholeError, ReadFrame

__all__ = ["MemoryDisk", "MemoryFile"]


@frozen(kw_only=True)
class MemoryFile:
    """A file: its contents are the frames that a reader finds in it, and a text that tells it from others."""

    file: FrameFile
    content: str
    frames: tuple[ReadFrame, ...] = ()
    lacking: str = ""
    missing: str = ""
    """What is not there yet; blank if nothing."""
    fault: str = ""
    """Why it is no raw; blank if it is one."""


class MemoryDisk:
    """Files by their paths; each change has a time of its own."""

    def __init__(self) -> None:
        self.files: dict[str, MemoryFile] = {}
        self._changes = 0

    def put(
        self,
        path: str,
        *frames: ReadFrame,
        content: str = "",
        lacking: str = "",
        missing: str = "",
        fault: str = "",
        modified: float = 1.8e9,
    ) -> FrameFile:
        """Write a file; by default its contents are like no other's."""
        self._changes += 1
        content = content or f"{path} {self._changes}"
        file = FrameFile(path=path, size=len(content), modified_ns=int(modified * 1e9) + self._changes)
        self.files[path] = MemoryFile(
            file=file, content=content, frames=frames, lacking=lacking, missing=missing, fault=fault
        )
        return file

    def remove(self, path: str) -> None:
        """Take a file away."""
        del self.files[path]

    def open(self, file: FrameFile) -> MemoryFile:
        """Find a file as it was given.

        Raises
        ------
        FileGoneError
            Raised if it is not there.
        FileNotWholeError
            Raised if it was written to since.
        """
        found = self.files.get(file.path)
        if found is None:
            raise FileGoneError("it is not there any more")
        if found.file != file:
            raise FileNotWholeError("it is being written to")
        return found
