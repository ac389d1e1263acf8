"""The server is killed in the middle, and comes back on what it had written."""

import asyncio
import collections
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from adapters.redis.queue.control import RedisControlNotes, RedisControlWriter
from adapters.redis.queue.queue_upkeep import RedisQueueUpkeep
from adapters.redis.queue.work_publisher import RedisWorkPublisher
from adapters.redis.queue.work_queue import RedisWorkQueue
from domain.visit import Cancellation, Identity
from domain.work.outcomes import Completed
from ports.control import ControlUnavailableError
from ports.ledger import ClaimedElsewhereError, Claims, Ledger, LedgerUnavailableError, NotTheHolderError
from ports.work_queue import Lease, QueueUnavailableError
from tests.contract_suites.control import read
from tests.contract_suites.ledger import IDENTITY, a_lease
from tests.contract_suites.samples import INSTRUMENT, a_visit, some_work
from tests.integration.redis.benches import GROUP, redis_claims, redis_ledger
from tests.integration.redis.faults import RestartingRedis
from tests.ledger_records import final_records

pytestmark = pytest.mark.slow

_STREAM = "instrument:restarted"
_AWAY = (QueueUnavailableError, LedgerUnavailableError, ControlUnavailableError)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RestartingRedis]:
    with RestartingRedis(tmp_path) as server:
        yield server


async def _restart(server: RestartingRedis, pause: float = 0.05) -> None:
    await asyncio.to_thread(server.kill)
    await asyncio.sleep(pause)
    await asyncio.to_thread(server.start)


async def _until_done[T](call: Callable[[], Awaitable[T]]) -> T:
    """Repeat a call until the server answers it."""
    async with asyncio.timeout(20.0):
        while True:
            try:
                return await call()
            except _AWAY:
                await asyncio.sleep(0.02)


def _queue(server: RestartingRedis, consumer: str, lease_seconds: float = 60.0) -> RedisWorkQueue:
    return RedisWorkQueue(
        server.url, stream=_STREAM, group=GROUP, consumer=consumer, lease_seconds=lease_seconds
    )


async def test_a_lease_outlives_the_server(server: RestartingRedis) -> None:
    publisher = RedisWorkPublisher(server.url, streams={INSTRUMENT: _STREAM})
    async with publisher, _queue(server, "holder") as holder, _queue(server, "other") as other:
        await publisher.publish(a_visit(), [4])
        lease = await holder.lease(1.0)
        assert lease is not None
        await _restart(server)
        await _until_done(lambda: holder.renew(lease))
        assert await _until_done(lambda: other.lease(0.1)) is None
        await holder.acknowledge(lease)
        assert (await publisher.publish(a_visit(), [4])).copies == 0


async def test_who_waits_learns_of_it_and_may_wait_again(server: RestartingRedis) -> None:
    async with _queue(server, "a") as queue:
        waiting = asyncio.create_task(queue.lease(60.0))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(server.kill)
        with pytest.raises(QueueUnavailableError):
            async with asyncio.timeout(5.0):
                await waiting
        await asyncio.to_thread(server.start)
        async with RedisWorkPublisher(server.url, streams={INSTRUMENT: _STREAM}) as publisher:
            await publisher.put_again(some_work(4))
        lease = await _until_done(lambda: queue.lease(5.0))
        assert lease is not None
        assert lease.work == some_work(4)


async def test_what_the_ledger_and_the_claims_said_stands(server: RestartingRedis) -> None:
    async with redis_ledger(server.url) as ledger:
        with redis_claims(server.url) as claims:
            old = await ledger.begin(IDENTITY, "a", a_lease())
            claims.claim(old.attempt, [1])
            await _restart(server)
            new = await _until_done(lambda: ledger.begin(IDENTITY, "b", a_lease(times=2)))
            assert (new.attempt, new.final) == (old.attempt, True)
            with pytest.raises(ClaimedElsewhereError):
                claims.claim(old.attempt, [2])


