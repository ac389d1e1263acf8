"""Announcements that were dead-lettered, in memory."""

from ports.announcements import Announcement
from ports.dead_announcements import DeadAnnouncementsUnavailableError

__all__ = ["MemoryDeadAnnouncements"]


class MemoryDeadAnnouncements:
    """`ports.dead_announcements.DeadAnnouncements` in one event loop.

    `outage` is for tests: while it is not blank, nothing can be dead-lettered for
    that reason.
    """

    def __init__(self) -> None:
        self.outage = ""
        self.kept: list[tuple[Announcement, str]] = []
        """Announcement and reason, oldest first."""

    async def put(self, announcement: Announcement, reason: str) -> None:
        """Set one aside."""
        if self.outage:
            raise DeadAnnouncementsUnavailableError(f"dead announcements: {self.outage}")
        if not self.kept or self.kept[-1][0].position != announcement.position:
            self.kept.append((announcement, reason))
