"""What every place keeps to whose dead letters can be replayed."""

import asyncio

from ports.dead_letters import ReplayableLetters
from tests.contract_suites.samples import INSTRUMENT, some_work
from tests.contract_suites.work_queue import QueueBench

__all__ = ["DeadLettersContract"]


async def _bury(bench: QueueBench, *detectors: int) -> None:
    """Dead-letter work that was put back once before."""
    queue = await bench.consumer("undertaker")
    await bench.add(*detectors)
    for _ in detectors:
        lease = await queue.lease(0.0)
        assert lease is not None
        await queue.give_back(lease)
    for _ in detectors:
        lease = await queue.lease(0.0)
        assert lease is not None
        await queue.set_aside(lease, "tried too often")


class DeadLettersContract:
    async def test_letters_say_what_they_are(self, bench: QueueBench, letters: ReplayableLetters) -> None:
        await _bury(bench, 4, 5)
        found = await letters.letters()
        assert [(each.instrument, each.group, each.detector) for each in found] == [
            (INSTRUMENT, "g", 4),
            (INSTRUMENT, "g", 5),
        ]
        assert {each.reason for each in found} == {"tried too often"}

    async def test_what_is_replayed_is_work_again_and_no_letter(
        self, bench: QueueBench, letters: ReplayableLetters
    ) -> None:
        await _bury(bench, 4, 5)
        first, second = await letters.letters()
        entry = await letters.replay(first)
        assert await letters.letters() == [second]
        lease = await (await bench.consumer("a")).lease(0.0)
        assert lease is not None
        assert (lease.entry, lease.origin, lease.work) == (entry, first.origin, some_work(4, "g"))

    async def test_of_two_who_replay_or_discard_one_does(
        self, bench: QueueBench, letters: ReplayableLetters
    ) -> None:
        await _bury(bench, 4)
        [letter] = await letters.letters()
        answers = await asyncio.gather(*(letters.replay(letter) for _ in range(3)))
        assert len([entry for entry in answers if entry]) == 1
        assert not await letters.discard(letter, "too late")
        assert (await bench.upkeep.depth()).waiting == 1

    async def test_what_is_discarded_is_gone(self, bench: QueueBench, letters: ReplayableLetters) -> None:
        await _bury(bench, 4)
        [letter] = await letters.letters()
        assert await letters.discard(letter, "of no use")
        assert not await letters.replay(letter)
        depth = await bench.upkeep.depth()
        assert (depth.waiting, depth.leased, depth.dead) == (0, 0, 0)

    async def test_what_cannot_be_read_is_replayed_as_it_came(
        self, bench: QueueBench, letters: ReplayableLetters
    ) -> None:
        queue = await bench.consumer("a")
        await bench.add_unreadable()
        lease = await queue.lease(0.0)
        assert lease is not None
        await queue.set_aside(lease, lease.fault)
        [letter] = await letters.letters()
        assert letter.identity is None
        await letters.replay(letter)
        again = await queue.lease(0.0)
        assert again is not None
        assert (again.work, again.fault) == (None, lease.fault)
