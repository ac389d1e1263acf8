"""Queue, publisher and control notes in an SQLite file hold the contracts."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import override

import pytest

from adapters.sqlite.control import SqliteControl
from adapters.sqlite.dead_letters import SqliteWorkLetters
from adapters.sqlite.work_publisher import SqliteWorkPublisher
from adapters.sqlite.work_queue import SqliteQueueUpkeep, SqliteWorkQueue
from domain.times import TaiSeconds, UtcSeconds, tai_from_utc
from ports.work_publisher import Novelty, Published
from ports.work_queue import QueueUnavailableError, WorkQueue
from tests.contract_suites.control import ControlBench, ControlContract
from tests.contract_suites.dead_letters import DeadLettersContract
from tests.contract_suites.samples import INSTRUMENT, a_visit
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


class TestSqliteWorkLetters(DeadLettersContract):
    @pytest.fixture
    async def bench(self, tmp_path: Path, stack: contextlib.AsyncExitStack) -> QueueBench:
        bench = _Bench(tmp_path / "queue.db", stack)
        await bench.open()
        return bench

    @pytest.fixture
    async def letters(self, tmp_path: Path, stack: contextlib.AsyncExitStack) -> SqliteWorkLetters:
        letters = SqliteWorkLetters(str(tmp_path / "queue.db"), queue=INSTRUMENT)
        return await stack.enter_async_context(letters)


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


@pytest.fixture
async def mixed(tmp_path: Path, stack: contextlib.AsyncExitStack) -> SqliteWorkQueue:
    """Make a queue with detectors 1, 3 and 5 of this night, and before each one of a night long past."""
    address = str(tmp_path / "queue.db")
    publisher = await stack.enter_async_context(
        SqliteWorkPublisher(address, instruments=[INSTRUMENT], old_after=7200.0)
    )
    for number in range(6):
        age = 100.0 if number % 2 else 7300.0
        start = tai_from_utc(UtcSeconds(time.time() - age))
        await publisher.publish(a_visit(f"g{number}", start_time=start), [number])
    return await stack.enter_async_context(
        SqliteWorkQueue(address, queue=INSTRUMENT, consumer="a", lease_seconds=0.2)
    )


async def _detectors(queue: SqliteWorkQueue, count: int) -> list[int]:
    leases = [await queue.lease(0.0) for _ in range(count)]
    return [lease.work.detector for lease in leases if lease is not None and lease.work is not None]


async def test_old_work_is_leased_after_new_work(mixed: SqliteWorkQueue) -> None:
    assert await _detectors(mixed, 6) == [1, 3, 5, 0, 2, 4]


async def test_a_start_that_is_no_time_is_queued_all_the_same(
    tmp_path: Path, stack: contextlib.AsyncExitStack
) -> None:
    address = str(tmp_path / "queue.db")
    publisher = await stack.enter_async_context(
        SqliteWorkPublisher(address, instruments=[INSTRUMENT], old_after=7200.0)
    )
    await publisher.publish(a_visit(start_time=TaiSeconds(-1e12)), [4])
    queue = await stack.enter_async_context(SqliteWorkQueue(address, queue=INSTRUMENT, consumer="a"))
    lease = await queue.lease(0.0)
    assert lease is not None
    assert "startTime" in lease.fault


async def test_of_visits_made_of_headers_the_first_counts(
    tmp_path: Path, stack: contextlib.AsyncExitStack
) -> None:
    address = str(tmp_path / "queue.db")
    publisher = await stack.enter_async_context(
        SqliteWorkPublisher(address, instruments=[INSTRUMENT], is_first_final=True)
    )
    first = a_visit()
    await publisher.publish(first, [4])
    again = await publisher.publish(a_visit(position=(150.0, 2.3)), [5])
    assert again == Published(novelty=Novelty.REPEATED, revision=1, copies=0)
    assert await publisher.announced(INSTRUMENT, first.group) == first


async def test_old_work_that_is_given_back_stays_old(mixed: SqliteWorkQueue) -> None:
    new = [await mixed.lease(0.0) for _ in range(3)]
    old = await mixed.lease(0.0)
    for lease in (old, new[2], new[0]):
        assert lease is not None
        await mixed.give_back(lease)
    assert await _detectors(mixed, 5) == [5, 1, 2, 4, 0]


async def test_old_work_whose_lease_expired_waits_for_new_work(mixed: SqliteWorkQueue) -> None:
    assert await _detectors(mixed, 4) == [1, 3, 5, 0]
    await asyncio.sleep(0.3)
    assert await _detectors(mixed, 4) == [1, 3, 5, 0]
    assert await _detectors(mixed, 2) == [2, 4]


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    path.write_text("not a database, by far" * 100)
    with pytest.raises(QueueUnavailableError, match=r"queue\.db"):
        async with SqliteWorkQueue(str(path), queue="q", consumer="a"):
            pass
