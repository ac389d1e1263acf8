"""What every `ports.announcements.Announcements` keeps to."""

import abc
import asyncio
import time

import pytest
from attrs import evolve

from domain.times import TaiSeconds, UtcSeconds
from domain.visit import Cancellation, CoordinateSystem, Dome, RotationSystem, Visit
from domain.work.standing import QueueStanding
from ports.announcements import Announcement, Announcements

_STANDINGS = {
    "instrument:simcam": QueueStanding(
        incarnation=1773454519500, last_entry=(1773454519501, 3), steps=7, gap="5-0 2"
    )
}


class Observatory(abc.ABC):
    """The other end of the topic, and readers of one group."""

    @abc.abstractmethod
    async def announce(self, content: Visit | Cancellation) -> None: ...

    @abc.abstractmethod
    async def restarted(self) -> Announcements:
        """Make a reader in place of the one before, which gets no chance to say goodbye nicely."""


def visit(group: str) -> Visit:
    return Visit(
        instrument="SimCam",
        group=group,
        sal_index=1,
        script_sal_index=200023,
        coordinate_system=CoordinateSystem.ICRS,
        position=(149.96, 2.22),
        start_time=TaiSeconds(1773454540.0),
        rotation_system=RotationSystem.SKY,
        camera_angle=41.5,
        filters="i_39",
        dome=Dome.OPEN,
        duration=32.0,
        nimages=1,
        survey="BLOCK-407",
        total_checkpoints=2,
        sent=TaiSeconds(1773454519.5),
    )


def groups(announcements: list[Announcement]) -> list[str]:
    return [found.content.group for found in announcements if isinstance(found.content, Visit | Cancellation)]


class AnnouncementsContract:
    @pytest.fixture
    def observatory(self) -> Observatory:
        raise NotImplementedError

    async def test_visits_come_as_announced(self, observatory: Observatory) -> None:
        reader = await observatory.restarted()
        announced = [visit(group) for group in ("2026-03-14T02:15:07.310#2", "b", "c")]
        for content in announced:
            await observatory.announce(content)
        assert [(await reader.next()).content for _ in announced] == announced

    async def test_cancellations_come_too(self, observatory: Observatory) -> None:
        reader = await observatory.restarted()
        cancellation = Cancellation(sal_index=1, script_sal_index=200023, group="a")
        await observatory.announce(cancellation)
        assert (await reader.next()).content == cancellation

    async def test_each_has_its_own_position(self, observatory: Observatory) -> None:
        reader = await observatory.restarted()
        for group in ("a", "a"):
            await observatory.announce(visit(group))
        assert len({(await reader.next()).position for _ in range(2)}) == 2

    async def test_what_is_not_settled_comes_again(self, observatory: Observatory) -> None:
        reader = await observatory.restarted()
        for group in ("a", "b", "c"):
            await observatory.announce(visit(group))
        first = await reader.next()
        await reader.next()
        await reader.settle(first)
        reader = await observatory.restarted()
        assert groups([await reader.next() for _ in range(2)]) == ["b", "c"]

    async def test_settling_one_settles_those_before(self, observatory: Observatory) -> None:
        reader = await observatory.restarted()
        for group in ("a", "b", "c"):
            await observatory.announce(visit(group))
        await reader.next()
        await reader.settle(await reader.next())
        reader = await observatory.restarted()
        assert groups([await reader.next()]) == ["c"]

    async def test_settling_twice_is_harmless(self, observatory: Observatory) -> None:
        reader = await observatory.restarted()
        await observatory.announce(visit("a"))
        await observatory.announce(visit("b"))
        first = await reader.next()
        await reader.settle(first)
        await reader.settle(await reader.next())
        await reader.settle(first)
        await observatory.announce(visit("c"))
        reader = await observatory.restarted()
        assert groups([await reader.next()]) == ["c"]

    async def test_losing_patience_loses_nothing(self, observatory: Observatory) -> None:
        reader = await observatory.restarted()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await reader.next()
        await observatory.announce(visit("a"))
        assert groups([await reader.next()]) == ["a"]

    async def test_how_queues_stand_is_noted_with_what_is_settled(self, observatory: Observatory) -> None:
        reader = await observatory.restarted()
        await observatory.announce(visit("a"))
        first = await reader.next()
        assert await reader.noted() == {}
        await reader.note(_STANDINGS)
        assert await reader.noted() == {}
        await reader.settle(first, _STANDINGS)
        reader = await observatory.restarted()
        await observatory.announce(visit("b"))
        await reader.next()
        assert await reader.noted() == _STANDINGS
        later = {name: evolve(each, steps=8) for name, each in _STANDINGS.items()}
        await reader.note(later)
        assert await reader.noted() == later
        reader = await observatory.restarted()
        assert groups([await reader.next()]) == ["b"]

    async def test_what_is_settled_can_be_read_again_in_order(self, observatory: Observatory) -> None:
        reader = await observatory.restarted()
        begin = UtcSeconds(time.time() - 60.0)
        cancellation = Cancellation(sal_index=1, script_sal_index=200023, group="a")
        for content in (visit("a"), visit("b"), cancellation):
            await observatory.announce(content)
            await asyncio.sleep(0.01)
            announcement = await reader.next()
            await reader.settle(announcement)
        assert groups(list(await reader.again(begin))) == ["a", "b", "a"]
        await observatory.announce(visit("c"))
        assert len(await reader.again(begin)) == 3
        assert groups([await reader.next()]) == ["c"]

    async def test_of_what_nobody_settled_nothing_is_read_again(self, observatory: Observatory) -> None:
        reader = await observatory.restarted()
        await observatory.announce(visit("a"))
        await reader.next()
        assert await reader.again(UtcSeconds(time.time() - 60.0)) == []
