"""Frames that come as files: where they appear, what they hold, where they are kept, what became of them."""

import enum
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from attrs import field, frozen

from domain.errors import PromptProcessingError
from domain.raws.exposure import Exposure
from domain.raws.frame_files import FrameFile, FrameRecord, TakenFrame
from domain.times import UtcSeconds
from ports.neighbours import NeighbourUnavailableError

__all__ = [
    "FileGoneError",
    "FileNotWholeError",
    "FrameContents",
    "FrameJournal",
    "FrameJournalUnavailableError",
    "FrameReader",
    "FrameUnreadableError",
    "IncomingFiles",
    "Keeping",
    "RawKeeper",
    "RawKeeperUnavailableError",
    "ReadFrame",
]


class FileNotWholeError(PromptProcessingError):
    """A file is not all there yet, or cannot be reached now; it may be the next time."""


class FileGoneError(PromptProcessingError):
    """There is no such file any more."""


class FrameUnreadableError(PromptProcessingError):
    """A file is none of the camera's raws, and will not become one unless somebody writes to it."""


class RawKeeperUnavailableError(NeighbourUnavailableError):
    """The store of raws cannot be written now: its disk is full, or away."""


class FrameJournalUnavailableError(NeighbourUnavailableError):
    """The journal cannot be read or written now."""


@frozen(kw_only=True)
class ReadFrame:
    """One detector's frame in a file."""

    exposure: Exposure
    key: str
    """Under which the camera's raws are kept; that of a file of several detectors is the same for all."""
    cards: Mapping[str, Any] = field(factory=dict)
    """Those of its header."""
    sidecar: str | None = None
    """Key of the sidecar, which is to hold the cards, where the camera has them."""
    is_floating: bool = False
    """Whether its pixels are floating-point numbers."""


@frozen(kw_only=True)
class FrameContents:
    """What a file holds."""

    frames: tuple[ReadFrame, ...]
    """At least one."""
    lacking: str = ""
    """Of a file of several detectors: which it should hold and does not, and why; blank if none."""


class Keeping(enum.Enum):
    """What is kept under a key, as against a file."""

    NEW = "new"
    """Nothing was there before."""
    SAME = "same"
    """The same contents, packed by gzip or not."""
    OTHER = "other"
    """Other contents."""


class IncomingFiles(Protocol):
    """Files that may hold frames, as they appear in watched folders.

    A file is given once nobody has written to it for a moment, whoever writes it
    and however: at a stretch, with pauses, under a temporary name that is changed
    at the end. Hidden files, and those whose names are none of a FITS file, are
    none. A file is given once, and again whenever it was written to since. After
    a restart all are given again: what was dealt with, the `FrameJournal` knows.
    A folder that is away is said once and waited for.
    """

    async def batch(self) -> Sequence[FrameFile]:
        """Wait for files: some of those that are there, at least one, oldest first.

        If many are there, those that were written last come in the first batch. A call that is
        cancelled gave none away.
        """
        ...


class FrameReader(Protocol):
    """Reads what frames a file holds, by the camera's rules."""

    async def read(self, file: FrameFile) -> FrameContents:
        """Read headers, and check that the pixels are there.

        Raises
        ------
        FileNotWholeError
            Raised if bytes are missing, or the file cannot be read for now.
        FileGoneError
            Raised if it was taken away.
        FrameUnreadableError
            Raised if it is damaged, no raw of the camera, or cannot be given a key; the text says why.
        """
        ...


class RawKeeper(Protocol):
    """The writing end of `ports.raw_arrivals.ImageStore`.

    Raws are never replaced. What is kept is on disk when a call returns, and
    whole: whoever looks into the store sees all of a raw or none. What is kept
    shares nothing with the file that it came in, which may be written to later.

    All methods raise `RawKeeperUnavailableError` if the store cannot be written,
    `FileGoneError` if the file is not there, `FileNotWholeError` if it was written
    to since or cannot be read, and `FrameUnreadableError` if a key cannot be kept.
    """

    async def keep(self, file: FrameFile, key: str) -> Keeping:
        """Copy a file under a key, unless something is there."""
        ...

    async def compare(self, file: FrameFile, key: str) -> Keeping:
        """Say whether a file is what is kept under a key."""
        ...

    async def keep_sidecar(self, key: str, cards: Mapping[str, Any]) -> None:
        """Write a sidecar, in place of one that is there."""
        ...


class FrameJournal(Protocol):
    """What became of each file; nothing is ever forgotten.

    All methods raise `FrameJournalUnavailableError` if it cannot be reached.
    """

    async def find(self, file: FrameFile) -> FrameRecord | None:
        """Find the record of a file as it is: same path, size and time of the last change."""
        ...

    async def near(self, exposure: Exposure) -> Sequence[TakenFrame]:
        """Find kept frames of the same detector with the exposure's number, or that overlap it in time."""
        ...

    async def of_group(self, instrument: str, group: str) -> Sequence[TakenFrame]:
        """Find the frames of a group that were published."""
        ...

    async def note(self, record: FrameRecord) -> None:
        """Note what became of a file, in place of what was noted of it before."""
        ...

    async def records(self, since: UtcSeconds | None = None) -> Sequence[FrameRecord]:
        """List what was noted since then, in that order."""
        ...
