"""Files as they are at one time."""

import stat
from pathlib import Path

from domain.raws.frame_files import FrameFile
from ports.incoming import FileGoneError, FileNotWholeError

__all__ = ["NotAFileError", "check_unchanged", "frame_file"]


class NotAFileError(OSError):
    """Something else has the path: a folder, or a device."""


def frame_file(path: Path) -> FrameFile:
    """Look at a file.

    Raises
    ------
    NotAFileError
        Raised if it is none.
    OSError
        Raised if it is not there, or cannot be reached.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise NotAFileError(f"{path} is no file")
    return FrameFile(path=str(path), size=status.st_size, modified_ns=status.st_mtime_ns)


def check_unchanged(file: FrameFile) -> None:
    """Check that a file is as it was.

    Raises
    ------
    FileGoneError
        Raised if it is not there any more.
    FileNotWholeError
        Raised if it was written to since, or cannot be reached.
    """
    try:
        found = frame_file(Path(file.path))
    except FileNotFoundError as error:
        raise FileGoneError("it is not there any more") from error
    except OSError as error:
        raise FileNotWholeError(f"it cannot be reached: {error.strerror}") from error
    if found != file:
        raise FileNotWholeError("it is being written to")
