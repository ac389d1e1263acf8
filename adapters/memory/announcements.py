"""Announcements kept in memory."""

import asyncio
from collections.abc import Mapping, Sequence

from domain.times import UtcSeconds
from domain.visit import Cancellation, Visit
from domain.work.standing import QueueStanding
from ports.announcements import Announcement, AnnouncementsUnavailableError, NotForUs, Unreadable

__all__ = ["MemoryAnnouncements"]


class MemoryAnnouncements:
    """One topic and its one reader.

    `outage` is for tests: while it is not blank, the topic cannot be reached for
    that reason.
    """

    def __init__(self) -> None:
        self.outage = ""
        self._contents: list[Visit | Cancellation | NotForUs | Unreadable] = []
        self._next = 0
        self._settled = 0
        self._noted: Mapping[str, QueueStanding] = {}
        self._changed = asyncio.Condition()

    async def announce(self, content: Visit | Cancellation | NotForUs | Unreadable) -> None:
        """Publish something, as the observatory does."""
        async with self._changed:
            self._contents.append(content)
            self._changed.notify_all()

    def restart(self) -> None:
        """Make the reader a new one, which is given again what was not settled."""
        self._next = self._settled

    def forget(self) -> None:
        """Keep nothing of what was settled, for tests, as a topic does after its retention."""
        for number in range(self._settled):
            self._contents[number] = NotForUs("kept no more")

    @property
    def unsettled(self) -> int:
        """Announcements that are not settled, delivered or not."""
        return len(self._contents) - self._settled

    async def next(self) -> Announcement:
        """See `ports.announcements.Announcements.next`."""
        async with self._changed:
            self._check()
            await self._changed.wait_for(lambda: self._next < len(self._contents))
            self._check()
            number = self._next
            self._next += 1
        return Announcement(content=self._contents[number], position=str(number))

    async def settle(
        self, announcement: Announcement, standings: Mapping[str, QueueStanding] | None = None
    ) -> None:
        """See `ports.announcements.Announcements.settle`."""
        self._check()
        self._settled = max(self._settled, int(announcement.position) + 1)
        self._noted = standings or self._noted

    async def note(self, standings: Mapping[str, QueueStanding]) -> None:
        """See `ports.announcements.Announcements.note`."""
        self._check()
        if self._settled:
            self._noted = standings

    async def noted(self) -> Mapping[str, QueueStanding] | None:
        """See `ports.announcements.Announcements.noted`."""
        self._check()
        return self._noted

    async def again(self, since: UtcSeconds) -> Sequence[Announcement]:  # noqa: ARG002 - all of a night is recent
        """See `ports.announcements.Announcements.again`; keeps no times."""
        self._check()
        contents = self._contents[: self._settled]
        return [Announcement(content=each, position=str(number)) for number, each in enumerate(contents)]

    async def close(self) -> None:
        """See `ports.announcements.Announcements.close`."""

    def _check(self) -> None:
        if self.outage:
            raise AnnouncementsUnavailableError(f"announcements: {self.outage}")
