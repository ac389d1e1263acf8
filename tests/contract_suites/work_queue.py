"""What every queue of visit-detectors must hold, in memory and for real."""

import abc
import asyncio
from collections.abc import Sequence

import pytest

from ports.work_publisher import WorkPublisher
from ports.work_queue import Lease, LeaseLostError, QueueUpkeep, WorkQueue
from tests.contract_suites.samples import INSTRUMENT, some_work

__all__ = ["QueueBench", "WorkQueueContract"]


class QueueBench(abc.ABC):
    """A fresh queue, with everything around it that a test touches."""

    publisher: WorkPublisher
    upkeep: QueueUpkeep
    lease_seconds: float

    @abc.abstractmethod
    async def consumer(self, name: str) -> WorkQueue:
        """Make a consumer; the bench closes it."""

    @abc.abstractmethod
    async def add_unreadable(self) -> None:
        """Add a delivery that holds no visit."""

    @abc.abstractmethod
    async def dead(self) -> Sequence[tuple[str, str]]:
        """List entry and reason of each dead letter."""

    async def outlive_lease(self) -> None:
        """Let the time of a lease pass."""
        await asyncio.sleep(self.lease_seconds * 1.3)

    async def add(self, *detectors: int, group: str = "g") -> None:
        """Add work, one visit a detector."""
        for detector in detectors:
            await self.publisher.put_again(some_work(detector, group))


async def _leased(queue: WorkQueue, wait: float = 0.0) -> Lease:
    lease = await queue.lease(wait)
    assert lease is not None
    return lease


def _detector(lease: Lease) -> int:
    assert lease.work is not None
    return lease.work.detector


_VERBS = ("acknowledge", "give_back", "postpone", "set_aside")


