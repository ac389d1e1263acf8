"""Where announcements go that nobody can work on."""

from typing import Protocol

from ports.announcements import Announcement
from ports.neighbours import NeighbourUnavailableError

__all__ = ["DeadAnnouncements", "DeadAnnouncementsUnavailableError"]


class DeadAnnouncementsUnavailableError(NeighbourUnavailableError):
    """Announcements cannot be dead-lettered now; the same call may succeed later."""


class DeadAnnouncements(Protocol):
    """Keeps the newest of them, as they came, for a person to look at."""

    async def put(self, announcement: Announcement, reason: str) -> None:
        """Set one aside durably.

        Said again about the announcement that was dead-lettered last, it changes
        nothing.

        Raises
        ------
        DeadAnnouncementsUnavailableError
            Raised if the place cannot be reached.
        """
        ...
