"""Raw frames in a folder, sorted by what their headers say they are."""

import logging
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from attrs import field, frozen

from domain.cameras.camera import Camera
from domain.errors import PromptProcessingError
from domain.headers.header import read_exposure
from domain.raws.exposure import Exposure
from raw_files import reading as raw_files
from raw_files.cards import CardValue
from raw_files.errors import RawFileError
from simulator.errors import SimulatorError

__all__ = ["RecordedFrame", "RecordedFrames", "read_cards", "read_frames", "split_name"]

_log = logging.getLogger(__name__)

_NAME = re.compile(r"(.+)\.(?:fits?|fts)(\.(?:fz|gz))?", re.IGNORECASE | re.DOTALL)


@frozen(kw_only=True)
class RecordedFrame:
    """One raw frame of the past."""

    path: Path
    exposure: Exposure


@frozen(kw_only=True)
class RecordedFrames:
    """All frames of a folder, in time order."""

    folder: Path
    frames: tuple[RecordedFrame, ...]
    unreadable: tuple[Path, ...] = field(default=())
    """Files that tell nothing, or belong to another camera; each has been logged."""

    def of_kind(self, kind: str) -> tuple[RecordedFrame, ...]:
        """Select frames by their observation type: ``science``, ``bias``, ``flat``."""
        return tuple(frame for frame in self.frames if frame.exposure.observation_type == kind)

    def __str__(self) -> str:
        kinds = Counter(frame.exposure.observation_type for frame in self.frames)
        counts = [f"{count} {kind}" for kind, count in sorted(kinds.items())]
        return f"{self.folder}: {', '.join([*counts, f'{len(self.unreadable)} unreadable'])}"


def read_frames(folder: Path, camera: Camera) -> RecordedFrames:
    """Read the headers of all raw frames below a folder.

    Parameters
    ----------
    folder
        Searched with all folders in it, for files of any extension that FITS has.
    camera
        Whose rules say what headers mean.

    Raises
    ------
    SimulatorError
        Raised if there is no such folder, or no frame of the camera in it.
    """
    if not folder.is_dir():
        raise SimulatorError(f"{folder} is not a folder")
    frames, unreadable = [], []
    for path in _raw_files(folder):
        try:
            frames.append(RecordedFrame(path=path, exposure=read_exposure(camera, read_cards(path, camera))))
        except (PromptProcessingError, OSError) as error:
            _log.warning("%s is left out: %s", path, error)
            unreadable.append(path)
    if not frames:
        raise SimulatorError(
            f"{folder} holds no frame of {camera.instrument}, and {len(unreadable)} other files"
        )
    frames.sort(key=lambda frame: (frame.exposure.begin, frame.exposure.detector, frame.path))
    return RecordedFrames(folder=folder, frames=tuple(frames), unreadable=tuple(unreadable))


def read_cards(path: Path, camera: Camera) -> dict[str, CardValue]:
    """Read the header of a raw: its image's cards, then those of the primary HDU.

    Raises
    ------
    SimulatorError
        Raised if the file is no whole FITS file, or if it cannot be told which
        of its images is the frame.
    OSError
        Raised if it cannot be opened.
    """
    try:
        return raw_files.read_cards(path, camera.raw_sizes)
    except RawFileError as error:
        raise SimulatorError(str(error)) from error


def split_name(path: Path) -> tuple[str, str] | None:
    """Split a file's name into its stem and the one of `domain.raws.raws.RAW_EXTENSIONS` that it stands for.

    ``.fits``, ``.fit`` and ``.fts`` are the same in any letter case; None if it has none of them.
    """
    match = _NAME.fullmatch(path.name)
    return None if match is None else (match[1], f".fits{(match[2] or '').lower()}")


def _raw_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if split_name(path) is not None and path.is_file():
            yield path
