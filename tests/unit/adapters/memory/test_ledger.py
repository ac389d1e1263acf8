"""The ledger and the claims in memory hold the contract."""

from typing import override

import pytest

from adapters.host.clock import SystemClock
from adapters.memory.history_store import MemoryClaimStore, MemoryHistoryStore
from application.ledger import StoredClaims, StoredLedger
from domain.visit import Identity
from ports.ledger import Ledger
from tests.contract_suites.claims import ClaimsContract
from tests.contract_suites.ledger import LedgerBench, LedgerContract


class _Bench(LedgerBench):
    def __init__(self) -> None:
        super().__init__()
        self._histories = MemoryHistoryStore(SystemClock())
        self.ledger = StoredLedger(self._histories, self.metrics)
        self.claims = self.lasting_claims(0.0)

    def lasting_claims(self, seconds: float) -> StoredClaims:
        return StoredClaims(MemoryClaimStore(self._histories), seconds)

    @override
    async def another(self) -> Ledger:
        return self.ledger

    @override
    async def plant(self, identity: Identity, text: str) -> None:
        self._histories.texts[identity] = text

    @override
    async def stored(self, identity: Identity) -> str | None:
        return self._histories.texts.get(identity)


class TestMemoryLedger(LedgerContract):
    @pytest.fixture
    def bench(self) -> LedgerBench:
        return _Bench()


class TestMemoryClaims(ClaimsContract):
    @pytest.fixture
    def bench(self) -> LedgerBench:
        return _Bench()
