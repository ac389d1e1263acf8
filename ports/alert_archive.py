"""The alerts of a night, for people to look at."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

from attrs import frozen

from domain.errors import PromptProcessingError
from ports.neighbours import NeighbourUnavailableError

__all__ = ["AlertArchive", "AlertArchiveUnavailableError", "KeptAlert", "NoSuchAlertError"]


class AlertArchiveUnavailableError(NeighbourUnavailableError):
    """The alerts cannot be read now."""


class NoSuchAlertError(PromptProcessingError):
    """No alert about such a source is kept."""


@frozen(kw_only=True)
class KeptAlert:
    """One alert, without its content."""

    source_id: int
    object_id: int
    """0 of a source without an object."""
    visit: int
    detector: int
    processed: float
    """When its source was made, days TAI; it is sent right after that, unless it waits."""
    is_waiting: bool
    """Whether no broker has taken it yet."""

    @classmethod
    def of_packet(cls, packet: Mapping[str, Any], *, is_waiting: bool = False) -> Self:
        """Take out of a packet, as its schema has it, what it is about."""
        source = packet["diaSource"]
        return cls(
            source_id=packet["diaSourceId"],
            object_id=source["diaObjectId"] or 0,
            visit=source["visit"],
            detector=source["detector"],
            processed=source["timeProcessedMjdTai"],
            is_waiting=is_waiting,
        )


class AlertArchive(Protocol):
    """What has been told to the world; read-only.

    All methods raise `AlertArchiveUnavailableError` if alerts cannot be read.
    """

    async def alerts(
        self, *, visit: int | None = None, detector: int | None = None, object_id: int | None = None
    ) -> Sequence[KeptAlert]:
        """List alerts, those of which all that is given is true, in the order of processing."""
        ...

    async def packet(self, source_id: int) -> Mapping[str, Any]:
        """Give an alert as its schema has it.

        Raises
        ------
        NoSuchAlertError
            Raised if there is none about that source.
        """
        ...
