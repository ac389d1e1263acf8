"""The journal of frames and the index of raws in an SQLite file hold the contracts, and survive."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import override

import pytest

from adapters.sqlite.frame_journal import SqliteFrameJournal
from adapters.sqlite.raw_index import SqliteRawIndex
from application.raw_lookup import IndexLookup
from ports.incoming import FrameJournal, FrameJournalUnavailableError
from ports.raw_index import RawIndex, RawIndexUnavailableError, RawSlot
from tests.contract_suites.frame_journal import FrameJournalContract, a_file, a_record
from tests.contract_suites.raw_index import RawIndexContract, a_slot
from tests.contract_suites.raw_lookup import Microservice, RawLookupContract
from tests.contract_suites.samples import an_exposure


class TestSqliteFrameJournal(FrameJournalContract):
    @pytest.fixture
    async def journal(self, tmp_path: Path) -> AsyncIterator[FrameJournal]:
        async with SqliteFrameJournal(f"sqlite:///{tmp_path}/work.db") as journal:
            yield journal

    async def test_it_survives_its_process(self, tmp_path: Path) -> None:
        record = a_record(a_file(), an_exposure())
        async with SqliteFrameJournal(str(tmp_path / "work.db")) as journal:
            await journal.note(record)
        async with SqliteFrameJournal(str(tmp_path / "work.db")) as journal:
            assert await journal.find(a_file()) == record

    async def test_it_says_that_it_is_not_open(self, tmp_path: Path) -> None:
        with pytest.raises(FrameJournalUnavailableError, match="not open"):
            await SqliteFrameJournal(str(tmp_path / "work.db")).find(a_file())


class TestSqliteRawIndex(RawIndexContract):
    @pytest.fixture
    async def index(self, tmp_path: Path) -> AsyncIterator[RawIndex]:
        async with SqliteRawIndex(f"sqlite:///{tmp_path}/work.db") as index:
            yield index

    async def test_entries_are_forgotten_after_their_lifetime(self, tmp_path: Path) -> None:
        address = str(tmp_path / "work.db")
        async with SqliteRawIndex(address) as index, SqliteRawIndex(address, lifetime=0.0) as forgetful:
            await index.put({a_slot(): "file:///b/1"})
            assert list(await forgetful.find([a_slot()])) == [None]
            assert list(await index.find([a_slot()])) == ["file:///b/1"]
            await forgetful.put({a_slot(snap=1): "file:///b/2"})
            assert list(await index.find([a_slot()])) == [None]


class _Lookup(Microservice):
    def __init__(self, index: SqliteRawIndex) -> None:
        self._index = index
        self.lookup = IndexLookup(index)

    @override
    async def index(self, group: str, snap: int, uri: str) -> None:
        await self._index.put({RawSlot("LSSTCam", group, snap, "R22_S11"): uri})

    @override
    async def fail(self) -> None:
        await self._index.close()


class TestLookupInSqlite(RawLookupContract):
    @pytest.fixture
    async def microservice(self, tmp_path: Path) -> AsyncIterator[Microservice]:
        async with SqliteRawIndex(f"sqlite:///{tmp_path}/work.db") as index:
            yield _Lookup(index)


async def test_a_file_of_a_newer_version_is_refused_and_one_without_version_is_used(tmp_path: Path) -> None:
    path, record = tmp_path / "work.db", a_record(a_file(), an_exposure())
    async with SqliteFrameJournal(str(path)) as journal:
        await journal.note(record)
    with closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute("PRAGMA user_version = 0")
    async with SqliteFrameJournal(str(path)) as journal:
        assert await journal.find(a_file()) == record
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (version,)
        connection.execute(f"PRAGMA user_version = {version + 1}")
    with pytest.raises(FrameJournalUnavailableError, match=r"work\.db: its tables are of version 2"):
        async with SqliteFrameJournal(str(path)):
            pass


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "work.db"
    path.write_text("not a database, by far" * 100)
    with pytest.raises(RawIndexUnavailableError, match=r"work\.db"):
        async with SqliteRawIndex(str(path)):
            pass
