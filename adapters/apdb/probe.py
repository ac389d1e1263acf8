"""Whether an APDB answers."""

import sqlalchemy as sa

from adapters.apdb.addresses import reading_engine

__all__ = ["ApdbProbe"]


class ApdbProbe:
    """Asks an APDB in SQLite or PostgreSQL on a new connection each time.

    Parameters
    ----------
    address
        As in `adapters.apdb.addresses.reading_engine`, which is asked with the first question.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._engine: sa.Engine | None = None
        self._query = sa.select(sa.literal(1))

    def __call__(self) -> None:
        """Ask for a row; raises whatever the driver does if it does not answer."""
        if self._engine is None:
            engine, namespace = reading_engine(self._address)
            table = sa.table("metadata", sa.column("name"), schema=namespace)
            self._engine, self._query = engine, sa.select(sa.literal(1)).select_from(table).limit(1)
        try:
            with self._engine.connect() as connection:
                connection.execute(self._query).all()
        finally:
            self._engine.dispose()
