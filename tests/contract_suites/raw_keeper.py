"""What every keeper of raws must hold, in memory and for real."""

import abc

import pytest
from attrs import evolve

from domain.raws.frame_files import FrameFile
from ports.incoming import FileGoneError, FileNotWholeError, Keeping, RawKeeper
from ports.raw_arrivals import ImageStore

__all__ = ["KeeperBench", "RawKeeperContract"]

_KEY = "Cam/94/2026-11-22T01:02:03.456#2/0/59134/r 1/a.fits"


class KeeperBench(abc.ABC):
    """A keeper, the store that it fills, and files for it."""

    keeper: RawKeeper
    store: ImageStore

    @abc.abstractmethod
    def write(self, name: str, content: str) -> FrameFile:
        """Write or rewrite a file."""

    @abc.abstractmethod
    def remove(self, name: str) -> None:
        """Take a file away."""


class RawKeeperContract:
    """Tests of `ports.incoming.RawKeeper`."""

    async def test_a_file_is_kept(self, keeping: KeeperBench) -> None:
        file = keeping.write("a", "1")
        assert await keeping.keeper.keep(file, _KEY) is Keeping.NEW
        found = await keeping.store.find(_KEY)
        assert found is not None
        assert list(await keeping.store.objects("Cam/")) == [found]

    async def test_keeping_it_again_changes_nothing(self, keeping: KeeperBench) -> None:
        file, copy = keeping.write("a", "1"), keeping.write("b", "1")
        await keeping.keeper.keep(file, _KEY)
        before = await keeping.store.find(_KEY)
        assert await keeping.keeper.keep(file, _KEY) is Keeping.SAME
        assert await keeping.keeper.keep(copy, _KEY) is Keeping.SAME
        assert await keeping.store.find(_KEY) == before

    async def test_other_contents_replace_nothing(self, keeping: KeeperBench) -> None:
        await keeping.keeper.keep(keeping.write("a", "1"), _KEY)
        before = await keeping.store.find(_KEY)
        assert await keeping.keeper.keep(keeping.write("b", "2"), _KEY) is Keeping.OTHER
        assert await keeping.store.find(_KEY) == before

    async def test_to_compare_keeps_nothing(self, keeping: KeeperBench) -> None:
        file = keeping.write("a", "1")
        assert await keeping.keeper.compare(file, _KEY) is Keeping.NEW
        assert await keeping.store.find(_KEY) is None
        await keeping.keeper.keep(file, _KEY)
        assert await keeping.keeper.compare(file, _KEY) is Keeping.SAME
        assert await keeping.keeper.compare(keeping.write("b", "2"), _KEY) is Keeping.OTHER

    async def test_what_is_kept_outlives_its_file(self, keeping: KeeperBench) -> None:
        file = keeping.write("a", "1")
        await keeping.keeper.keep(file, _KEY)
        before = await keeping.store.find(_KEY)
        keeping.write("a", "2")
        keeping.remove("a")
        assert await keeping.store.find(_KEY) == before

    async def test_a_file_that_is_gone_or_being_written_is_not_kept(self, keeping: KeeperBench) -> None:
        file = keeping.write("a", "1")
        with pytest.raises(FileNotWholeError):
            await keeping.keeper.keep(evolve(file, size=file.size + 1), _KEY)
        keeping.remove("a")
        with pytest.raises(FileGoneError):
            await keeping.keeper.keep(file, _KEY)
        assert await keeping.store.find(_KEY) is None

    async def test_a_sidecar_is_written_and_rewritten(self, keeping: KeeperBench) -> None:
        for number in (1, 2):
            await keeping.keeper.keep_sidecar("Cam/1/a.json", {"N": number})
            assert await keeping.store.sidecar("Cam/1/a.json") == {"N": number}
