"""What every control stream must hold, in memory and for real."""

import abc
import asyncio
from collections.abc import AsyncIterator

import pytest

from domain.visit import Cancellation, Identity
from ports.control import ControlNotes, ControlWriter, Note, Superseded

__all__ = ["ControlBench", "ControlContract", "read"]


class ControlBench(abc.ABC):
    """A fresh control stream; notes and tombstones last `keep_seconds`."""

    writer: ControlWriter
    notes: ControlNotes
    keep_seconds: float

    async def outlive_notes(self) -> None:
        """Let the time pass for which notes are kept."""
        await asyncio.sleep(self.keep_seconds * 1.2)


def _cancelled(group: str = "g", sal_index: int = 2) -> Cancellation:
    return Cancellation(sal_index=sal_index, script_sal_index=100_017, group=group)


def _superseded(group: str = "g", revision: int = 2) -> Superseded:
    return Superseded(identity=Identity("Lowell", group, 4), revision=revision)


async def read(notes: AsyncIterator[Note], count: int) -> list[Note]:
    """Read some notes; not to find them is a failure, not a hang."""
    async with asyncio.timeout(5.0):
        return [await anext(notes) for _ in range(count)]


class ControlContract:
    """Tests of `ports.control.ControlWriter` and `ports.control.ControlNotes`."""

    async def test_a_cancellation_leaves_a_tombstone(self, bench: ControlBench) -> None:
        group = "2026-03-14T02:15:07.310#2 \u00e9"
        assert not await bench.notes.is_cancelled(2, group)
        await bench.writer.put(_cancelled(group))
        assert await bench.notes.is_cancelled(2, group)

    async def test_tombstones_match_queue_and_group(self, bench: ControlBench) -> None:
        await bench.writer.put(_cancelled("g", sal_index=2))
        assert not await bench.notes.is_cancelled(1, "g")
        assert not await bench.notes.is_cancelled(2, "h")

    async def test_a_tombstone_is_forgotten_in_time(self, bench: ControlBench) -> None:
        await bench.writer.put(_cancelled())
        await bench.outlive_notes()
        assert not await bench.notes.is_cancelled(2, "g")

    async def test_a_superseded_visit_is_not_cancelled(self, bench: ControlBench) -> None:
        await bench.writer.put(_superseded())
        assert not await bench.notes.is_cancelled(2, "g")

    async def test_who_follows_reads_what_is_kept_and_what_comes(self, bench: ControlBench) -> None:
        before: list[Note] = [_cancelled("a"), _superseded("b")]
        after: list[Note] = [_cancelled("c"), _superseded("d", 3)]
        for note in before:
            await bench.writer.put(note)
        following = bench.notes.follow()
        assert await read(following, 2) == before
        for note in after:
            await bench.writer.put(note)
        assert await read(following, 2) == after

    async def test_who_waits_is_woken(self, bench: ControlBench) -> None:
        following = bench.notes.follow()
        waiting = asyncio.create_task(read(following, 1))
        await asyncio.sleep(0.05)
        await bench.writer.put(_cancelled())
        assert await waiting == [_cancelled()]

    async def test_all_who_follow_read_all(self, bench: ControlBench) -> None:
        following = [bench.notes.follow() for _ in range(3)]
        reading = [asyncio.create_task(read(each, 20)) for each in following]
        await asyncio.sleep(0.02)
        notes: list[Note] = [_superseded(f"g{number}") for number in range(20)]
        for note in notes:
            await bench.writer.put(note)
        assert [await each for each in reading] == [notes] * 3

    async def test_a_note_may_be_put_again(self, bench: ControlBench) -> None:
        await bench.writer.put(_cancelled())
        await bench.writer.put(_cancelled())
        assert await bench.notes.is_cancelled(2, "g")

    @pytest.mark.parametrize("others", [0, 3])
    async def test_nothing_is_missed_between_two_reads(self, bench: ControlBench, others: int) -> None:
        following = bench.notes.follow()
        for number in range(10):
            notes: list[Note] = [_cancelled(f"g{number}-{other}") for other in range(others + 1)]
            for note in notes:
                await bench.writer.put(note)
            assert await read(following, others + 1) == notes
