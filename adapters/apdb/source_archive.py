"""The sources of a night, from its APDB."""

from collections.abc import Callable, Sequence

import sqlalchemy.exc

from adapters.apdb.addresses import reading_engine
from adapters.apdb.dia_sources import DiaSources
from adapters.apdb.forced_sources import forced_sources
from adapters.common.own_threads import OwnThreads
from domain.addresses import without_users
from domain.results.sources import (
    DiaSource,
    ForcedSource,
    ObjectOrder,
    ObjectSummary,
    SourceOrder,
    SourceQuery,
)
from ports.source_archive import NoSuchSourceError, SourceArchiveUnavailableError

__all__ = ["ApdbSourceArchive"]

_AT_ONCE = 2


class ApdbSourceArchive:
    """`ports.source_archive.SourceArchive` of an APDB in SQLite or PostgreSQL, which it only reads.

    Parameters
    ----------
    address
        As in `adapters.apdb.addresses.reading_engine`.

    Raises
    ------
    adapters.apdb.addresses.ApdbAddressError
        Raised if that leads to no such database.
    """

    def __init__(self, address: str) -> None:
        self._engine, self._namespace = reading_engine(address)
        self._sources = DiaSources(self._engine, self._namespace)
        self._threads = OwnThreads("sources", SourceArchiveUnavailableError, count=_AT_ONCE)

    def open(self) -> None:
        """Get ready; the database is connected to when it is first asked."""
        self._threads.open()

    async def close(self) -> None:
        """Close connections; harmless if not open."""
        await self._threads.close(self._engine.dispose)

    async def sources(
        self, query: SourceQuery, limit: int = 1000, offset: int = 0, order: SourceOrder = SourceOrder.TIME
    ) -> Sequence[DiaSource]:
        """See `ports.source_archive.SourceArchive.sources`."""
        return await self._ask(lambda: self._sources.sources(query, limit, offset, order))

    async def source(self, source_id: int) -> DiaSource:
        """See `ports.source_archive.SourceArchive.source`."""
        found = await self._ask(lambda: self._sources.source(source_id))
        if found is None:
            raise NoSuchSourceError(f"there is no DiaSource {source_id}")
        return found

    async def count(self, query: SourceQuery) -> int:
        """See `ports.source_archive.SourceArchive.count`."""
        return await self._ask(lambda: self._sources.count(query))

    async def objects(
        self,
        query: SourceQuery,
        limit: int = 1000,
        offset: int = 0,
        order: ObjectOrder = ObjectOrder.SIGHTINGS,
    ) -> Sequence[ObjectSummary]:
        """See `ports.source_archive.SourceArchive.objects`."""
        return await self._ask(lambda: self._sources.objects(query, limit, offset, order))

    async def forced(self, object_id: int) -> Sequence[ForcedSource]:
        """See `ports.source_archive.SourceArchive.forced`."""
        return await self._ask(lambda: forced_sources(self._engine, self._namespace, object_id))

    async def _ask[T](self, question: Callable[[], T]) -> T:
        try:
            return await self._threads.run(question)
        except sqlalchemy.exc.SQLAlchemyError as error:
            reason = without_users(" ".join(str(getattr(error, "orig", None) or error).split()))
            raise SourceArchiveUnavailableError(f"APDB: {reason}") from error
