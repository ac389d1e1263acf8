"""The ledger and the claims in an SQLite file: the contract, and two processes at once."""

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.common.history import outcome_to_json
from adapters.sql.claim_store import SqlClaimStore
from adapters.sql.history_store import SqlHistoryStore
from application.ledger import StoredClaims
from domain.visit import Identity
from domain.work.attempts import Attempt
from domain.work.outcomes import Poisoned
from ports.ledger import LedgerUnavailableError
from tests.contract_suites.claims import ClaimsContract
from tests.contract_suites.ledger import IDENTITY, LedgerBench, LedgerContract, a_lease
from tests.unit.adapters.sql.benches import SqlLedgerBench


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[LedgerBench]:
    async with contextlib.AsyncExitStack() as stack:
        bench = SqlLedgerBench(f"sqlite:///{tmp_path}/ledger.db", stack)
        bench.ledger = await bench.another()
        yield bench


class TestSqliteLedger(LedgerContract):
    pass


class TestSqliteClaims(ClaimsContract):
    pass


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_text("not a database, by far" * 100)
    with pytest.raises(LedgerUnavailableError, match=r"ledger\.db"):
        async with SqlHistoryStore(str(path)):
            pass


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailableError, match="nowhere"):
        async with SqlHistoryStore(str(tmp_path / "nowhere" / "ledger.db")):
            pass


async def test_it_says_that_it_is_not_open(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailableError, match="not open"):
        await SqlHistoryStore(str(tmp_path / "ledger.db")).history(IDENTITY)


def test_claims_of_a_child_open_the_file(tmp_path: Path) -> None:
    with contextlib.closing(SqlClaimStore(str(tmp_path / "ledger.db"))) as store:
        StoredClaims(store).claim(Attempt(IDENTITY, 1), [1])


_TABLES_OF_VERSION_1 = """
CREATE TABLE history (
    instrument TEXT NOT NULL, visit_group TEXT NOT NULL, detector INTEGER NOT NULL,
    record TEXT NOT NULL, stored REAL NOT NULL, PRIMARY KEY (instrument, visit_group, detector)
) WITHOUT ROWID;
CREATE INDEX history_stored ON history (instrument, stored);
CREATE TABLE claim (
    instrument TEXT NOT NULL, exposure INTEGER NOT NULL, detector INTEGER NOT NULL,
    visit_group TEXT NOT NULL, attempt INTEGER NOT NULL, PRIMARY KEY (instrument, exposure, detector)
) WITHOUT ROWID;
CREATE TABLE unread (
    queue TEXT NOT NULL, entry TEXT NOT NULL, outcome TEXT NOT NULL, PRIMARY KEY (queue, entry)
) WITHOUT ROWID;
PRAGMA user_version = 1;
"""


async def test_a_file_of_an_older_release_is_upgraded_and_one_of_a_newer_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.executescript(_TABLES_OF_VERSION_1)
        other.execute("INSERT INTO unread VALUES ('q', '1', ?)", (outcome_to_json(Poisoned(reason="x")),))
        other.commit()
    for _ in range(2):
        async with SqlHistoryStore(str(path)) as store:
            await store.put_unreadable("q", "2", Poisoned(reason="y"))
            assert sorted(await store.unreadable("q")) == ["1", "2"]
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE ledger_version SET version = 3")
    with pytest.raises(LedgerUnavailableError, match="use the newer program"):
        async with SqlHistoryStore(str(path)):
            pass


async def test_a_group_of_any_characters_is_kept(bench: LedgerBench) -> None:
    for group in ("a\0b", "a\ud800b", "\ufffdjson", "'; DROP TABLE history; --", "é"):
        identity = Identity("LATISS", group, 4)
        await bench.ledger.begin(identity, "w", a_lease())
        assert [record.attempt.identity for record in await bench.ledger.history(identity)] == [identity]
    assert len(await bench.ledger.latest("LATISS")) == 5
