"""The central registry, as the Butler Writer writes it."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from attrs import frozen

from domain.errors import PromptProcessingError
from domain.times import UtcSeconds
from ports.neighbours import NeighbourUnavailableError

__all__ = [
    "CentralRegistry",
    "OutputEvent",
    "OutputEvents",
    "OutputEventsUnavailableError",
    "RegistryUnavailableError",
    "UnappliableEventError",
]


class RegistryUnavailableError(NeighbourUnavailableError):
    """The registry cannot be reached now; the batch may be tried again."""


class UnappliableEventError(PromptProcessingError):
    """A batch holds a message that can never be applied; nothing was written."""


class OutputEventsUnavailableError(NeighbourUnavailableError):
    """The workers' messages cannot be reached now; the same call may be repeated."""


@frozen(kw_only=True)
class OutputEvent:
    """One message of a worker, undecoded."""

    body: bytes
    position: str
    """Names the message for logs and dead letters."""
    sent: UtcSeconds | None = None
    """When the message was sent; None if that is not known."""


class CentralRegistry(Protocol):
    """Applies workers' messages, all of a batch or none of it."""

    async def apply(self, events: Sequence[OutputEvent]) -> Sequence[UUID]:
        """Insert dimension records and datasets, skipping what is there.

        Returns the datasets that the batch names, present before or not.

        Raises
        ------
        UnappliableEventError
            Raised if a message is unreadable or conflicts with the registry.
        RegistryUnavailableError
            Raised if the registry cannot be reached.
        """
        ...


class OutputEvents(Protocol):
    """The workers' messages to be read, and the announcements of finished batches to be sent.

    At least once: a batch that was not finished comes again, also to another
    writer that has taken over. What lies in the outbox comes as well.
    """

    async def batch(self) -> Sequence[OutputEvent]:
        """Wait for messages: as many as are there, bounded by size and age.

        Raises
        ------
        OutputEventsUnavailableError
            Raised if the topic cannot be reached or does not exist.
        """
        ...

    async def finish(self, datasets: Sequence[UUID]) -> None:
        """Announce the batch and commit the offsets read so far, together.

        A batch of no datasets is not announced. If another writer has taken
        over, neither is done, and it is not an error: the batch is that one's.

        Raises
        ------
        OutputEventsUnavailableError
            Raised if the broker did not take it; nothing was announced.
        """
        ...

    async def set_aside(self, event: OutputEvent, reason: str) -> None:
        """Move a message to the dead letters, together with its batch's end.

        It is kept whole, whatever its size.
        """
        ...

    async def close(self) -> None:
        """Leave the topic."""
        ...
