"""Raw frames in a folder, sorted by what their headers say they are."""

import logging
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import field, frozen

from domain.cameras.camera import Camera
from domain.cameras.detectors import Hdu
from domain.cameras.raw_parts import RawPart, part_of
from domain.errors import PromptProcessingError
from domain.headers.file_frames import frames_in, parts_in
from domain.raws.exposure import Exposure
from raw_files import reading as raw_files
from raw_files.cards import CardValue
from raw_files.errors import RawFileError
from raw_files.names import looks_packed, split_name
from simulator.errors import SimulatorError
from workbench.pace import Pace

__all__ = ["RecordedFrame", "RecordedFrames", "read_cards", "read_frames"]

_log = logging.getLogger(__name__)

_FITS = b"SIMPLE  ="
_USED = frozenset({"science", "bias", "dark", "flat"})


@frozen(kw_only=True)
class RecordedFrame:
    """One raw frame of the past."""

    path: Path
    exposure: Exposure
    hdus: tuple[Hdu, ...] = ()
    """Of the file, those that hold its pixels; none is all."""


@frozen(kw_only=True)
class RecordedFrames:
    """All frames of a folder, in time order."""

    folder: Path
    frames: tuple[RecordedFrame, ...]
    unreadable: tuple[Path, ...] = field(default=())
    """Files that tell nothing, or belong to another camera; each has been logged."""
    pace: Pace = field(factory=Pace)
    """Of the work on them."""

    def of_kind(self, kind: str) -> tuple[RecordedFrame, ...]:
        """Select frames by their observation type: ``science``, ``bias``, ``flat``."""
        return tuple(frame for frame in self.frames if frame.exposure.observation_type == kind)

    def tell_unused(self) -> None:
        """Name frames of other kinds, a line for each: the camera's file may not know the header's word."""
        others: dict[str, list[RecordedFrame]] = defaultdict(list)
        for frame in self.frames:
            if frame.exposure.observation_type not in _USED:
                others[frame.exposure.observation_type].append(frame)
        for kind, frames in others.items():
            more = f" and {len(frames) - 1} more" if len(frames) > 1 else ""
            _log.warning(
                "%s%s: nothing is made of frames of kind %r; if they are science exposures, biases, darks or"
                " flats, let observation_types in the camera's file say so",
                frames[0].path,
                more,
                kind,
            )

    def __str__(self) -> str:
        kinds = Counter(frame.exposure.observation_type for frame in self.frames)
        counts = [f"{count} {kind}" for kind, count in sorted(kinds.items())]
        return f"{self.folder}: {', '.join([*counts, f'{len(self.unreadable)} unreadable'])}"


def read_frames(places: Path | Sequence[Path], camera: Camera, pace: Pace | None = None) -> RecordedFrames:
    """Read the headers of raw frames.

    Parameters
    ----------
    places
        A folder, which is searched with all folders in it for files of any
        extension that FITS has; or several folders and files.
    camera
        Whose rules say what headers mean.
    pace
        Of this, and of what reads the frames later.

    Raises
    ------
    SimulatorError
        Raised if there is no such folder or file, or no frame of the camera.
    """
    folder, paths = (places, _raw_files(places)) if isinstance(places, Path) else _all_files(places)
    frames, unreadable = [], []
    pace = pace or Pace()
    for path in pace.over("reading headers", list(paths)):
        try:
            frames += _read_file(path, camera)
        except (PromptProcessingError, OSError) as error:
            _log.warning("%s is left out: %s", path, error)
            unreadable.append(path)
    if not frames:
        raise SimulatorError(
            f"{folder} holds no frame of {camera.instrument} that can be used"
            + (f", and {len(unreadable)} files that cannot: the reasons stand above" if unreadable else "")
        )
    frames.sort(key=lambda frame: (frame.exposure.begin, frame.exposure.detector, frame.path))
    return RecordedFrames(folder=folder, frames=tuple(frames), unreadable=tuple(unreadable), pace=pace)


def _read_file(path: Path, camera: Camera) -> list[RecordedFrame]:
    """Read the frames of a file: one, unless it holds several detectors."""
    parts = parts_in(camera, path.name)
    found = frames_in(camera, path.name, parts, _read_parts(path, parts))
    if found.lacking:
        _log.warning("%s is read without %s", path, found.lacking)
    return [
        RecordedFrame(path=path, exposure=frame.exposure, hdus=tuple(frame.part.hdus))
        for frame in found.frames
    ]


def read_cards(frame: RecordedFrame, camera: Camera) -> dict[str, CardValue]:
    """Read the header of a frame: its image's cards, and those of the primary HDU that are not among them.

    Raises
    ------
    SimulatorError
        Raised if the file is no whole FITS file any more, or not the same.
    OSError
        Raised if it cannot be opened.
    """
    part = part_of([camera.detector(frame.exposure.detector)])
    (found,) = _read_parts(frame.path, [part])
    if isinstance(found, RawFileError):
        raise SimulatorError(str(found))
    return found


def _read_parts(path: Path, parts: Sequence[RawPart]) -> list[dict[str, CardValue] | RawFileError]:
    try:
        return raw_files.read_parts(path, [(part.sizes, part.hdus) for part in parts])
    except RawFileError as error:
        raise SimulatorError(str(error)) from error


def _all_files(places: Sequence[Path]) -> tuple[Path, list[Path]]:
    """List the files that are meant, once each, and what to call them together."""
    files = [file for place in places for file in (_raw_files(place) if place.is_dir() else [place])]
    for file in files:
        if not file.is_file():
            raise SimulatorError(f"{file} is neither a file nor a folder")
    return Path(os.path.commonpath([place.absolute() for place in places])), list(dict.fromkeys(files))


def _raw_files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise SimulatorError(f"{folder} is not a folder")
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        if split_name(path.name) is not None:
            yield path
        elif looks_packed(path.name) or _begins_as_fits(path):
            _log.warning(
                "%s is left out: what is read ends in .fits, .fit or .fts, or in one of these and .gz or .fz",
                path,
            )


def _begins_as_fits(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_FITS)) == _FITS
    except OSError:
        return False