class WorkQueueContract:
    """Tests of `ports.work_queue.WorkQueue` and `ports.work_queue.QueueUpkeep`."""

    async def test_an_empty_queue_gives_nothing(self, bench: QueueBench) -> None:
        queue = await bench.consumer("a")
        assert await queue.lease(0.0) is None
        assert await queue.lease(0.01) is None

    async def test_work_comes_whole_and_in_order(self, bench: QueueBench) -> None:
        queue = await bench.consumer("a")
        await bench.add(3, 1, 2)
        leases = [await _leased(queue) for _ in range(3)]
        assert [lease.work for lease in leases] == [some_work(number, "g") for number in (3, 1, 2)]
        assert [lease.revision for lease in leases] == [1, 1, 1]
        assert [lease.times_leased for lease in leases] == [1, 1, 1]
        assert len({lease.entry for lease in leases}) == 3
        assert await queue.lease(0.0) is None

    async def test_each_delivery_goes_to_one_consumer(self, bench: QueueBench) -> None:
        queues = [await bench.consumer(f"c{number}") for number in range(4)]
        await bench.add(*range(20))

        async def drain(queue: WorkQueue) -> list[int]:
            found = []
            while (lease := await queue.lease(0.0)) is not None:
                found.append(_detector(lease))
                await queue.acknowledge(lease)
            return found

        found = await asyncio.gather(*[drain(queue) for queue in queues])
        assert sorted(number for part in found for number in part) == list(range(20))

    async def test_who_waits_is_woken_by_new_work(self, bench: QueueBench) -> None:
        queue = await bench.consumer("a")
        async with asyncio.timeout(5.0), asyncio.TaskGroup() as group:
            waiting = group.create_task(queue.lease(60.0))
            await asyncio.sleep(0.02)
            await bench.add(7)
        lease = waiting.result()
        assert lease is not None
        assert _detector(lease) == 7

    async def test_who_waits_is_woken_by_an_expired_lease(self, bench: QueueBench) -> None:
        sleeper, other = await bench.consumer("sleeper"), await bench.consumer("other")
        await bench.add(7)
        await _leased(sleeper)
        async with asyncio.timeout(bench.lease_seconds * 5):
            assert _detector(await _leased(other, 60.0)) == 7

    async def test_a_cancelled_wait_loses_no_work(self, bench: QueueBench) -> None:
        queue, other = await bench.consumer("a"), await bench.consumer("b")
        for number in range(5):
            waiting = asyncio.create_task(queue.lease(60.0))
            await asyncio.sleep(0.005 * number)
            await bench.add(number)
            waiting.cancel()
            (found,) = await asyncio.gather(waiting, return_exceptions=True)
            lease = found if isinstance(found, Lease) else await _leased(queue, 1.0)
            assert _detector(lease) == number
            await queue.acknowledge(lease)
        assert await other.lease(0.0) is None

    async def test_a_lease_that_is_renewed_is_kept(self, bench: QueueBench) -> None:
        holder, other = await bench.consumer("holder"), await bench.consumer("other")
        await bench.add(1)
        lease = await _leased(holder)
        for _ in range(4):
            await asyncio.sleep(bench.lease_seconds / 2)
            await holder.renew(lease)
            assert await other.lease(0.0) is None
        assert (await bench.upkeep.depth()).leased == 1

    async def test_an_expired_lease_is_taken_over(self, bench: QueueBench) -> None:
        sleeper, other = await bench.consumer("sleeper"), await bench.consumer("other")
        await bench.add(1)
        old = await _leased(sleeper)
        assert await other.lease(0.0) is None
        await bench.outlive_lease()
        new = await _leased(other)
        assert (new.work, new.origin, new.enqueued) == (old.work, old.origin, old.enqueued)
        assert (new.entry, new.times_leased) != (old.entry, old.times_leased)
        with pytest.raises(LeaseLostError):
            await sleeper.renew(old)
        await other.renew(new)

    async def test_expired_work_goes_before_new_work(self, bench: QueueBench) -> None:
        sleeper, other = await bench.consumer("sleeper"), await bench.consumer("other")
        await bench.add(1, 2)
        await _leased(sleeper)
        await bench.outlive_lease()
        assert [_detector(await _leased(other)) for _ in range(2)] == [1, 2]

    async def test_an_expired_lease_that_nobody_took_may_be_renewed(self, bench: QueueBench) -> None:
        queue, other = await bench.consumer("a"), await bench.consumer("b")
        await bench.add(1)
        lease = await _leased(queue)
        await bench.outlive_lease()
        await queue.renew(lease)
        assert await other.lease(0.0) is None

    async def test_the_same_consumer_may_take_over_from_itself(self, bench: QueueBench) -> None:
        queue = await bench.consumer("a")
        await bench.add(1)
        old = await _leased(queue)
        await bench.outlive_lease()
        new = await _leased(queue)
        assert (new.entry, new.times_leased) != (old.entry, old.times_leased)
        with pytest.raises(LeaseLostError):
            await queue.renew(old)
        await queue.renew(new)

    @pytest.mark.parametrize("verb", _VERBS)
    async def test_a_lost_lease_changes_nothing(self, bench: QueueBench, verb: str) -> None:
        sleeper, other = await bench.consumer("sleeper"), await bench.consumer("other")
        await bench.add(1)
        old = await _leased(sleeper)
        await bench.outlive_lease()
        new = await _leased(other)
        await _end(sleeper, verb, old)
        depth = await bench.upkeep.depth()
        assert (depth.waiting, depth.leased, depth.dead) == (0, 1, 0)
        await other.renew(new)

    @pytest.mark.parametrize("verb", _VERBS)
    async def test_ends_may_be_repeated(self, bench: QueueBench, verb: str) -> None:
        queue = await bench.consumer("a")
        await bench.add(1)
        lease = await _leased(queue)
        await _end(queue, verb, lease)
        after = await bench.upkeep.depth()
        await _end(queue, verb, lease)
        assert await bench.upkeep.depth() == after
        assert after.waiting + after.dead + after.delayed == (0 if verb == "acknowledge" else 1)
        with pytest.raises(LeaseLostError):
            await queue.renew(lease)

    @pytest.mark.parametrize("verb", _VERBS)
    async def test_leases_of_an_earlier_incarnation_are_lost(self, bench: QueueBench, verb: str) -> None:
        holder, other = await bench.consumer("holder"), await bench.consumer("other")
        await bench.add(1)
        old = await _leased(holder)
        assert old.incarnation > 1
        await holder.raise_incarnation(old.incarnation)
        await holder.renew(old)
        await other.raise_incarnation(old.incarnation + 3_600_000)
        with pytest.raises(LeaseLostError):
            await holder.renew(old)
        await _end(holder, verb, old)
        depth = await bench.upkeep.depth()
        assert (depth.unfinished, depth.dead) == (1, 0)
        await bench.outlive_lease()
        new = await _leased(other)
        assert (new.work, new.incarnation) == (old.work, old.incarnation + 3_600_000)
        await other.acknowledge(new)
        assert (await bench.upkeep.depth()).unfinished == 0

    async def test_acknowledged_work_never_comes_again(self, bench: QueueBench) -> None:
        queue = await bench.consumer("a")
        await bench.add(1)
        await queue.acknowledge(await _leased(queue))
        await bench.outlive_lease()
        assert await bench.upkeep.put_back_expired() == 0
        assert await queue.lease(0.0) is None

    async def test_work_given_back_comes_at_once_behind_the_others(self, bench: QueueBench) -> None:
        queue, other = await bench.consumer("a"), await bench.consumer("b")
        await bench.add(1, 2)
        old = await _leased(queue)
        await queue.give_back(old)
        leases = [await _leased(other) for _ in range(2)]
        assert [_detector(lease) for lease in leases] == [2, 1]
        new = leases[1]
        assert (new.work, new.origin, new.enqueued) == (old.work, old.origin, old.enqueued)
        assert new.entry != old.entry
        assert await other.lease(0.0) is None

    async def test_postponed_work_comes_back_when_it_is_due_and_not_before(self, bench: QueueBench) -> None:
        queue, other = await bench.consumer("a"), await bench.consumer("b")
        await bench.add(1, 2)
        old = await _leased(queue)
        await queue.postpone(old, 0.3)
        depth = await bench.upkeep.depth()
        assert (depth.waiting, depth.leased, depth.delayed, depth.unfinished) == (1, 0, 1, 2)
        assert set(await bench.upkeep.unfinished()) == {some_work(each, "g").identity for each in (1, 2)}
        assert await bench.upkeep.put_back_due() == 0
        await bench.upkeep.trim()
        second = await _leased(other)
        assert _detector(second) == 2
        assert await other.lease(0.0) is None
        # Its lease would expire meanwhile on a busy machine.
        await other.acknowledge(second)
        with pytest.raises(LeaseLostError):
            await queue.renew(old)
        await asyncio.sleep(0.35)
        new = await _leased(other)
        assert (new.work, new.origin, new.enqueued) == (old.work, old.origin, old.enqueued)
        assert new.entry != old.entry
        assert (await bench.upkeep.depth()).delayed == 0

    async def test_the_upkeep_puts_back_what_is_due(self, bench: QueueBench) -> None:
        queue = await bench.consumer("a")
        await bench.add(1, 2, 3)
        leases = [await _leased(queue) for _ in range(3)]
        for lease, seconds in zip(leases, (0.0, 0.0, 60.0), strict=True):
            await queue.postpone(lease, seconds)
        await asyncio.sleep(0.01)
        assert await bench.upkeep.put_back_due() == 2
        depth = await bench.upkeep.depth()
        assert (depth.waiting, depth.delayed) == (2, 1)
        assert await bench.upkeep.put_back_due() == 0

    async def test_an_attempt_left_open_is_told_until_the_work_is_finished(self, bench: QueueBench) -> None:
        queue, other = await bench.consumer("a"), await bench.consumer("b")
        await bench.add(1)
        await queue.postpone(await _leased(queue), 0.0, 7)
        lease = await _leased(queue, 1.0)
        assert lease.open_attempt == 7
        await queue.postpone(lease, 0.0)
        await queue.give_back(await _leased(queue, 1.0))
        assert (await _leased(queue)).open_attempt == 7
        await bench.outlive_lease()
        await bench.upkeep.put_back_expired()
        lease = await _leased(other)
        assert lease.open_attempt == 7
        await other.postpone(lease, 0.0, 8)
        assert (await _leased(other, 1.0)).open_attempt == 8

    async def test_who_waits_is_woken_when_something_is_due(self, bench: QueueBench) -> None:
        queue = await bench.consumer("a")
        await bench.add(7)
        await queue.postpone(await _leased(queue), 0.2)
        async with asyncio.timeout(30.0):
            assert _detector(await _leased(queue, 60.0)) == 7

    async def test_the_origin_stays_however_often_work_goes_round(self, bench: QueueBench) -> None:
        queue = await bench.consumer("a")
        await bench.add(1)
        origins = set()
        for _ in range(3):
            lease = await _leased(queue)
            origins.add(lease.origin)
            await queue.give_back(lease)
        lease = await _leased(queue)
        await bench.outlive_lease()
        assert await bench.upkeep.put_back_expired() == 1
        assert {(await _leased(queue)).origin, lease.origin} == origins

    async def test_dead_letters_keep_their_reason(self, bench: QueueBench) -> None:
        queue = await bench.consumer("a")
        await bench.add(1)
        lease = await _leased(queue)
        await queue.set_aside(lease, "three attempts failed: no calibrations")
        assert await bench.dead() == [(lease.entry, "three attempts failed: no calibrations")]
        await bench.outlive_lease()
        assert await queue.lease(0.0) is None

    async def test_what_cannot_be_read_is_delivered_with_its_fault(self, bench: QueueBench) -> None:
        queue = await bench.consumer("a")
        await bench.add(1)
        await bench.add_unreadable()
        await bench.add(2)
        leases = [await _leased(queue) for _ in range(3)]
        assert [lease.work is None for lease in leases] == [False, True, False]
        assert leases[1].fault
        await queue.set_aside(leases[1], leases[1].fault)
        assert await bench.dead() == [(leases[1].entry, leases[1].fault)]

    async def test_leaving_loses_no_lease(self, bench: QueueBench) -> None:
        queue, other = await bench.consumer("a"), await bench.consumer("b")
        await bench.add(1)
        await _leased(queue)
        await queue.leave()
        await queue.leave()
        assert (await bench.upkeep.depth()).leased == 1
        await bench.outlive_lease()
        assert _detector(await _leased(other)) == 1

    async def test_expired_leases_are_put_back_once(self, bench: QueueBench) -> None:
        sleeper, other = await bench.consumer("sleeper"), await bench.consumer("other")
        await bench.add(1, 2)
        old = await _leased(sleeper)
        assert await bench.upkeep.put_back_expired() == 0
        await bench.outlive_lease()
        fresh = await _leased(other)
        # The one consumer takes over, so nothing is left to put back.
        assert _detector(fresh) == 1
        assert await bench.upkeep.put_back_expired() == 0
        await bench.outlive_lease()
        assert await bench.upkeep.put_back_expired() == 1
        depth = await bench.upkeep.depth()
        assert (depth.waiting, depth.leased) == (2, 0)
        for consumer, lease in ((sleeper, old), (other, fresh)):
            with pytest.raises(LeaseLostError):
                await consumer.renew(lease)
        assert [_detector(await _leased(other)) for _ in range(2)] == [2, 1]

    async def test_takeover_and_upkeep_never_double_work(self, bench: QueueBench) -> None:
        sleeper = await bench.consumer("sleeper")
        others = [await bench.consumer(f"c{number}") for number in range(3)]
        await bench.add(*range(6))
        for _ in range(6):
            await _leased(sleeper)
        await bench.outlive_lease()
        await asyncio.gather(
            bench.upkeep.put_back_expired(),
            bench.upkeep.put_back_expired(),
            *[other.lease(0.0) for other in others],
        )
        depth = await bench.upkeep.depth()
        assert depth.waiting + depth.leased == 6

    async def test_trimming_stops_at_what_is_unfinished(self, bench: QueueBench) -> None:
        queue, other = await bench.consumer("a"), await bench.consumer("b")
        await bench.add(1, 2, 3)
        first, second = await _leased(queue), await _leased(queue)
        await queue.acknowledge(second)
        await bench.upkeep.trim()
        await bench.outlive_lease()
        taken = await _leased(other)
        assert taken.work == first.work
        await other.acknowledge(taken)
        await bench.upkeep.trim()
        assert (await bench.upkeep.depth()).waiting == 1
        assert _detector(await _leased(other)) == 3

    async def test_depth_counts_what_is_to_do(self, bench: QueueBench) -> None:
        queue = await bench.consumer("a")
        await bench.add(1, 2, 3, 4)
        await queue.acknowledge(await _leased(queue))
        await queue.set_aside(await _leased(queue), "unwanted")
        await _leased(queue)
        await bench.upkeep.trim()
        depth = await bench.upkeep.depth()
        assert (depth.waiting, depth.leased, depth.dead) == (1, 1, 1)

    async def test_what_is_unfinished_is_named(self, bench: QueueBench) -> None:
        assert set(await bench.upkeep.unfinished()) == set()
        await bench.add(1, 2, 3, 4)
        assert set(await bench.upkeep.unfinished()) == {
            some_work(each, "g").identity for each in (1, 2, 3, 4)
        }
        queue = await bench.consumer("a")
        first, second, third = [await _leased(queue) for _ in range(3)]
        await queue.acknowledge(second)
        await queue.set_aside(third, "unwanted")
        await bench.add_unreadable()
        assert set(await bench.upkeep.unfinished()) == {some_work(each, "g").identity for each in (1, 4)}
        await queue.give_back(first)
        assert set(await bench.upkeep.unfinished()) == {some_work(each, "g").identity for each in (1, 4)}
        for _ in range(3):
            await queue.acknowledge(await _leased(queue))
        assert set(await bench.upkeep.unfinished()) == set()

    async def test_work_that_goes_round_is_always_unfinished(self, bench: QueueBench) -> None:
        queue = await bench.consumer("a")
        await bench.add(7)

        async def go_round() -> None:
            for number in range(30):
                lease = await _leased(queue, 1.0)
                if number % 2:
                    await queue.give_back(lease)
                else:
                    await queue.postpone(lease, 0.0)

        async with asyncio.TaskGroup() as group:
            rounds = group.create_task(go_round())
            while not rounds.done():
                assert set(await bench.upkeep.unfinished()) == {some_work(7, "g").identity}
                await asyncio.sleep(0)

    async def test_a_new_consumer_finds_what_came_before_it(self, bench: QueueBench) -> None:
        await bench.add(1)
        assert _detector(await _leased(await bench.consumer("late"))) == 1

    async def test_instrument_and_group_come_back(self, bench: QueueBench) -> None:
        await bench.add(1, group="2026-03-14T02:15:07.310#2 é/%")
        lease = await _leased(await bench.consumer("a"))
        assert lease.work is not None
        assert lease.work.visit.instrument == INSTRUMENT
        assert lease.work.visit.group == "2026-03-14T02:15:07.310#2 é/%"


async def _end(queue: WorkQueue, verb: str, lease: Lease) -> None:
    match verb:
        case "acknowledge":
            await queue.acknowledge(lease)
        case "give_back":
            await queue.give_back(lease)
        case "postpone":
            await queue.postpone(lease, 60.0)
        case _:
            await queue.set_aside(lease, "a reason")
