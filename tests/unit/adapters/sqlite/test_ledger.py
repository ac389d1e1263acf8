"""The ledger and the claims in an SQLite file: the contract, and two processes at once."""

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import override

import pytest

from adapters.sqlite.claim_store import SqliteClaimStore
from adapters.sqlite.history_store import SqliteHistoryStore
from application.ledger import StoredClaims, StoredLedger
from domain.visit import Identity
from domain.work.attempts import Attempt
from ports.ledger import Ledger, LedgerUnavailableError
from tests.contract_suites.claims import ClaimsContract
from tests.contract_suites.ledger import IDENTITY, LedgerBench, LedgerContract


class _Bench(LedgerBench):
    def __init__(self, path: Path, stack: contextlib.AsyncExitStack) -> None:
        super().__init__()
        self._path = path
        self._stack = stack
        self._claim_store = stack.enter_context(SqliteClaimStore(f"sqlite:///{path}"))
        self.claims = self.lasting_claims(0.0)

    @override
    def lasting_claims(self, seconds: float) -> StoredClaims:
        return StoredClaims(self._claim_store, seconds)

    async def another(self) -> Ledger:
        store = await self._stack.enter_async_context(SqliteHistoryStore(f"sqlite:///{self._path}"))
        return StoredLedger(store, self.metrics)

    @override
    async def plant(self, identity: Identity, text: str) -> None:
        with contextlib.closing(sqlite3.connect(self._path)) as other, other:
            other.execute(
                "UPDATE history SET record = ? WHERE instrument = ? AND visit_group = ? AND detector = ?",
                (text, identity.instrument, identity.group, identity.detector),
            )

    @override
    async def stored(self, identity: Identity) -> str | None:
        with contextlib.closing(sqlite3.connect(self._path)) as other:
            found = other.execute(
                "SELECT record FROM history WHERE instrument = ? AND visit_group = ? AND detector = ?",
                (identity.instrument, identity.group, identity.detector),
            ).fetchone()
        return None if found is None else str(found[0])


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[LedgerBench]:
    async with contextlib.AsyncExitStack() as stack:
        bench = _Bench(tmp_path / "ledger.db", stack)
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
        async with SqliteHistoryStore(str(path)):
            pass


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailableError, match="nowhere"):
        async with SqliteHistoryStore(str(tmp_path / "nowhere" / "ledger.db")):
            pass


async def test_it_says_that_it_is_not_open(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailableError, match="not open"):
        await SqliteHistoryStore(str(tmp_path / "ledger.db")).history(IDENTITY)


def test_claims_of_a_child_open_the_file(tmp_path: Path) -> None:
    with contextlib.closing(SqliteClaimStore(str(tmp_path / "ledger.db"))) as store:
        StoredClaims(store).claim(Attempt(IDENTITY, 1), [1])
