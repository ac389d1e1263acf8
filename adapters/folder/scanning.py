"""Which files of a folder may be frames, by their names."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from adapters.folder.files import NotAFileError, frame_file
from domain.raws.frame_files import FrameFile
from raw_files.names import split_name

__all__ = ["files_among", "files_below", "is_hidden"]

_LOG = logging.getLogger(__name__)


def is_hidden(folder: Path, path: Path) -> bool:
    """Tell whether something below a folder is hidden, or in what is."""
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def files_below(folder: Path, top: Path, failed: Callable[[OSError], None]) -> Iterator[FrameFile]:
    """Look at all files below a folder in a watched one.

    Parameters
    ----------
    folder
        The watched one.
    top
        The one in it, which is not hidden, or itself.
    failed
        Told of folders below that cannot be read.

    Raises
    ------
    OSError
        Raised if the watched one itself is not there, or cannot be read.
    """

    def fail(error: OSError) -> None:
        if error.filename == str(folder):
            raise error
        failed(error)

    for inside, below, names in os.walk(top, onerror=fail):
        below[:] = [name for name in below if not name.startswith(".")]
        yield from files_among(Path(inside, name) for name in names)


def files_among(paths: Iterable[Path]) -> Iterator[FrameFile]:
    """Look at those files among paths that are there and may be frames by their own names."""
    for path in paths:
        if path.name.startswith(".") or split_name(path.name) is None:
            continue
        try:
            yield frame_file(path)
        except NotAFileError:
            continue
        except OSError as error:
            # It may be gone by now; what cannot be reached is found when the folder is looked through.
            _LOG.debug("%s cannot be looked at: %s", path, error)