async def test_notes_are_followed_without_a_gap(server: RestartingRedis) -> None:
    streams = {INSTRUMENT: _STREAM}
    notes = [Cancellation(sal_index=1, script_sal_index=1, group=f"g{number}") for number in range(6)]
    async with (
        RedisControlWriter(server.url, streams=streams) as writer,
        RedisControlNotes(server.url, stream=_STREAM, retry_delay=0.05) as reader,
    ):
        following = reader.follow()
        await writer.put(notes[0])
        assert await read(following, 1) == notes[:1]
        reading = asyncio.create_task(read(following, 5))
        await asyncio.sleep(0.05)
        await _restart(server)
        for note in notes[1:]:
            await _until_done(lambda note=note: writer.put(note))  # type: ignore[misc]  # lambdas bind late
        assert await reading == notes[1:]


async def test_visits_published_across_restarts_are_whole(server: RestartingRedis) -> None:
    groups, detectors = [f"g{number}" for number in range(40)], range(50)

    async def publish_all() -> None:
        async with RedisWorkPublisher(server.url, streams={INSTRUMENT: _STREAM}) as publisher:
            for group in groups:
                visit = a_visit(group)
                await _until_done(lambda visit=visit: publisher.publish(visit, detectors))  # type: ignore[misc]  # as above
                await asyncio.sleep(0.01)

    publishing = asyncio.create_task(publish_all())
    for _ in range(3):
        await asyncio.sleep(0.1)
        await _restart(server)
    await publishing
    async with redis.asyncio.from_url(server.url, decode_responses=True) as client:
        entries: Any = await client.xrange(_STREAM)
    found = collections.Counter((fields["groupId"], int(fields["detector"])) for _, fields in entries)
    assert found == {(group, detector): 1 for group in groups for detector in detectors}


async def test_work_done_across_restarts_is_done_once(server: RestartingRedis) -> None:
    groups, detectors = [f"g{number}" for number in range(10)], range(10)
    changes: list[Identity] = []
    async with (
        RedisWorkPublisher(server.url, streams={INSTRUMENT: _STREAM}) as publisher,
        RedisQueueUpkeep(server.url, stream=_STREAM, group=GROUP, lease_seconds=10.0) as upkeep,
        redis_ledger(server.url) as ledger,
    ):
        for group in groups:
            await publisher.publish(a_visit(group), detectors)
        all_connected = asyncio.Barrier(4)
        working = [
            asyncio.create_task(_work(server, f"w{number}", changes, all_connected)) for number in range(3)
        ]
        await all_connected.wait()
        for _ in range(3):
            await asyncio.sleep(0.15)
            await _restart(server)
        await asyncio.gather(*working)
        assert collections.Counter(changes) == {
            Identity(INSTRUMENT, group, detector): 1 for group in groups for detector in detectors
        }
        finals = await final_records(ledger, INSTRUMENT)
        assert {record.attempt.identity for record in finals} == set(changes)
        assert {record.outcome for record in finals} == {Completed(pipeline="p")}
        depth = await upkeep.depth()
        assert (depth.waiting, depth.leased, depth.dead) == (0, 0, 0)
        assert await upkeep.trim() == len(changes)


async def _work(
    server: RestartingRedis, name: str, changes: list[Identity], all_connected: asyncio.Barrier
) -> None:
    """Work until nothing comes for a while, saying everything again that was not answered."""
    async with _queue(server, name, lease_seconds=10.0) as queue, redis_ledger(server.url) as ledger:
        with redis_claims(server.url) as claims:
            await all_connected.wait()
            while (lease := await _until_done(lambda: queue.lease(2.5))) is not None:
                with contextlib.suppress(NotTheHolderError, ClaimedElsewhereError):
                    await _see_through(lease, name, ledger, claims, changes)
                await _until_done(lambda lease=lease: queue.acknowledge(lease))  # type: ignore[misc]  # as above


async def _see_through(
    lease: Lease, name: str, ledger: Ledger, claims: Claims, changes: list[Identity]
) -> None:
    assert lease.work is not None
    identity = lease.work.identity
    record = await _until_done(lambda: ledger.begin(identity, name, lease))
    if record.final:
        return
    exposure = 1000 + int(identity.group[1:])

    async def claim() -> None:
        await asyncio.to_thread(claims.claim, record.attempt, [exposure])

    await _until_done(claim)
    changes.append(identity)
    await _until_done(lambda: ledger.record(record.attempt, Completed(pipeline="p"), final=True))
