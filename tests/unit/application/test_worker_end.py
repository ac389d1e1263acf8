"""How a worker ends, and what becomes of the visit that it is at (semantics 4, 5)."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import override

import pytest

from adapters.memory.queue.work_queue import MemoryWorkQueue
from adapters.memory.raws.image_store import MemoryImageStore
from adapters.memory.workspace import MemoryPipelines
from application.worker.work import Ending, Worker
from domain.visit import Identity
from domain.work.outcomes import Completed, FailedAfterChange, FailedBeforeChange, NoImages
from ports.ledger import AttemptRecord
from ports.work_queue import Lease
from tests.ledger_records import final_records
from tests.unit.application.night import INSTRUMENT, MemoryNight

pytestmark = pytest.mark.looptime

GROUP = "2026-03-14T02:15:07.310"
WORK = Identity(INSTRUMENT, GROUP, 4)


class Bench:
    """One worker at a visit whose images are there."""

    def __init__(self, **options: object) -> None:
        self.night = MemoryNight(workers=0, detectors=frozenset({4}), **options)  # type: ignore[arg-type]  # the night's own
        self.stop, self.abort = asyncio.Event(), asyncio.Event()
        self.worker: Worker = self.night.worker("first")

    async def announce(self, group: str = GROUP) -> None:
        visit = self.night.visit(group)
        await self.night.announcements.announce(visit)
        self.night.expose(visit, 4)

    def start(self) -> asyncio.Task[Ending]:
        return asyncio.create_task(self.worker.run(self.stop, self.abort))

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(600):
            while not is_so():
                await asyncio.sleep(0.1)

    async def history(self) -> list[AttemptRecord]:
        return list(await self.night.ledger.history(WORK))


def slow(step: str, seconds: float) -> dict[str, float]:
    return {"prepare": 1.0, "ingest": 0.2, "process": 1.0, "export": 0.5} | {step: seconds}


async def test_an_idle_worker_ends_at_once() -> None:
    bench = Bench()
    async with bench.night.running():
        running = bench.start()
        await asyncio.sleep(5)
        begin = asyncio.get_running_loop().time()
        bench.stop.set()
        assert await running is Ending.STOPPED
        assert asyncio.get_running_loop().time() - begin < 0.1


async def test_a_visit_that_ends_within_its_grace_is_completed() -> None:
    bench = Bench(durations=slow("process", 8.0))
    async with bench.night.running():
        await bench.announce()
        running = bench.start()
        await asyncio.sleep(3)
        bench.stop.set()
        assert await running is Ending.STOPPED
        [record] = await bench.history()
    assert isinstance(record.outcome, Completed)
    assert bench.night.queue.depth().waiting == bench.night.queue.depth().leased == 0


async def test_a_visit_that_takes_longer_is_handed_back_for_another_worker() -> None:
    bench = Bench(durations=slow("process", 60.0))
    async with bench.night.running():
        await bench.announce()
        running = bench.start()
        await asyncio.sleep(3)
        begin = asyncio.get_running_loop().time()
        bench.stop.set()
        assert await running is Ending.STOPPED
        assert 10 <= asyncio.get_running_loop().time() - begin < 12
        [record] = await bench.history()
        assert record.outcome == FailedBeforeChange(reason="the worker was told to stop")
        assert not record.final
        assert bench.night.queue.depth().waiting == 1
        bench.stop = asyncio.Event()
        bench.worker = bench.night.worker("second")
        running = bench.start()
        await asyncio.sleep(90)
        running.cancel()
        assert isinstance((await bench.history())[-1].outcome, Completed)


async def test_the_second_signal_takes_the_grace_away() -> None:
    bench = Bench(durations=slow("process", 60.0))
    async with bench.night.running():
        await bench.announce()
        running = bench.start()
        await asyncio.sleep(3)
        bench.stop.set()
        await asyncio.sleep(1)
        begin = asyncio.get_running_loop().time()
        bench.abort.set()
        assert await running is Ending.STOPPED
        assert asyncio.get_running_loop().time() - begin < 1
        [record] = await bench.history()
    assert record.outcome == FailedBeforeChange(reason="the worker was told to stop")
    assert bench.night.queue.depth().waiting == 1


async def test_what_was_exported_before_the_signal_is_not_taken_for_unfinished() -> None:
    """The grace ends during the export, which may go on for as long again."""
    bench = Bench(durations=slow("export", 15.0))
    async with bench.night.running():
        await bench.announce()
        running = bench.start()
        await asyncio.sleep(4)
        bench.stop.set()
        assert await running is Ending.STOPPED
        [record] = await bench.history()
    assert isinstance(record.outcome, Completed)


async def test_a_claim_makes_the_end_one_after_change() -> None:
    behaviour = MemoryPipelines(changing=frozenset({"SingleFrame"}))
    bench = Bench(durations=slow("export", 100.0), behaviour=behaviour)
    async with bench.night.running():
        await bench.announce()
        running = bench.start()
        await asyncio.sleep(4)
        bench.stop.set()
        assert await running is Ending.STOPPED
        [record] = await bench.history()
    assert isinstance(record.outcome, FailedAfterChange)
    assert record.final


@pytest.mark.parametrize("step", ["prepare", "ingest", "process"])
async def test_a_visit_that_takes_too_long_ends_and_the_next_is_processed(step: str) -> None:
    durations = slow(step, 100_000.0)
    bench = Bench(durations=durations)
    async with bench.night.running():
        await bench.announce()
        running = bench.start()
        await asyncio.sleep(610)
        [first, *_] = await bench.history()
        assert first.outcome == FailedBeforeChange(reason="took longer than 600 s")
        durations[step] = 1.0
        await asyncio.sleep(3000)
        await bench.announce("next")
        await asyncio.sleep(200)
        [record] = await bench.night.ledger.history(Identity(INSTRUMENT, "next", 4))
        assert isinstance(record.outcome, Completed)
        running.cancel()


async def test_work_goes_no_further_than_its_lease() -> None:
    """With the queue away nobody can renew: the work ends itself before somebody else begins it."""
    behaviour = MemoryPipelines(changing=frozenset({"SingleFrame"}))
    bench = Bench(durations=slow("process", 40.0), behaviour=behaviour, lease_seconds=30.0)
    async with bench.night.running():
        await bench.announce()
        running = bench.start()
        await asyncio.sleep(4)
        bench.night.queue.outage = "no route"
        await asyncio.sleep(60)
        [record] = await bench.history()
        assert isinstance(record.outcome, FailedBeforeChange)
        assert "lease was not renewed in time" in record.outcome.reason
        assert not await bench.night.ledger.has_claim(WORK)
        bench.night.queue.outage = ""
        await asyncio.sleep(200)
        records = await bench.history()
        assert [record.final for record in records] == [False, True]
        assert isinstance(records[-1].outcome, Completed)
        running.cancel()


async def test_a_lease_is_good_from_when_its_renewal_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue may have renewed it long before its answer comes."""
    renew = MemoryWorkQueue.renew

    async def renew_and_answer_late(queue: MemoryWorkQueue, lease: Lease) -> None:
        await renew(queue, lease)
        await asyncio.sleep(20)

    monkeypatch.setattr(MemoryWorkQueue, "renew", renew_and_answer_late)
    behaviour = MemoryPipelines(changing=frozenset({"SingleFrame"}))
    bench = Bench(durations=slow("process", 40.0), behaviour=behaviour, lease_seconds=30.0)
    async with bench.night.running():
        await bench.announce()
        running = bench.start()
        await asyncio.sleep(65)
        [record, *_] = await bench.history()
        assert isinstance(record.outcome, FailedBeforeChange)
        assert "lease was not renewed in time" in record.outcome.reason
        running.cancel()


