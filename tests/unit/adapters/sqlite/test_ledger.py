"""The ledger and the claims in an SQLite file: the contract, and two processes at once."""

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import override

import pytest

from adapters.sqlite.claims import SqliteClaims
from adapters.sqlite.ledger import SqliteLedger
from ports.ledger import Ledger, LedgerUnavailableError
from tests.contract_suites.claims import ClaimsContract
from tests.contract_suites.ledger import IDENTITY, LedgerBench, LedgerContract, a_lease


class _Bench(LedgerBench):
    def __init__(self, address: str, stack: contextlib.AsyncExitStack) -> None:
        self._address = address
        self._stack = stack
        self.claims = stack.enter_context(SqliteClaims(address))

    @override
    async def another(self) -> Ledger:
        return await self._stack.enter_async_context(SqliteLedger(self._address))


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[LedgerBench]:
    async with contextlib.AsyncExitStack() as stack:
        bench = _Bench(f"sqlite:///{tmp_path / 'ledger.db'}", stack)
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
        async with SqliteLedger(str(path)):
            pass


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailableError, match="nowhere"):
        async with SqliteLedger(str(tmp_path / "nowhere" / "ledger.db")):
            pass


async def test_a_record_of_another_make_is_refused(tmp_path: Path) -> None:
    async with SqliteLedger(str(tmp_path / "ledger.db")) as ledger:
        await ledger.begin(IDENTITY, "a", a_lease())
        with (
            contextlib.closing(sqlite3.connect(tmp_path / "ledger.db")) as other,
            other,
        ):
            other.execute("UPDATE history SET record = '[]'")
        with pytest.raises(LedgerUnavailableError, match="detector 4"):
            await ledger.history(IDENTITY)


async def test_it_says_that_it_is_not_open(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailableError, match="not open"):
        await SqliteLedger(str(tmp_path / "ledger.db")).history(IDENTITY)
