"""News that reach workers beside the queue: visits taken back or announced anew."""

from collections.abc import AsyncIterator
from typing import Protocol

from attrs import frozen

from domain.visit import Cancellation, Identity
from ports.neighbours import NeighbourUnavailableError

__all__ = ["ControlNotes", "ControlUnavailableError", "ControlWriter", "Note", "Superseded"]


class ControlUnavailableError(NeighbourUnavailableError):
    """The control stream cannot be reached now."""


@frozen(kw_only=True)
class Superseded:
    """A visit was announced anew with other contents."""

    identity: Identity
    revision: int
    """The newer one."""


type Note = Cancellation | Superseded


class ControlWriter(Protocol):
    """Where the fan-out leaves its notes.

    A cancellation leaves a tombstone as well, kept for MESSAGE_EXPIRATION, so
    that workers which lease the visit later know.
    """

    async def put(self, note: Note) -> None:
        """Write a note durably and wake who follows.

        Raises
        ------
        ControlUnavailableError
            Raised if the stream cannot be reached.
        """
        ...


class ControlNotes(Protocol):
    """What a worker reads of them."""

    async def is_cancelled(self, sal_index: int, group: str) -> bool:
        """Say whether a tombstone stands for the visit."""
        ...

    def follow(self) -> AsyncIterator[Note]:
        """Iterate over the notes that are kept (those of the last MESSAGE_EXPIRATION) and then
        over what comes, without end and without gap.

        Unreachable, it waits and goes on from where it was.
        """
        ...
