"""The bench of the ledger's contracts on an SQL database."""

import contextlib
from typing import override

import sqlalchemy as sa

from adapters.sql.claim_store import SqlClaimStore
from adapters.sql.history_store import SqlHistoryStore
from application.ledger import StoredClaims, StoredLedger
from domain.visit import Identity
from ports.ledger import Ledger
from tests.contract_suites.ledger import LedgerBench

__all__ = ["SqlLedgerBench"]

_WHERE = "WHERE instrument = :instrument AND visit_group = :visit_group AND detector = :detector"


class SqlLedgerBench(LedgerBench):
    def __init__(self, address: str, stack: contextlib.AsyncExitStack) -> None:
        super().__init__()
        self.address = address
        self._stack = stack
        self._claim_store = stack.enter_context(SqlClaimStore(address))
        self.claims = self.lasting_claims(0.0)

    @override
    def lasting_claims(self, seconds: float) -> StoredClaims:
        return StoredClaims(self._claim_store, seconds)

    @override
    async def another(self) -> Ledger:
        store = await self._stack.enter_async_context(SqlHistoryStore(self.address))
        return StoredLedger(store, self.metrics)

    @override
    async def plant(self, identity: Identity, text: str) -> None:
        self.run(f"UPDATE history SET record = :text {_WHERE}", text=text, **_key(identity))  # noqa: S608 - ours

    @override
    async def stored(self, identity: Identity) -> str | None:
        [found] = self.run(f"SELECT max(record) FROM history {_WHERE}", **_key(identity))  # noqa: S608 - ours
        return found

    def run(self, statement: str, **values: str | float) -> list[str | None]:
        """Run a statement beside the ledger; returns the first column of what it finds."""
        engine = sa.create_engine(self.address)
        with engine.begin() as connection:
            done = connection.execute(sa.text(statement), values)
            found = [row[0] for row in done] if done.returns_rows else []
        engine.dispose()
        return found


def _key(identity: Identity) -> dict[str, str | int]:
    return {
        "instrument": identity.instrument,
        "visit_group": identity.group,
        "detector": identity.detector,
    }
