"""The sources of a night, for people to look at."""

from collections.abc import Sequence
from typing import Protocol

from domain.errors import PromptProcessingError
from domain.results.sources import (
    DiaSource,
    ForcedSource,
    ObjectOrder,
    ObjectSummary,
    SourceOrder,
    SourceQuery,
)
from ports.neighbours import NeighbourUnavailableError

__all__ = ["NoSuchSourceError", "SourceArchive", "SourceArchiveUnavailableError"]


class SourceArchiveUnavailableError(NeighbourUnavailableError):
    """The APDB cannot be reached now."""


class NoSuchSourceError(PromptProcessingError):
    """The archive has no such source or object."""


class SourceArchive(Protocol):
    """What the alert production database knows; read-only.

    All methods raise `SourceArchiveUnavailableError` if it cannot be reached.
    """

    async def sources(
        self, query: SourceQuery, limit: int = 1000, offset: int = 0, order: SourceOrder = SourceOrder.TIME
    ) -> Sequence[DiaSource]:
        """List DiaSources."""
        ...

    async def source(self, source_id: int) -> DiaSource:
        """Find one DiaSource.

        Raises
        ------
        NoSuchSourceError
            Raised if there is none.
        """
        ...

    async def count(self, query: SourceQuery) -> int:
        """Count DiaSources."""
        ...

    async def objects(
        self,
        query: SourceQuery,
        limit: int = 1000,
        offset: int = 0,
        order: ObjectOrder = ObjectOrder.SIGHTINGS,
    ) -> Sequence[ObjectSummary]:
        """Sum up the objects of those DiaSources."""
        ...

    async def forced(self, object_id: int) -> Sequence[ForcedSource]:
        """List what was measured at the place of an object, in the order of time; nothing of one unknown."""
        ...