async def test_no_work_begins_before_the_queue_has_confirmed_the_lease() -> None:
    bench = Bench(lease_seconds=30.0)
    async with bench.night.running():
        await bench.announce()
        running = bench.start()
        async with asyncio.timeout(10):
            while not bench.night.queue.depth().leased:
                await asyncio.sleep(0)
        bench.night.queue.outage = "no route"
        await asyncio.sleep(60)
        [record] = await bench.history()
        assert (record.outcome, record.stage) == (None, "")
        bench.night.queue.outage = ""
        await asyncio.sleep(200)
        [*_, record] = await bench.history()
        assert isinstance(record.outcome, Completed)
        running.cancel()


async def test_a_worker_recycles_after_its_number_of_visits_and_ends_when_idle() -> None:
    night = MemoryNight(workers=0, detectors=frozenset({4}))
    async with night.running():
        for group in ("1", "2", "3"):
            visit = night.visit(group)
            await night.announcements.announce(visit)
            night.expose(visit, 4)
        recycled = night.worker("recycled", recycle_after=2, idle_timeout=300.0)
        assert await recycled.run(asyncio.Event()) is Ending.RECYCLED
        assert len(await final_records(night.ledger, INSTRUMENT)) == 2
        idle = night.worker("idle", idle_timeout=300.0)
        assert await idle.run(asyncio.Event()) is Ending.IDLE
        assert len(await final_records(night.ledger, INSTRUMENT)) == 3
        assert 300 <= asyncio.get_running_loop().time() < 400


