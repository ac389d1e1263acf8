"""The frames of a file: one, or one for each detector that it holds."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from attrs import frozen

from domain.cameras.camera import Camera
from domain.cameras.raw_parts import RawPart, parts_of
from domain.errors import PromptProcessingError
from domain.headers.cards import InvalidHeaderError
from domain.headers.header import read_exposure
from domain.raws.exposure import Exposure
from domain.raws.raw_keys import RawKey

__all__ = ["FileFrames", "FrameInFile", "frames_in", "parts_in"]


@frozen(kw_only=True)
class FrameInFile:
    """One detector's frame."""

    exposure: Exposure
    part: RawPart
    """Where in the file its pixels are."""
    cards: Mapping[str, object]


@frozen(kw_only=True)
class FileFrames:
    """What was found in a file."""

    frames: tuple[FrameInFile, ...]
    """At least one."""
    faults: Mapping[str, str]
    """Names of detectors whose frames should be there and are not, and why."""

    @property
    def lacking(self) -> str:
        """Say which detectors are lacking, and why the first; blank if none is."""
        names = list(self.faults)
        return f"detectors {', '.join(names)}: {self.faults[names[0]]}" if names else ""


def parts_in(camera: Camera, name: str) -> Sequence[RawPart]:
    """List the parts that a file of this name may have."""
    return parts_of([detector for detector in camera.detectors if fnmatchcase(name, detector.file)])


def frames_in(
    camera: Camera, name: str, parts: Sequence[RawPart], found: Sequence[Mapping[str, object] | Exception]
) -> FileFrames:
    """Read the headers of a file's parts.

    Parameters
    ----------
    camera
        Whose rules say what headers mean.
    name
        Of the file.
    parts
        Those of `parts_in`.
    found
        Of each its cards, or why it has none.

    Raises
    ------
    InvalidHeaderError
        Raised if there is no frame of the camera; the text says why.
    """
    frames: list[FrameInFile] = []
    faults: dict[str, str] = {}
    for part, cards in zip(parts, found, strict=True):
        told = _told(part, camera, name)
        try:
            if isinstance(cards, Exception):
                raise InvalidHeaderError(str(cards))
            exposure = read_exposure(camera, cards, told, name)
        except PromptProcessingError as error:
            faults["" if told is None else camera.detector(told.detector).name] = str(error)
            continue
        # HDUs of one detector may have the names of another's.
        if exposure.detector in part.detectors:
            frames.append(FrameInFile(exposure=exposure, part=part, cards=cards))
    if not frames:
        reasons = dict.fromkeys(faults.values())
        raise InvalidHeaderError("; ".join(reasons) or "its HDUs are those of no detector")
    return FileFrames(frames=tuple(frames), faults={name: reason for name, reason in faults.items() if name})


def _told(part: RawPart, camera: Camera, name: str) -> RawKey | None:
    """Say what is known before the header is read: a detector, where only that one has these HDUs."""
    if not part.hdus or len(part.detectors) != 1:
        return None
    return RawKey(key=name, instrument=camera.instrument, detector=part.detectors[0])
