"""The archives in memory hold their contracts."""

from collections.abc import Sequence

import pytest

from adapters.memory.console.image_archive import MemoryImageArchive
from adapters.memory.console.source_archive import MemorySourceArchive
from domain.results.images import ImagePixels
from domain.results.sources import DiaSource, ForcedSource
from tests.contract_suites.image_archive import ImageArchiveBench, ImageArchiveContract
from tests.contract_suites.source_archive import SourceArchiveBench, SourceArchiveContract


class _Images(ImageArchiveBench):
    def __init__(self) -> None:
        self.archive: MemoryImageArchive = MemoryImageArchive()

    def put(self, image: ImagePixels) -> None:
        self.archive.put(image)

    def cut_off(self) -> None:
        self.archive.outage = "no route to host"


class _Sources(SourceArchiveBench):
    def __init__(self) -> None:
        self.archive: MemorySourceArchive = MemorySourceArchive()

    def put(self, sources: Sequence[DiaSource]) -> None:
        for source in sources:
            self.archive.put(source)

    def put_forced(self, sources: Sequence[ForcedSource]) -> None:
        for source in sources:
            self.archive.put_forced(source)

    def cut_off(self) -> None:
        self.archive.outage = "no route to host"


class TestMemoryImageArchive(ImageArchiveContract):
    @pytest.fixture
    def kept(self) -> ImageArchiveBench:
        return _Images()


class TestMemorySourceArchive(SourceArchiveContract):
    @pytest.fixture
    def kept(self) -> SourceArchiveBench:
        return _Sources()
