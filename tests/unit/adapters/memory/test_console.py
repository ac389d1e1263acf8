"""The night and the logs in memory hold the contract."""

import datetime
from typing import override

import pytest

from adapters.memory.console.night_board import MemoryLogArchive, MemoryNightBoard
from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.attempts import AttemptRecord
from ports.night_board import LogLine
from tests.contract_suites.log_archive import LogArchiveContract, LogBench
from tests.contract_suites.night_board import INSTRUMENT, NIGHT_BEGAN, NightBench, NightBoardContract


class _ToldNight(NightBench):
    def __init__(self) -> None:
        self.board: MemoryNightBoard = MemoryNightBoard(
            INSTRUMENT, datetime.date(2026, 3, 13), UtcSeconds(NIGHT_BEGAN)
        )

    @override
    async def tell(self, *records: AttemptRecord) -> None:
        self.board.tell(*records)

    @override
    async def end(self) -> None:
        self.board.end()


class TestMemoryNightBoard(NightBoardContract):
    @pytest.fixture
    def bench(self) -> NightBench:
        return _ToldNight()


class _Memory(LogBench):
    def __init__(self) -> None:
        self.archive: MemoryLogArchive = MemoryLogArchive()

    @override
    def log(self, identity: Identity, *lines: LogLine) -> None:
        self.archive.logged.setdefault(identity, []).extend(lines)


class TestMemoryLogArchive(LogArchiveContract):
    @pytest.fixture
    def bench(self) -> LogBench:
        return _Memory()
