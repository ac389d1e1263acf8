"""What the observatory announces, as the fan-out hears it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from attrs import field, frozen

from domain.addresses import without_users
from domain.times import UtcSeconds
from domain.visit import Cancellation, Visit
from domain.work.standing import QueueStanding
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

    async def settle(
        self, announcement: Announcement, standings: Mapping[str, QueueStanding] | None = None
    ) -> None:
        """Never deliver this announcement, or an earlier one, again.

        Notes in the same step how queues stand then, by their names.
        """
        ...

    async def note(self, standings: Mapping[str, QueueStanding]) -> None:
        """Note how queues stand, if anything was settled before."""
        ...

    async def noted(self) -> Mapping[str, QueueStanding] | None:
        """Tell what was noted last of each queue; None while visits are announced to somebody else."""
        ...

    async def again(self, since: UtcSeconds) -> Sequence[Announcement]:
        """Read what was sent since then and is settled once more, in order; nothing is settled by that."""
        ...

    async def close(self) -> None:
        """Leave the topic."""
        ...
