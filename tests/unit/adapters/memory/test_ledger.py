"""The ledger and the claims in memory hold the contract."""

from typing import override

import pytest

from adapters.host.clock import SystemClock
from adapters.memory.ledger import MemoryClaims, MemoryLedger
from ports.ledger import Ledger
from tests.contract_suites.claims import ClaimsContract
from tests.contract_suites.ledger import LedgerBench, LedgerContract


class _Bench(LedgerBench):
    def __init__(self) -> None:
        self.ledger = MemoryLedger(SystemClock())
        self.claims = MemoryClaims(self.ledger)

    @override
    async def another(self) -> Ledger:
        return self.ledger


class TestMemoryLedger(LedgerContract):
    @pytest.fixture
    def bench(self) -> LedgerBench:
        return _Bench()


class TestMemoryClaims(ClaimsContract):
    @pytest.fixture
    def bench(self) -> LedgerBench:
        return _Bench()
