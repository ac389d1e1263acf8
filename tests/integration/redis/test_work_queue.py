"""The queue on Redis: the contract, and what only a server can show."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.redis.connection import InvalidRedisUrlError
from adapters.redis.queue.fanned_out_visit import to_fields
from adapters.redis.queue.queue_upkeep import RedisQueueUpkeep
from adapters.redis.queue.work_queue import RedisWorkQueue
from ports.work_queue import Lease, LeaseLostError, QueueMissingError, QueueUnavailableError
from tests.contract_suites.samples import some_work
from tests.contract_suites.work_queue import WorkQueueContract
from tests.integration.redis.benches import GROUP, RedisQueueBench, a_stream

pytestmark = pytest.mark.slow


class TestRealServer(WorkQueueContract):
    @pytest.fixture
    async def bench(self, redis_url: str) -> AsyncIterator[RedisQueueBench]:
        async with RedisQueueBench(redis_url) as bench:
            yield bench


class TestFakeServer(WorkQueueContract):
    @pytest.fixture
    async def bench(self, fake_redis_url: str) -> AsyncIterator[RedisQueueBench]:
        async with RedisQueueBench(fake_redis_url) as bench:
            yield bench


@pytest.fixture
async def bench(redis_url: str) -> AsyncIterator[RedisQueueBench]:
    async with RedisQueueBench(redis_url) as bench:
        yield bench


async def _leased(queue: RedisWorkQueue) -> Lease:
    lease = await queue.lease(0.0)
    assert lease is not None
    return lease


async def _group(bench: RedisQueueBench) -> dict[str, Any]:
    groups: Any = await bench.raw.xinfo_groups(bench.stream)
    (found,) = [group for group in groups if group["name"] == GROUP]
    return dict(found)


async def test_a_missing_group_is_an_error_that_names_it(redis_url: str) -> None:
    stream = a_stream()
    queue = RedisWorkQueue(redis_url, stream=stream, group=GROUP, consumer="a", create=False)
    with pytest.raises(QueueMissingError, match=f"group {GROUP} of stream {stream}"):
        async with queue:
            pass
    upkeep = RedisQueueUpkeep(redis_url, stream=stream, group=GROUP)
    async with upkeep:
        assert await upkeep.put_back_expired() == 0
        assert await upkeep.trim() == 0
        assert (await upkeep.depth()).waiting == 0


async def test_a_group_that_vanishes_is_created_again(bench: RedisQueueBench) -> None:
    queue = await bench.consumer("a")
    await bench.add(1)
    old = await _leased(queue)
    await bench.raw.xgroup_destroy(bench.stream, GROUP)
    assert (await bench.upkeep.depth()).waiting == 1
    new = await _leased(queue)
    assert new.work == old.work
    await queue.leave()


async def test_what_another_fan_out_added_is_revision_1(bench: RedisQueueBench) -> None:
    fields: dict[Any, Any] = {**to_fields(some_work(4)), "private_revCode": "unheard of"}
    await bench.raw.xadd(bench.stream, fields)
    lease = await _leased(await bench.consumer("a"))
    assert (lease.work, lease.revision, lease.latest_revision) == (some_work(4), 1, 1)
    assert lease.enqueued == pytest.approx(float(lease.entry.partition("-")[0]) / 1000)


async def test_the_entry_holds_the_fields_of_the_contract_and_no_others(bench: RedisQueueBench) -> None:
    work = some_work(4)
    await bench.publisher.publish(work.visit, [4])
    queue = await bench.consumer("a")
    await queue.give_back(await _leased(queue))
    entries: Any = await bench.raw.xrange(bench.stream)
    assert [fields for _, fields in entries] == [to_fields(work)] * 2


async def test_lag_counts_what_is_put_back_but_nothing_that_is_leased(bench: RedisQueueBench) -> None:
    queue = await bench.consumer("a")
    await bench.add(1, 2, 3)
    assert (await _group(bench))["lag"] == 3
    for _ in range(3):
        await _leased(queue)
    assert (await _group(bench))["lag"] == 0
    await bench.outlive_lease()
    assert await bench.upkeep.put_back_expired() == 3
    await bench.upkeep.trim()
    group = await _group(bench)
    assert (group["lag"], group["pending"]) == (3, 0)
    await queue.acknowledge(await _leased(queue))
    await bench.upkeep.trim()
    assert (await _group(bench))["lag"] == 2
    assert await bench.raw.xlen(bench.stream) == 2


async def test_depth_is_right_though_the_server_lost_count(bench: RedisQueueBench) -> None:
    queue = await bench.consumer("a")
    await bench.add(1, 2, 3, 4)
    await queue.acknowledge(await _leased(queue))
    entries: Any = await bench.raw.xrange(bench.stream)
    await bench.raw.xdel(bench.stream, entries[2][0])
    assert (await _group(bench))["lag"] is None
    assert (await bench.upkeep.depth()).waiting == 2


async def test_a_consumer_that_left_is_gone_and_a_dead_one_is_in_time(bench: RedisQueueBench) -> None:
    leaver, holder = await bench.consumer("leaver"), await bench.consumer("holder")
    await bench.add(1, 2)
    await leaver.acknowledge(await _leased(leaver))
    await _leased(holder)
    await leaver.leave()
    await holder.leave()
    assert await _consumers(bench) == {"holder"}
    async with RedisQueueUpkeep(
        bench.url, stream=bench.stream, group=GROUP, lease_seconds=bench.lease_seconds, gone_seconds=0.0
    ) as upkeep:
        await asyncio.sleep(0.01)
        await upkeep.trim()
        assert await _consumers(bench) == {"holder"}
        await bench.outlive_lease()
        await upkeep.put_back_expired()
        await upkeep.trim()
    assert await _consumers(bench) == set()


async def _consumers(bench: RedisQueueBench) -> set[str]:
    consumers: Any = await bench.raw.xinfo_consumers(bench.stream, GROUP)
    return {consumer["name"] for consumer in consumers} - {".incarnation"}


async def test_nothing_is_trimmed_that_another_group_has_not_finished(bench: RedisQueueBench) -> None:
    queue = await bench.consumer("a")
    await bench.raw.xgroup_create(bench.stream, "others", "0")
    await bench.add(1, 2)
    for _ in range(2):
        await queue.acknowledge(await _leased(queue))
    assert await bench.upkeep.trim() == 0
    await bench.raw.xgroup_destroy(bench.stream, "others")
    assert await bench.upkeep.trim() == 2


async def test_an_entry_removed_while_it_is_leased_comes_back(bench: RedisQueueBench) -> None:
    queue, other = await bench.consumer("a"), await bench.consumer("b")
    await bench.add(1, 2, 3)
    leases = [await _leased(queue) for _ in range(3)]
    works = [lease.work for lease in leases]
    await bench.raw.xdel(bench.stream, *[lease.entry for lease in leases])
    assert await bench.upkeep.unfinished() == {work.identity for work in works if work}
    with pytest.raises(QueueUnavailableError, match="removed"):
        await queue.renew(leases[0])
    await queue.give_back(leases[1])
    await queue.acknowledge(leases[2])
    again = await _leased(other)
    assert (again.work, again.origin) == (works[1], leases[1].origin)
    await other.acknowledge(again)
    await bench.outlive_lease()
    again = await _leased(other)
    assert (again.work, again.origin, again.enqueued) == (works[0], leases[0].origin, leases[0].enqueued)
    with pytest.raises(LeaseLostError):
        await queue.renew(leases[0])
    await other.acknowledge(again)
    assert await bench.upkeep.unfinished() == set()
    assert (await bench.upkeep.depth()).leased == 0
    assert await bench.raw.hlen(f"{bench.stream}:leased") == 0


async def test_an_entry_removed_under_a_dead_worker_waits_again(bench: RedisQueueBench) -> None:
    queue = await bench.consumer("dead")
    await bench.add(1)
    lease = await _leased(queue)
    await bench.raw.xdel(bench.stream, lease.entry)
    await bench.outlive_lease()
    assert await bench.upkeep.put_back_expired() == 1
    assert (await bench.upkeep.depth()).waiting == 1
    again = await _leased(await bench.consumer("b"))
    assert (again.work, again.origin) == (lease.work, lease.origin)


async def test_a_removed_entry_that_nobody_can_read_is_set_aside_whole(bench: RedisQueueBench) -> None:
    queue = await bench.consumer("a")
    await bench.add_unreadable()
    lease = await _leased(queue)
    await bench.raw.xdel(bench.stream, lease.entry)
    await queue.set_aside(lease, lease.fault)
    answer: Any = await bench.raw.execute_command("XRANGE", f"{bench.stream}:dead", "-", "+", NEVER_DECODE=[])  # type: ignore[no-untyped-call]  # not annotated there
    assert b"\xff\xfe" in next(iter(answer))[1].values()


async def test_an_entry_that_was_leased_before_fields_were_kept_is_said_to_be_lost(
    bench: RedisQueueBench, caplog: pytest.LogCaptureFixture
) -> None:
    queue, other = await bench.consumer("a"), await bench.consumer("b")
    await bench.add(1)
    lease = await _leased(queue)
    await bench.raw.delete(f"{bench.stream}:leased")
    await bench.raw.xdel(bench.stream, lease.entry)
    await bench.outlive_lease()
    assert await other.lease(0.0) is None
    assert f"entry {lease.entry} was deleted from {bench.stream} while leased: lost" in caplog.text
    assert (await bench.upkeep.depth()).leased == 0


async def test_an_entry_with_thousands_of_fields_is_set_aside(bench: RedisQueueBench) -> None:
    queue = await bench.consumer("a")
    fields: dict[Any, Any] = {f"f{number}": "x" for number in range(9000)}
    await bench.raw.xadd(bench.stream, fields)
    lease = await _leased(queue)
    assert lease.work is None
    await bench.outlive_lease()
    assert await bench.upkeep.put_back_expired() == 0
    lease = await _leased(queue)
    await queue.set_aside(lease, lease.fault)
    assert await bench.dead() == [(lease.entry, lease.fault)]
    assert (await bench.upkeep.depth()).leased == 0


async def test_reasons_of_any_text_and_length_are_kept_in_part(bench: RedisQueueBench) -> None:
    queue = await bench.consumer("a")
    await bench.add(1)
    await queue.set_aside(await _leased(queue), "no file \udcff " + "x" * 100_000)
    ((_, reason),) = await bench.dead()
    assert reason.startswith("no file ")
    assert len(reason) < 5000


async def test_bytes_of_a_dead_letter_are_those_that_came(bench: RedisQueueBench) -> None:
    queue = await bench.consumer("a")
    await bench.add_unreadable()
    lease = await _leased(queue)
    await queue.set_aside(lease, lease.fault)
    answer: Any = await bench.raw.execute_command("XRANGE", f"{bench.stream}:dead", "-", "+", NEVER_DECODE=[])  # type: ignore[no-untyped-call]  # not annotated there
    assert b"\xff\xfe" in next(iter(answer))[1].values()


async def test_a_server_that_is_away_is_named_without_its_password() -> None:
    queue = RedisWorkQueue("redis://:sesame@127.0.0.1:1/0", stream="s", group="g", consumer="c", timeout=0.5)
    with pytest.raises(QueueUnavailableError, match=r"127\.0\.0\.1:1") as caught:
        async with queue:
            pass
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("url", ["127.0.0.1:6379", "http://127.0.0.1", "redis://:sesame@h:port/0"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InvalidRedisUrlError) as caught:
        RedisWorkQueue(url, stream="s", group="g", consumer="c")
    assert "sesame" not in str(caught.value)


async def test_a_group_that_nobody_uses_is_said_once(
    bench: RedisQueueBench, caplog: pytest.LogCaptureFixture
) -> None:
    misnamed = RedisQueueUpkeep(bench.url, stream=bench.stream, group="nobody")
    async with misnamed:
        assert await misnamed.trim() == 0
        assert "nobody" not in caplog.text
        await bench.consumer("a")
        for _ in range(3):
            assert await misnamed.trim() == 0
    assert caplog.text.count("nobody") == 1


async def _made_anew(bench: RedisQueueBench, how: str) -> None:
    match how:
        case "group":
            await bench.raw.xgroup_destroy(bench.stream, GROUP)
        case "group, by hand":
            await bench.raw.xgroup_destroy(bench.stream, GROUP)
            await bench.raw.xgroup_create(bench.stream, GROUP, "0")
        case "marker":
            await bench.raw.delete(f"{bench.stream}:incarnation")
        case "stream":
            await bench.raw.delete(bench.stream)
        case "server":
            await bench.raw.flushdb()


@pytest.mark.parametrize("how", ["group", "group, by hand", "marker", "stream", "server"])
async def test_whatever_is_made_anew_ends_all_leases(bench: RedisQueueBench, how: str) -> None:
    holder, other = await bench.consumer("holder"), await bench.consumer("other")
    await bench.add(1)
    old = await _leased(holder)
    await _made_anew(bench, how)
    if how in ("stream", "server"):
        await bench.add(1)
    elif how == "marker":
        await bench.outlive_lease()
    new = await _leased(other)
    assert (new.work, new.incarnation > old.incarnation) == (old.work, True)
    with pytest.raises(LeaseLostError):
        await holder.renew(old)
    await holder.acknowledge(old)
    await holder.set_aside(old, "late")
    await other.renew(new)
    assert ((await bench.upkeep.depth()).leased, await bench.dead()) == (1, [])


async def test_a_lease_that_a_group_made_anew_took_away_meanwhile_is_none(
    bench: RedisQueueBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = await bench.consumer("a")
    await bench.add(1)
    read = queue._read

    async def read_before_the_fault(remaining: float) -> Any:
        delivery = await read(remaining)
        monkeypatch.setattr(queue, "_read", read)
        await _made_anew(bench, "group, by hand")
        return delivery

    monkeypatch.setattr(queue, "_read", read_before_the_fault)
    lease = await queue.lease(5.0)
    assert lease is not None
    await queue.renew(lease)
    assert lease.times_leased == 1
