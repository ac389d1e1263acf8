"""Sources of a night, in memory."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from domain.results.objects import summed_up
from domain.results.sources import (
    DiaSource,
    ForcedSource,
    ObjectOrder,
    ObjectSummary,
    SourceOrder,
    SourceQuery,
)
from ports.source_archive import NoSuchSourceError, SourceArchiveUnavailableError

__all__ = ["MemorySourceArchive"]

_KEYS: Final[Mapping[SourceOrder, Callable[[DiaSource], float]]] = {
    SourceOrder.TIME: lambda _: 0.0,  # as they are found
    SourceOrder.SNR: lambda one: math.inf if math.isnan(one.snr) else -one.snr,
    SourceOrder.FLUX: lambda one: math.inf if math.isnan(one.flux) else -abs(one.flux),
}


class MemorySourceArchive:
    """`ports.source_archive.SourceArchive` of sources that are given to it.

    `outage` is for tests: while it is not blank, the archive cannot be reached for that reason.
    """

    def __init__(self, sources: Iterable[DiaSource] = ()) -> None:
        self.outage = ""
        self._sources: dict[int, DiaSource] = {}
        self._forced: list[ForcedSource] = []
        for source in sources:
            self.put(source)

    def put(self, source: DiaSource) -> None:
        """Keep a source."""
        self._sources[source.source_id] = source

    def put_forced(self, source: ForcedSource) -> None:
        """Keep a measurement."""
        self._forced.append(source)

    async def sources(
        self, query: SourceQuery, limit: int = 1000, offset: int = 0, order: SourceOrder = SourceOrder.TIME
    ) -> Sequence[DiaSource]:
        """See `ports.source_archive.SourceArchive.sources`."""
        return sorted(self._found(query), key=_KEYS[order])[offset : offset + limit]

    async def source(self, source_id: int) -> DiaSource:
        """See `ports.source_archive.SourceArchive.source`."""
        self._check()
        if source_id not in self._sources:
            raise NoSuchSourceError(f"there is no DiaSource {source_id}")
        return self._sources[source_id]

    async def count(self, query: SourceQuery) -> int:
        """See `ports.source_archive.SourceArchive.count`."""
        return len(self._found(query))

    async def objects(
        self,
        query: SourceQuery,
        limit: int = 1000,
        offset: int = 0,
        order: ObjectOrder = ObjectOrder.SIGHTINGS,
    ) -> Sequence[ObjectSummary]:
        """See `ports.source_archive.SourceArchive.objects`."""
        return summed_up(self._found(query), order)[offset : offset + limit]

    async def forced(self, object_id: int) -> Sequence[ForcedSource]:
        """See `ports.source_archive.SourceArchive.forced`."""
        self._check()
        found = [one for one in self._forced if one.object_id == object_id]
        return sorted(found, key=lambda one: (one.mjd, one.detector))

    def _found(self, query: SourceQuery) -> list[DiaSource]:
        self._check()
        found = [one for one in self._sources.values() if query.admits(one)]
        return sorted(found, key=lambda one: (one.mjd, one.detector, one.source_id))

    def _check(self) -> None:
        if self.outage:
            raise SourceArchiveUnavailableError(f"APDB: {self.outage}")