async def test_a_queue_out_of_reach_is_no_reason_to_end_badly() -> None:
    bench = Bench()
    async with bench.night.running():
        running = bench.start()
        await asyncio.sleep(5)
        bench.night.queue.outage = "no route"
        bench.stop.set()
        assert await running is Ending.STOPPED


async def test_images_are_looked_for_a_while_though_preparing_took_until_the_deadline() -> None:
    bench = Bench(durations=slow("prepare", 300.0), silent=True)
    visit = bench.night.visit(GROUP)
    async with bench.night.running():
        await bench.night.announcements.announce(visit)
        running = bench.start()
        await asyncio.sleep(303)
        bench.night.expose(visit, 4)
        await asyncio.sleep(17)
        [record] = await bench.history()
        assert isinstance(record.outcome, Completed)
        running.cancel()


class WatchedStore(MemoryImageStore):
    """Remembers when it was looked into."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: list[float] = []

    @override
    async def folders(self, prefix: str) -> Sequence[str]:
        now = asyncio.get_running_loop().time()
        if now not in self.looks:
            self.looks.append(now)
        return await super().folders(prefix)


async def test_the_store_is_looked_into_at_growing_pauses_and_closely_in_the_end() -> None:
    bench = Bench(silent=True)
    bench.night.images = store = WatchedStore()
    bench.worker = bench.night.worker("first")
    async with bench.night.running():
        await bench.night.announcements.announce(bench.night.visit(GROUP))
        running = bench.start()
        await asyncio.sleep(150)
        [record] = await bench.history()
        assert isinstance(record.outcome, NoImages)
        running.cancel()
    pauses = [round(after - before, 1) for before, after in itertools.pairwise(store.looks)]
    assert pauses[:4] == [2.0, 4.0, 8.0, 15.0]
    assert max(pauses) == 15.0
    assert pauses[-3:-1] == [1.0, 1.0]
    end = store.looks[0] + record.outcome.waited
    assert [look > end - 3.1 for look in store.looks[-4:]] == [True] * 4


async def test_images_that_are_there_count_though_preparing_took_until_the_deadline() -> None:
    bench = Bench(durations=slow("prepare", 300.0))
    async with bench.night.running():
        await bench.announce()
        running = bench.start()
        await asyncio.sleep(320)
        [record] = await bench.history()
        assert isinstance(record.outcome, Completed)
        running.cancel()
