"""What every reader of frames must hold, in memory and for real."""

import abc

import pytest
from attrs import evolve

from domain.raws.frame_files import FrameFile
from ports.incoming import FileGoneError, FileNotWholeError, FrameReader, FrameUnreadableError

__all__ = ["FrameReaderContract", "ReaderBench"]


class ReaderBench(abc.ABC):
    """Files of a camera whose detectors are 0 and 5, and their reader."""

    reader: FrameReader

    @abc.abstractmethod
    def frame(self, name: str) -> FrameFile:
        """Write a raw of detector 5: exposure 21 of its day, group 21."""

    @abc.abstractmethod
    def truncated(self, name: str) -> FrameFile:
        """Write one of which bytes are missing."""

    @abc.abstractmethod
    def foreign(self, name: str) -> FrameFile:
        """Write one of another instrument, Elsewhere."""

    @abc.abstractmethod
    def remove(self, name: str) -> None:
        """Take a file away."""


class FrameReaderContract:
    """Tests of `ports.incoming.FrameReader`."""

    async def test_a_raw_is_read(self, reading: ReaderBench) -> None:
        contents = await reading.reader.read(reading.frame("a.fits"))
        (frame,) = contents.frames
        assert (frame.exposure.detector, frame.exposure.exposure) == (5, 2026031300021)
        assert frame.exposure.group == "21"
        assert frame.key.startswith("TestCam/")
        assert not contents.lacking

    async def test_what_is_not_whole_says_so(self, reading: ReaderBench) -> None:
        with pytest.raises(FileNotWholeError, match="truncated"):
            await reading.reader.read(reading.truncated("a.fits"))

    async def test_what_is_no_raw_of_the_camera_says_so(self, reading: ReaderBench) -> None:
        with pytest.raises(FrameUnreadableError, match="Elsewhere"):
            await reading.reader.read(reading.foreign("a.fits"))

    async def test_a_file_that_was_taken_away_says_so(self, reading: ReaderBench) -> None:
        file = reading.frame("a.fits")
        reading.remove("a.fits")
        with pytest.raises(FileGoneError):
            await reading.reader.read(file)

    async def test_a_file_that_was_written_to_since_is_not_whole(self, reading: ReaderBench) -> None:
        file = reading.frame("a.fits")
        with pytest.raises(FileNotWholeError, match="written to"):
            await reading.reader.read(evolve(file, modified_ns=file.modified_ns - 1))
