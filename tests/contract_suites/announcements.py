"""What every `ports.announcements.Announcements` keeps to."""

import abc
import asyncio

import pytest

from domain.times import TaiSeconds
from domain.visit import Cancellation, CoordinateSystem, Dome, RotationSystem, Visit
from ports.announcements import Announcement, Announcements


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
