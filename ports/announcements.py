"""What the observatory announces, as the fan-out hears it."""

from typing import Protocol

from attrs import field, frozen

from domain.addresses import without_users
from domain.visit import Cancellation, Visit
from ports.neighbours import NeighbourUnavailableError

__all__ = ["Announcement", "Announcements", "AnnouncementsUnavailableError", "NotForUs", "Unreadable"]


class AnnouncementsUnavailableError(NeighbourUnavailableError):
    """The announcements cannot be reached now."""


@frozen
class NotForUs:
    """A legal announcement that is not an observation."""

    reason: str


@frozen
class Unreadable:
    """An announcement that cannot be decoded."""

    reason: str = field(converter=without_users)


@frozen(kw_only=True)
class Announcement:
    """One message and where it stands in its topic."""

    content: Visit | Cancellation | NotForUs | Unreadable
    position: str
    """Names the message for logs: topic, partition and offset."""
    body: bytes = b""
    """The message as it came, where there is one."""


class Announcements(Protocol):
    """Announcements in order, each until it is settled.

    What was not settled before a restart comes again.
    """

    async def next(self) -> Announcement:
        """Wait for the next announcement.

        Raises
        ------
        AnnouncementsUnavailableError
            Raised if the topic cannot be reached or does not exist.
        """
        ...

    async def settle(self, announcement: Announcement) -> None:
        """Never deliver this announcement, or an earlier one, again."""
        ...

    async def close(self) -> None:
        """Leave the topic."""
        ...
