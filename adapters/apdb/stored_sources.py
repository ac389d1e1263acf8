"""What an APDB holds of a visit and detector."""

from collections.abc import Collection

import sqlalchemy as sa
import sqlalchemy.exc

from adapters.apdb.addresses import reading_engine
from adapters.common.own_threads import OwnThreads
from domain.addresses import without_users
from ports.alert_outbox import StoredSourcesUnavailableError

__all__ = ["ApdbStoredSources"]


class ApdbStoredSources:
    """`ports.alert_outbox.StoredSources` of an APDB in SQLite or PostgreSQL, which it only reads.

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
        self._engine, namespace = reading_engine(address)
        self._table = sa.table(
            "DiaSource", sa.column("diaSourceId"), sa.column("visit"), sa.column("detector"), schema=namespace
        )
        self._thread = OwnThreads("stored-sources", StoredSourcesUnavailableError)

    async def open(self) -> None:
        """Get ready; the database is connected to when it is first asked."""
        self._thread.open()

    async def close(self) -> None:
        """Close connections."""
        await self._thread.close(self._engine.dispose)

    async def ids(self, visit: int, detector: int) -> Collection[int]:
        """See `ports.alert_outbox.StoredSources.ids`."""
        return await self._thread.run(self._ids, visit, detector)

    def _ids(self, visit: int, detector: int) -> frozenset[int]:
        of = self._table.c
        query = sa.select(of.diaSourceId).where(of.visit == visit, of.detector == detector)
        # A connection that was cut may have the same fate again.
        self._engine.dispose()
        try:
            with self._engine.connect() as connection:
                return frozenset(connection.execute(query).scalars())
        except sqlalchemy.exc.SQLAlchemyError as error:
            reason = without_users(" ".join(str(getattr(error, "orig", None) or error).split()))
            raise StoredSourcesUnavailableError(f"APDB: {reason}") from error
