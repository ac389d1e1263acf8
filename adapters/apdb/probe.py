"""Whether an APDB answers."""

import logging

import sqlalchemy as sa

from adapters.apdb.addresses import NoSqlApdbError, reading_engine

__all__ = ["ApdbProbe"]

_LOG = logging.getLogger(__name__)


class ApdbProbe:
    """Asks an APDB in SQLite or PostgreSQL on a new connection each time.

    One in a database without SQL is not asked, and so never found to be away.

    Parameters
    ----------
    address
        As in `adapters.apdb.addresses.reading_engine`, which is asked with the first question.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._engine: sa.Engine | None = None
        self._can_be_asked = True
        self._query = sa.select(sa.literal(1))

    def __call__(self) -> None:
        """Ask for a row; raises whatever the driver does if it does not answer."""
        if self._can_be_asked and self._engine is None:
            self._make_engine()
        if self._engine is None:
            return
        try:
            with self._engine.connect() as connection:
                connection.execute(self._query).all()
        finally:
            self._engine.dispose()

    def _make_engine(self) -> None:
        try:
            engine, namespace = reading_engine(self._address)
        except NoSqlApdbError as error:
            _LOG.warning(
                "no visit is postponed while the APDB is away, since that cannot be asked: %s", error
            )
            self._can_be_asked = False
            return
        table = sa.table("metadata", sa.column("name"), schema=namespace)
        self._engine, self._query = engine, sa.select(sa.literal(1)).select_from(table).limit(1)
