"""The journal of frames, in memory."""

from collections.abc import Iterator, Sequence

from domain.raws.exposure import Exposure
from domain.raws.frame_files import Ending, FrameFile, FrameRecord, TakenFrame
from domain.raws.same_exposure import is_same
from domain.times import UtcSeconds

__all__ = ["MemoryFrameJournal"]


class MemoryFrameJournal:
    """`ports.incoming.FrameJournal`."""

    def __init__(self) -> None:
        self._records: dict[FrameFile, FrameRecord] = {}

    async def find(self, file: FrameFile) -> FrameRecord | None:
        """Find the record of a file as it is."""
        return self._records.get(file)

    async def near(self, exposure: Exposure) -> Sequence[TakenFrame]:
        """Find kept frames of the same exposure and detector."""
        return [frame for _, frame in self._frames() if is_same(frame.exposure, exposure)]

    async def of_group(self, instrument: str, group: str) -> Sequence[TakenFrame]:
        """Find the frames of a group that were published."""
        return [
            frame
            for ending, frame in self._frames()
            if ending is Ending.TAKEN
            and (frame.exposure.instrument, frame.exposure.group) == (instrument, group)
        ]

    async def note(self, record: FrameRecord) -> None:
        """Note what became of a file."""
        self._records.pop(record.file, None)
        self._records[record.file] = record

    async def records(self, since: UtcSeconds | None = None) -> Sequence[FrameRecord]:
        """List what was noted since then."""
        return [one for one in self._records.values() if since is None or one.noted >= since]

    def _frames(self) -> Iterator[tuple[Ending, TakenFrame]]:
        for record in self._records.values():
            yield from ((record.ending, frame) for frame in record.frames)
