"""Incoming files, reader, keeper and journal in memory hold the contracts."""

from typing import override

import pytest

from adapters.memory.frames.disk import MemoryDisk
from adapters.memory.frames.frame_journal import MemoryFrameJournal
from adapters.memory.frames.frame_reader import MemoryFrameReader
from adapters.memory.frames.incoming_files import MemoryIncomingFiles
from adapters.memory.frames.raw_keeper import MemoryRawKeeper
from adapters.memory.raws.image_store import MemoryImageStore
from domain.raws.frame_files import FrameFile
from ports.incoming import FrameJournal, IncomingFiles, RawKeeperUnavailableError, ReadFrame
from tests.contract_suites.frame_journal import FrameJournalContract
from tests.contract_suites.frame_reader import FrameReaderContract, ReaderBench
from tests.contract_suites.incoming_files import IncomingBench, IncomingFilesContract
from tests.contract_suites.raw_keeper import KeeperBench, RawKeeperContract
from tests.contract_suites.samples import an_exposure


class _IncomingBench(IncomingBench):
    silence = 0.05

    def __init__(self) -> None:
        self._disk = MemoryDisk()

    @override
    async def watch(self) -> IncomingFiles:
        return MemoryIncomingFiles(self._disk, pause=0.01)

    @override
    def write(self, name: str, content: str) -> None:
        self._disk.put(name, content=content)


class _ReaderBench(ReaderBench):
    def __init__(self) -> None:
        self._disk = MemoryDisk()
        self.reader = MemoryFrameReader(self._disk)

    @override
    def frame(self, name: str) -> FrameFile:
        exposure = an_exposure(21, detector=5, instrument="TestCam", group="21")
        return self._disk.put(name, ReadFrame(exposure=exposure, key="TestCam/a.fits"))

    @override
    def truncated(self, name: str) -> FrameFile:
        return self._disk.put(name, missing="truncated")

    @override
    def foreign(self, name: str) -> FrameFile:
        return self._disk.put(name, fault="'Elsewhere' is not TestCam")

    @override
    def remove(self, name: str) -> None:
        self._disk.remove(name)


class _KeeperBench(KeeperBench):
    keeper: MemoryRawKeeper

    def __init__(self) -> None:
        self._disk = MemoryDisk()
        self.store = MemoryImageStore()
        self.keeper = MemoryRawKeeper(self._disk, self.store)

    @override
    def write(self, name: str, content: str) -> FrameFile:
        return self._disk.put(name, content=content)

    @override
    def remove(self, name: str) -> None:
        self._disk.remove(name)


class TestMemoryIncomingFiles(IncomingFilesContract):
    @pytest.fixture
    def bench(self) -> IncomingBench:
        return _IncomingBench()


class TestMemoryFrameReader(FrameReaderContract):
    @pytest.fixture
    def reading(self) -> ReaderBench:
        return _ReaderBench()


class TestMemoryRawKeeper(RawKeeperContract):
    @pytest.fixture
    def keeping(self) -> _KeeperBench:
        return _KeeperBench()

    async def test_an_outage_is_said_and_passes(self, keeping: _KeeperBench) -> None:
        file = keeping.write("a", "1")
        keeping.keeper.outage = "disk full"
        with pytest.raises(RawKeeperUnavailableError, match="disk full"):
            await keeping.keeper.keep(file, "Cam/a")
        keeping.keeper.outage = ""
        await keeping.keeper.keep(file, "Cam/a")


class TestMemoryFrameJournal(FrameJournalContract):
    @pytest.fixture
    def journal(self) -> FrameJournal:
        return MemoryFrameJournal()
