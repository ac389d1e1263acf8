"""Alerts that wait, where they go, and what tells whether they may (semantics 17)."""

from collections.abc import Collection, Sequence
from typing import Protocol

from attrs import frozen

from domain.errors import PromptProcessingError
from domain.work.attempts import Attempt
from ports.neighbours import NeighbourUnavailableError

__all__ = [
    "AlertBroker",
    "AlertBrokerUnavailableError",
    "AlertOutbox",
    "AlertOutboxUnavailableError",
    "LaidAlert",
    "LaidPacket",
    "StoredSources",
    "StoredSourcesUnavailableError",
    "UnreadableAlertsError",
]


class AlertOutboxUnavailableError(NeighbourUnavailableError):
    """The outbox cannot be reached now; the same call may succeed later."""


class AlertBrokerUnavailableError(NeighbourUnavailableError):
    """Where alerts go cannot be reached now."""


class StoredSourcesUnavailableError(NeighbourUnavailableError):
    """The APDB does not say what it holds; it may later."""


class UnreadableAlertsError(PromptProcessingError):
    """A file of the outbox holds something else, or does not say whose it is."""


@frozen
class LaidAlert:
    """One alert, as it is sent."""

    source_id: int
    message: bytes


@frozen(kw_only=True)
class LaidPacket:
    """What one attempt has laid down of one visit and detector."""

    name: str
    """Of the file, within the outbox."""
    owner: Attempt
    visit: int
    detector: int
    alerts: tuple[LaidAlert, ...]
    held: str = ""
    """Why a person is to decide over them; blank if none is."""


class AlertOutbox(Protocol):
    """Files of alerts, each replaced whole or not at all.

    All methods raise `AlertOutboxUnavailableError` if the place cannot be reached.
    """

    async def names(self) -> Sequence[str]:
        """List the files that lie there."""
        ...

    async def read(self, name: str) -> LaidPacket | None:
        """Read a file; None if it is gone.

        Raises
        ------
        UnreadableAlertsError
            Raised if it cannot be read, or does not say whose it is.
        """
        ...

    async def replace(self, packet: LaidPacket) -> None:
        """Replace a file; without alerts it is removed. Harmless if it is gone and there are none."""
        ...


class AlertBroker(Protocol):
    """Where alerts go."""

    async def send(self, messages: Sequence[bytes]) -> Collection[int]:
        """Send messages and wait for a while until they are taken.

        Returns the places of those that are acknowledged.

        Raises
        ------
        AlertBrokerUnavailableError
            Raised if none is.
        """
        ...


class StoredSources(Protocol):
    """What the APDB holds by now, asked on a new connection."""

    async def ids(self, visit: int, detector: int) -> Collection[int]:
        """List the diaSourceIds of a visit and detector.

        Raises
        ------
        StoredSourcesUnavailableError
            Raised if the database does not answer.
        """
        ...
