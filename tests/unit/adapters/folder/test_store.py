"""The image store in a folder, and its keeper: the contracts, and what only files do."""

import asyncio
import gzip
import json
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, override

import pytest

from adapters.folder.files import frame_file
from adapters.folder.image_store import FolderImageStore
from adapters.folder.raw_keeper import FolderRawKeeper
from adapters.folder.raw_paths import ARRIVING
from domain.raws.frame_files import FrameFile
from ports.incoming import FrameUnreadableError, Keeping, RawKeeperUnavailableError
from ports.raw_arrivals import ImageStoreUnavailableError
from tests.contract_suites.fits_images import image_with
from tests.contract_suites.image_store import Bucket, ImageStoreContract
from tests.contract_suites.raw_keeper import KeeperBench, RawKeeperContract


class _Bucket(Bucket):
    store: FolderImageStore

    def __init__(self, folder: Path) -> None:
        self.store = FolderImageStore(folder)
        self.name = str(folder)

    @property
    @override
    def root(self) -> str:
        return Path(self.name).as_uri()

    @override
    async def put(self, key: str, cards: Mapping[str, Any] | None = None) -> None:
        path = Path(self.name, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(" " if cards is None else json.dumps(cards))

    @override
    async def put_image(self, key: str, cards: Mapping[str, Any]) -> None:
        Path(self.name, key).write_bytes(image_with(cards))


class _KeeperBench(KeeperBench):
    keeper: FolderRawKeeper
    store: FolderImageStore

    def __init__(self, folder: Path) -> None:
        self._incoming = folder / "incoming"
        self._incoming.mkdir()
        self.raws = folder / "raws"
        self.keeper = FolderRawKeeper(self.raws)
        self.store = FolderImageStore(self.raws)

    @override
    def write(self, name: str, content: str) -> FrameFile:
        path = self._incoming / name
        path.write_text(content)
        return frame_file(path)

    @override
    def remove(self, name: str) -> None:
        (self._incoming / name).unlink()


class TestFolderImageStore(ImageStoreContract):
    @pytest.fixture
    async def bucket(self, tmp_path: Path) -> AsyncIterator[_Bucket]:
        folder = tmp_path / "a b#ü"
        folder.mkdir()
        bucket = _Bucket(folder)
        async with bucket.store:
            yield bucket

    async def test_a_folder_that_is_away_is_not_an_empty_store(self, bucket: _Bucket) -> None:
        Path(bucket.name).rmdir()
        for look in (bucket.store.find, bucket.store.objects, bucket.store.folders, bucket.store.sidecar):
            with pytest.raises(ImageStoreUnavailableError, match="not there"):
                await look("Cam/1/")

    @pytest.mark.parametrize("key", ["../secret", "Cam/../../secret", "", "/etc/passwd", "Cam//a", "a\0b"])
    async def test_no_key_leads_out_of_the_folder(self, bucket: _Bucket, key: str) -> None:
        (Path(bucket.name).parent / "secret").write_text("{}")
        assert await bucket.store.find(key) is None
        assert list(await bucket.store.objects(f"{key}/")) == []
        assert list(await bucket.store.folders(f"{key}/")) == [] or not key


class TestFolderRawKeeper(RawKeeperContract):
    @pytest.fixture
    async def keeping(self, tmp_path: Path) -> AsyncIterator[_KeeperBench]:
        bench = _KeeperBench(tmp_path)
        async with bench.keeper, bench.store:
            yield bench

    async def test_a_copy_that_is_packed_is_the_same(self, keeping: _KeeperBench) -> None:
        await keeping.keeper.keep(keeping.write("a", "1"), "Cam/a")
        packed = keeping.write("a.gz", "")
        Path(packed.path).write_bytes(gzip.compress(b"1"))
        assert await keeping.keeper.compare(frame_file(Path(packed.path)), "Cam/a") is Keeping.SAME

    async def test_what_is_kept_shares_nothing_with_what_came(self, keeping: _KeeperBench) -> None:
        file = keeping.write("a", "1")
        await keeping.keeper.keep(file, "Cam/a")
        os.truncate(file.path, 0)
        Path(file.path).write_text("2")
        assert (keeping.raws / "Cam" / "a").read_text() == "1"

    @pytest.mark.parametrize(
        "key", ["../a", "Cam/./a", "Cam/" + "x" * 300, "Cam/a/b", "Cam", f"{ARRIVING}/a"]
    )
    async def test_a_key_that_no_file_can_have_is_refused(self, keeping: _KeeperBench, key: str) -> None:
        await keeping.keeper.keep(keeping.write("a", "1"), "Cam/a")
        with pytest.raises(FrameUnreadableError, match="its key cannot be kept"):
            await keeping.keeper.keep(keeping.write("b", "2"), key)
        assert [stored.key for stored in await keeping.store.objects("")] == ["Cam/a"]
        assert list((keeping.raws / ARRIVING).iterdir()) == []

    async def test_a_full_disk_leaves_nothing_behind(
        self, keeping: _KeeperBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        file = keeping.write("a", "1")
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            with pytest.raises(RawKeeperUnavailableError, match="No space left"):
                await keeping.keeper.keep(file, "Cam/a")
        assert list(await keeping.store.objects("")) == []
        assert await keeping.keeper.keep(file, "Cam/a") is Keeping.NEW

    async def test_nobody_sees_part_of_a_raw(self, keeping: _KeeperBench) -> None:
        file = keeping.write("a", "1" * 20_000_000)
        copying = asyncio.create_task(keeping.keeper.keep(file, "Cam/a"))
        sizes = set()
        while not copying.done():
            found = await keeping.store.find("Cam/a")
            sizes.add(None if found is None else found.size)
        assert await copying is Keeping.NEW
        assert sizes <= {None, file.size}

    async def test_what_a_killed_process_left_is_cleared_away(self, tmp_path: Path) -> None:
        left, new = (tmp_path / "raws" / ARRIVING / name for name in ("left", "new"))
        left.parent.mkdir(parents=True)
        left.touch()
        new.touch()
        os.utime(left, (1e9, 1e9))
        async with FolderRawKeeper(tmp_path / "raws"):
            assert list(left.parent.iterdir()) == [new]
