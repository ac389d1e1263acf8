"""Queue, publisher and control notes in an SQLite file hold the contracts."""

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import override

import pytest

from adapters.sqlite.control import SqliteControl
from adapters.sqlite.work_publisher import SqliteWorkPublisher
from adapters.sqlite.work_queue import SqliteQueueUpkeep, SqliteWorkQueue
from ports.work_queue import QueueUnavailableError, WorkQueue
from tests.contract_suites.control import ControlBench, ControlContract
from tests.contract_suites.samples import INSTRUMENT
from tests.contract_suites.work_publisher import PublisherBench, WorkPublisherContract
from tests.contract_suites.work_queue import QueueBench, WorkQueueContract

pytestmark = pytest.mark.slow


class _Bench(QueueBench):
    lease_seconds = 0.4

    def __init__(self, path: Path, stack: contextlib.AsyncExitStack) -> None:
        self._path = path
        self._stack = stack

    async def open(self) -> None:
        enter, address = self._stack.enter_async_context, str(self._path)
        self.publisher = await enter(SqliteWorkPublisher(address, instruments=[INSTRUMENT]))
        self.upkeep = await enter(
            SqliteQueueUpkeep(address, queue=INSTRUMENT, lease_seconds=self.lease_seconds)
        )

    @override
    async def consumer(self, name: str) -> WorkQueue:
        return await self._stack.enter_async_context(
            SqliteWorkQueue(
                str(self._path), queue=INSTRUMENT, consumer=name, lease_seconds=self.lease_seconds
            )
        )

    @override
    async def add_unreadable(self) -> None:
        with contextlib.closing(sqlite3.connect(self._path)) as other, other:
            other.execute(
                "INSERT INTO delivery (queue, enqueued, contents, revision) VALUES (?, 0, ?, 1)",
                (INSTRUMENT, '{"detector": '),
            )

    @override
    async def dead(self) -> Sequence[tuple[str, str]]:
        with contextlib.closing(sqlite3.connect(self._path)) as other:
            rows = other.execute("SELECT entry, reason FROM dead_letter ORDER BY entry").fetchall()
        return [(str(entry), reason) for entry, reason in rows]


class _PublisherBench(PublisherBench):
    publisher: SqliteWorkPublisher
    queue: SqliteWorkQueue
    notes: SqliteControl


class _ControlBench(ControlBench):
    keep_seconds = 1.0
    writer: SqliteControl
    notes: SqliteControl


@pytest.fixture
async def stack() -> AsyncIterator[contextlib.AsyncExitStack]:
    async with contextlib.AsyncExitStack() as stack:
        yield stack


class TestSqliteWorkQueue(WorkQueueContract):
    @pytest.fixture
    async def bench(self, tmp_path: Path, stack: contextlib.AsyncExitStack) -> QueueBench:
        bench = _Bench(tmp_path / "queue.db", stack)
        await bench.open()
        return bench


class TestSqliteWorkPublisher(WorkPublisherContract):
    @pytest.fixture
    async def bench(self, tmp_path: Path, stack: contextlib.AsyncExitStack) -> PublisherBench:
        enter, address = stack.enter_async_context, f"sqlite:///{tmp_path}/queue.db"
        bench = _PublisherBench()
        bench.publisher = await enter(SqliteWorkPublisher(address, instruments=[INSTRUMENT]))
        bench.queue = await enter(SqliteWorkQueue(address, queue=INSTRUMENT, consumer="eyes"))
        bench.notes = await enter(SqliteControl(address))
        return bench


class TestSqliteControl(ControlContract):
    @pytest.fixture
    async def bench(self, tmp_path: Path, stack: contextlib.AsyncExitStack) -> ControlBench:
        address = str(tmp_path / "queue.db")
        bench = _ControlBench()
        bench.writer = await stack.enter_async_context(SqliteControl(address, keep_seconds=1.0))
        bench.notes = await stack.enter_async_context(SqliteControl(address, keep_seconds=1.0))
        return bench


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    path.write_text("not a database, by far" * 100)
    with pytest.raises(QueueUnavailableError, match=r"queue\.db"):
        async with SqliteWorkQueue(str(path), queue="q", consumer="a"):
            pass
