"""Files as they are at one time."""

from pathlib import Path

from domain.raws.frame_files import FrameFile
from ports.incoming import FileGoneError, FileNotWholeError

__all__ = ["check_unchanged", "frame_file"]


def frame_file(path: Path) -> FrameFile:
    """Look at a file.

    Raises
    ------
    OSError
        Raised if it is not there, or cannot be reached.
    """
    status = path.stat()
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
