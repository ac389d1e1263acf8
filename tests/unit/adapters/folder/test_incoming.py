"""Watched folders: the contract, whatever writers do, and a folder that goes and comes back."""

import asyncio
import contextlib
import gzip
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, override

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from adapters.folder import watched_folder
from adapters.folder.incoming_files import FolderIncomingFiles
from adapters.folder.quiet_files import QuietFiles
from adapters.folder.watched_folder import WatchPolicy
from domain.raws.frame_files import FrameFile
from ports.incoming import IncomingFiles
from tests.contract_suites.incoming_files import IncomingBench, IncomingFilesContract

HEARING = WatchPolicy(quiet=0.1, check_every=0.1)
POLLING = WatchPolicy(quiet=0.1, check_every=0.1, poll_every=0.1, polling=True)


class _Bench(IncomingBench):
    silence = 0.5

    def __init__(self, folder: Path, policy: WatchPolicy, stack: contextlib.AsyncExitStack) -> None:
        self.folder = folder
        self._policy = policy
        self._stack = stack

    @override
    async def watch(self) -> IncomingFiles:
        return await self._stack.enter_async_context(FolderIncomingFiles([self.folder], self._policy))

    @override
    def write(self, name: str, content: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


@pytest.fixture(params=[HEARING, POLLING], ids=["hearing", "polling"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[_Bench]:
    folder = tmp_path / "incoming"
    folder.mkdir()
    async with contextlib.AsyncExitStack() as stack:
        yield _Bench(folder, request.param, stack)


class TestFolderIncomingFiles(IncomingFilesContract):
    pass


async def test_a_slow_writer_is_waited_for(bench: _Bench) -> None:
    incoming = await bench.watch()
    with (bench.folder / "a.fits").open("wb") as file:
        for _ in range(12):
            file.write(b"x" * 1000)
            file.flush()
            await asyncio.sleep(0.03)
    (found,) = await incoming.batch()
    assert found.size == 12_000


async def test_what_is_renamed_into_place_comes_under_its_name(bench: _Bench) -> None:
    incoming = await bench.watch()
    for name in (".a.fits.part", ".b.fits", "c.fits.tmp", "notes.txt"):
        bench.write(name, "1")
    await bench.nothing_more(incoming)
    (bench.folder / ".a.fits.part").rename(bench.folder / "a.fits")
    assert await bench.names(incoming, 1) == ["a.fits"]


async def test_what_is_packed_in_place_comes_in_both_forms(bench: _Bench) -> None:
    incoming = await bench.watch()
    bench.write("a.fits", "1")
    assert await bench.names(incoming, 1) == ["a.fits"]
    (bench.folder / "a.fits.gz").write_bytes(gzip.compress(b"1"))
    (bench.folder / "a.fits").unlink()
    assert await bench.names(incoming, 1) == ["a.fits.gz"]


async def test_folders_in_it_count_hidden_ones_do_not(bench: _Bench) -> None:
    incoming = await bench.watch()
    bench.write("2026-03-13/deep/a.fits", "1")
    bench.write(".snapshot/a.fits", "1")
    assert await bench.names(incoming, 1) == ["a.fits"]
    outside = bench.folder.parent / "night"
    outside.mkdir()
    (outside / "b.fits").write_text("2")
    outside.rename(bench.folder / "night")
    assert await bench.names(incoming, 1) == ["b.fits"]


async def test_whatever_way_the_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "incoming").symlink_to(tmp_path / "disk")
    monkeypatch.chdir(tmp_path / "disk")
    async with FolderIncomingFiles([Path("../disk/../site/incoming")], HEARING) as incoming:
        await asyncio.sleep(0.3)
        (tmp_path / "disk" / "a.fits").write_text("1")
        async with asyncio.timeout(5.0):
            (found,) = await incoming.batch()
    assert Path(found.path).samefile(tmp_path / "disk" / "a.fits")


async def test_a_time_of_long_ago_or_to_come_changes_nothing(bench: _Bench) -> None:
    incoming = await bench.watch()
    for name, time in (("old.fits", 1e9), ("future.fits", 4e9)):
        bench.write(name, "1")
        os.utime(bench.folder / name, (time, time))
    assert await bench.names(incoming, 2) == ["old.fits", "future.fits"]


async def test_a_folder_that_goes_and_comes_back_is_said_once(
    bench: _Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    incoming = await bench.watch()
    bench.write("a.fits", "1")
    assert await bench.names(incoming, 1) == ["a.fits"]
    bench.folder.rename(bench.folder.parent / "away")
    await bench.nothing_more(incoming)
    (bench.folder.parent / "away" / "b.fits").write_text("2")
    (bench.folder.parent / "away").rename(bench.folder)
    assert await bench.names(incoming, 1) == ["b.fits"]
    bench.write("c.fits", "3")
    assert await bench.names(incoming, 1) == ["c.fits"]
    said = [message for message in caplog.messages if "watched folder" in message]
    assert said == [
        f"watched folder {bench.folder} is not there: waiting for it",
        f"watched folder {bench.folder} is back",
    ]


async def test_a_folder_that_cannot_be_read_is_said_once_and_read_when_it_can(
    bench: _Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = os.walk

    def broken(top: Path, *, onerror: Callable[[OSError], None]) -> Iterator[Any]:
        onerror(OSError(5, "Input/output error", str(top)))
        yield from ()

    bench.write("a.fits", "1")
    with monkeypatch.context() as patched:
        patched.setattr(os, "walk", broken)
        incoming = await bench.watch()
        await bench.nothing_more(incoming)
    assert os.walk is walk
    assert await bench.names(incoming, 1) == ["a.fits"]
    assert caplog.messages == [f"watched folder {bench.folder} cannot be read, retrying: Input/output error"]


async def test_a_folder_in_it_that_cannot_be_read_is_said_once(
    bench: _Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = os.walk

    def broken(top: Path, *, onerror: Callable[[OSError], None]) -> Iterator[Any]:
        onerror(OSError(13, "Permission denied", f"{top}/private"))
        yield from walk(top)

    monkeypatch.setattr(os, "walk", broken)
    bench.write("a.fits", "1")
    incoming = await bench.watch()
    assert await bench.names(incoming, 1) == ["a.fits"]
    assert caplog.messages == [f"folder {bench.folder}/private is not looked into: Permission denied"]


async def test_without_the_kernels_word_the_folder_is_looked_through(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deaf(*_: object, **__: object) -> object:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(watched_folder, "awatch", deaf)
    async with FolderIncomingFiles([tmp_path], evolve(HEARING, poll_every=0.1)) as incoming:
        await asyncio.sleep(0.3)
        (tmp_path / "a.fits").write_text("1")
        async with asyncio.timeout(5.0):
            assert [Path(file.path).name for file in await incoming.batch()] == ["a.fits"]
    assert "is looked through every 0.1 s, the kernel does not tell of changes" in caplog.text


async def test_of_many_files_the_newest_come_first(bench: _Bench) -> None:
    for number in range(50):
        bench.write(f"{number}.fits", "1")
        os.utime(bench.folder / f"{number}.fits", (1e9 + number, 1e9 + number))
    incoming = await bench.watch()
    batches = [list(await incoming.batch()), list(await incoming.batch())]
    assert [len(batch) for batch in batches] == [32, 18]
    assert [file.modified for file in batches[0]] == [1e9 + number for number in range(18, 50)]
    assert [file.modified for file in batches[1]] == [1e9 + number for number in range(18)]


def a_file(version: int) -> FrameFile:
    return FrameFile(path="/a.fits", size=version, modified_ns=version)


@given(st.lists(st.tuples(st.floats(0.0, 3.0), st.integers(1, 3)), min_size=1, max_size=30))
def test_a_file_is_given_once_it_is_quiet_and_once_only(looks: list[tuple[float, int]]) -> None:
    """However looks and writes come one after another."""
    files, now, given_at = QuietFiles(1.0), 0.0, []
    seen: list[tuple[float, int]] = []
    for pause, version in looks:
        now += pause
        seen.append((now, version))
        given_at += [(now, file.size) for file in files.see([a_file(version)], now)]
    expected = []
    last_given, since, current = 0, 0.0, 0
    for time, version in seen:
        if version == last_given:
            current = 0
        elif version != current:
            current, since = version, time
        elif time - since >= 1.0:
            expected.append((time, version))
            last_given, current = version, 0
    assert given_at == expected
