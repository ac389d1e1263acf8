"""What every journal of frames must hold, in memory and for real."""

from typing import Any

from attrs import evolve

from domain.raws.exposure import Exposure
from domain.raws.frame_files import Ending, FrameFile, FrameRecord, TakenFrame
from domain.times import TaiSeconds, UtcSeconds
from ports.incoming import FrameJournal
from tests.contract_suites.samples import INSTRUMENT, an_exposure

__all__ = ["FrameJournalContract"]


def a_file(path: str = "/in/ä b.fits", **changes: Any) -> FrameFile:
    return evolve(FrameFile(path=path, size=5_000_000_000, modified_ns=1_796_000_000_123_456_789), **changes)


def a_record(
    file: FrameFile, *exposures: Exposure, ending: Ending = Ending.TAKEN, noted: float = 1.8e9
) -> FrameRecord:
    frames = [TakenFrame(path=file.path, key=f"key {each.exposure}", exposure=each) for each in exposures]
    return FrameRecord(
        file=file, ending=ending, reason="for 'this'", frames=tuple(frames), noted=UtcSeconds(noted)
    )


class FrameJournalContract:
    """Tests of `ports.incoming.FrameJournal`."""

    async def test_a_record_comes_back_whole(self, journal: FrameJournal) -> None:
        dark = an_exposure(7, observation_type="dark", ra=None, dec=None, sky_angle=None, dark_time=31.25)
        record = a_record(a_file(), an_exposure(), an_exposure(detector=5), dark)
        record = evolve(record, frames=(*record.frames[:2], evolve(record.frames[2], is_floating=True)))
        await journal.note(record)
        assert await journal.find(a_file()) == record
        assert list(await journal.records()) == [record]

    async def test_a_file_that_was_written_to_is_another(self, journal: FrameJournal) -> None:
        await journal.note(a_record(a_file()))
        for other in (a_file(size=1), a_file(modified_ns=1), a_file("/in/other.fits")):
            assert await journal.find(other) is None

    async def test_a_path_that_is_no_unicode_is_found(self, journal: FrameJournal) -> None:
        file = a_file("/in/\udcff.fits")
        await journal.note(a_record(file, ending=Ending.REFUSED))
        assert await journal.find(file) is not None
        assert [str(record.file) for record in await journal.records()] == [str(file)]

    async def test_a_later_record_takes_the_place_of_an_earlier_one(self, journal: FrameJournal) -> None:
        await journal.note(a_record(a_file(), an_exposure(20)))
        later = a_record(a_file(), an_exposure(30), noted=1.8e9 + 1)
        await journal.note(later)
        assert list(await journal.records()) == [later]
        assert list(await journal.near(an_exposure(20))) == []

    async def test_near_are_frames_of_the_same_exposure_and_detector(self, journal: FrameJournal) -> None:
        record = a_record(a_file(), an_exposure(21), an_exposure(21, detector=5))
        await journal.note(record)
        again = TaiSeconds(an_exposure(21).begin + 86_400.0 * 400)
        overlapping = TaiSeconds(an_exposure(21).begin + 29.9)
        before = TaiSeconds(an_exposure(21).begin - 29.9)
        after = TaiSeconds(an_exposure(21).begin + 30.1)
        for exposure, is_near in (
            (an_exposure(21), True),
            (an_exposure(21, begin=again), True),
            (an_exposure(99, begin=overlapping), True),
            (an_exposure(99, begin=before), True),
            (an_exposure(99, begin=after), False),
            (an_exposure(99, begin=before, exposure_time=1.0), False),
            (an_exposure(22), False),
            (an_exposure(21, detector=6), False),
            (an_exposure(21, instrument="Other"), False),
        ):
            assert list(await journal.near(exposure)) == list(record.frames[:1] if is_near else ())

    async def test_of_a_group_are_what_was_published(self, journal: FrameJournal) -> None:
        taken = a_record(a_file(), an_exposure(21), an_exposure(21, detector=5))
        await journal.note(taken)
        await journal.note(a_record(a_file("/in/b"), an_exposure(22), ending=Ending.CALIBRATION))
        await journal.note(a_record(a_file("/in/c"), an_exposure(23, group="g21"), ending=Ending.KEPT))
        assert list(await journal.of_group(INSTRUMENT, "g21")) == list(taken.frames)
        assert list(await journal.of_group(INSTRUMENT, "g22")) == []
        assert list(await journal.of_group("Other", "g21")) == []

    async def test_records_are_those_since(self, journal: FrameJournal) -> None:
        first, second = a_record(a_file(), noted=100.0), a_record(a_file("/in/b"), noted=200.0)
        await journal.note(first)
        await journal.note(second)
        assert list(await journal.records(UtcSeconds(100.0))) == [first, second]
        assert list(await journal.records(UtcSeconds(100.5))) == [second]
