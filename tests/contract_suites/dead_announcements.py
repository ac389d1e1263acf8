"""What every `ports.dead_announcements.DeadAnnouncements` keeps to."""

import abc
from collections.abc import Sequence

from ports.announcements import Announcement, Unreadable
from ports.dead_announcements import DeadAnnouncements

__all__ = ["DeadAnnouncementsContract", "DeadBench"]


class DeadBench(abc.ABC):
    """A place for dead announcements, and a way to look into it."""

    dead: DeadAnnouncements

    @abc.abstractmethod
    async def kept(self) -> Sequence[tuple[str, str, bytes]]:
        """List position, reason and body, oldest first."""


def dead(offset: int, body: bytes = b"\0\xff{}") -> Announcement:
    return Announcement(content=Unreadable("it is none"), position=f"topic[0]@{offset}", body=body)


class DeadAnnouncementsContract:
    async def test_they_are_kept_as_they_came(self, bench: DeadBench) -> None:
        await bench.dead.put(dead(1), "no Avro: é")
        await bench.dead.put(dead(2, b""), "")
        assert await bench.kept() == [
            ("topic[0]@1", "no Avro: é", b"\0\xff{}"),
            ("topic[0]@2", "", b""),
        ]

    async def test_what_is_said_again_is_kept_once(self, bench: DeadBench) -> None:
        for offset in (1, 1, 2, 2, 2):
            await bench.dead.put(dead(offset), "no Avro")
        assert [position for position, _, _ in await bench.kept()] == ["topic[0]@1", "topic[0]@2"]
