"""Files that hold frames, and what became of each."""

import enum

from attrs import frozen

from domain.raws.exposure import Exposure
from domain.times import UtcSeconds

__all__ = ["Ending", "FrameFile", "FrameRecord", "TakenFrame"]


@frozen(kw_only=True, order=True)
class FrameFile:
    """A file as it was at one time: once it is written to, it is another."""

    modified_ns: int
    """Nanoseconds since 1970, by the clock of whoever keeps the file."""
    path: str
    """Absolute."""
    size: int
    """Bytes."""

    @property
    def modified(self) -> UtcSeconds:
        """When it was last written to."""
        return UtcSeconds(self.modified_ns / 1e9)

    def __str__(self) -> str:
        """Write the path; what is no Unicode in it, escaped."""
        return self.path.encode(errors="backslashreplace").decode()


class Ending(enum.Enum):
    """What became of a file."""

    TAKEN = "taken"
    """Its frames are kept, and published to be processed."""
    CALIBRATION = "calibration"
    """Its frames are bias, dark or flat frames, and kept."""
    KEPT = "kept"
    """Its frames are kept, not published: of a kind that is not processed, or beyond their group's snaps."""
    COPY = "copy"
    """It is the same as one that is kept already, or was made of it."""
    DIFFERS = "differs"
    """A frame of the same exposure and detector is kept already, and is another: it stays where it is."""
    REFUSED = "refused"
    """It cannot be read, or is no raw of the camera: it stays where it is."""
    UNFINISHED = "unfinished"
    """It is not whole, and nobody has written to it for long."""

    @property
    def is_kept(self) -> bool:
        """Whether its frames are kept."""
        return self in {Ending.TAKEN, Ending.CALIBRATION, Ending.KEPT}


@frozen(kw_only=True)
class TakenFrame:
    """What one detector has in a file whose frames are kept."""

    path: str
    """Of the file that it came in."""
    key: str
    """Under which it is kept; that of a file of several detectors is the same for all."""
    exposure: Exposure
    is_floating: bool = False
    """Whether its pixels are floating-point numbers, as those of processed frames are."""


@frozen(kw_only=True)
class FrameRecord:
    """What became of a file; one that is written to later gets a record of its own."""

    file: FrameFile
    ending: Ending
    reason: str = ""
    """Why, for people; blank where the ending says it all."""
    frames: tuple[TakenFrame, ...] = ()
    """Those that are kept."""
    noted: UtcSeconds
    """When that was settled."""
