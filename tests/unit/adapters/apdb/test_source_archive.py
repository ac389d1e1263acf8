"""The archive of sources over an APDB holds its contract, on SQLite and on PostgreSQL."""

import gc
import warnings
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from lsst.dax.apdb.sql import ApdbSql

from adapters.apdb.addresses import ApdbAddressError, reading_engine
from adapters.apdb.dia_sources import _COLUMNS
from adapters.apdb.forced_sources import _COLUMNS as _FORCED
from adapters.apdb.source_archive import ApdbSourceArchive
from benchmarks.services.postgresql import PostgresqlServer, why_not
from domain.results.sources import DiaSource, ForcedSource, SourceQuery
from ports.source_archive import SourceArchiveUnavailableError
from tests.contract_suites.source_archive import (
    NIGHT,
    SourceArchiveBench,
    SourceArchiveContract,
    a_source,
)
from workbench.night.apdb import make_apdb


class _Database(SourceArchiveBench):
    """An APDB as `lsst.dax.apdb` makes it, filled by plain SQL."""

    def __init__(self, config: str, url: str, namespace: str | None = None) -> None:
        self.archive: ApdbSourceArchive = ApdbSourceArchive(config)
        self.archive.open()
        self._engine = sa.create_engine(url)
        self._table, self._forced = (
            sa.Table(name, sa.MetaData(schema=namespace), autoload_with=self._engine)
            for name in ("DiaSource", "DiaForcedSource")
        )

    def put(self, sources: Sequence[DiaSource]) -> None:
        with self._engine.begin() as connection:
            connection.execute(sa.insert(self._table), [self._row(source) for source in sources])

    def put_forced(self, sources: Sequence[ForcedSource]) -> None:
        rows = [{column: getattr(one, field) for field, column in _FORCED.items()} for one in sources]
        needed = {column.name: 0 for column in self._forced.columns if not column.nullable}
        with self._engine.begin() as connection:
            connection.execute(
                sa.insert(self._forced),
                [needed | {"diaForcedSourceId": number} | row for number, row in enumerate(rows)],
            )

    def _row(self, source: DiaSource) -> dict[str, Any]:
        needed = {column.name: 0 for column in self._table.columns if not column.nullable}
        known = {column: getattr(source, field) for field, column in _COLUMNS.items()}
        return needed | known | {"diaObjectId": source.object_id or None, "timeProcessedMjdTai": source.mjd}

    def cut_off(self) -> None:
        with self._engine.begin() as connection:
            self._table.drop(connection)
            self._forced.drop(connection)

    def close(self) -> None:
        self._engine.dispose()


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with PostgresqlServer() as running:
        yield running


class TestOnSqlite(SourceArchiveContract):
    @pytest.fixture
    async def kept(self, tmp_path: Path) -> AsyncIterator[SourceArchiveBench]:
        bench = _Database(make_apdb(tmp_path), f"sqlite:///{tmp_path / 'apdb.db'}")
        yield bench
        bench.close()
        await bench.archive.close()

    async def test_the_file_alone_is_enough(self, kept: SourceArchiveBench, tmp_path: Path) -> None:
        kept.put(NIGHT)
        archive = ApdbSourceArchive(str(tmp_path / "apdb.db"))
        archive.open()
        assert await archive.count(SourceQuery()) == len(NIGHT)
        await archive.close()

    async def test_a_file_that_is_not_there_is_not_made(self, tmp_path: Path) -> None:
        archive = ApdbSourceArchive(str(tmp_path / "absent.db"))
        archive.open()
        with pytest.raises(SourceArchiveUnavailableError, match="unable to open"):
            await archive.count(SourceQuery())
        await archive.close()
        assert not list(tmp_path.iterdir())

    async def test_what_was_not_measured_is_no_number(self, kept: SourceArchiveBench) -> None:
        nan = float("nan")
        kept.put([a_source(1, science_flux=None, snr=None)])  # as a database has it
        (found,) = await kept.archive.sources(SourceQuery())
        assert str((found.science_flux, found.snr)) == str((nan, nan))
        (summed,) = await kept.archive.objects(SourceQuery())
        assert str(summed.range_mag) == "nan"


@pytest.mark.slow
class TestOnPostgresql(SourceArchiveContract):
    @pytest.fixture
    async def kept(self, server: PostgresqlServer, tmp_path: Path) -> AsyncIterator[SourceArchiveBench]:
        with warnings.catch_warnings(action="ignore", category=ResourceWarning):
            config = ApdbSql.init_database(server.url, namespace="night", drop=True)
            gc.collect()
        file = str(tmp_path / "apdb.yaml")
        config.save(file)
        bench = _Database(file, server.url, "night")
        yield bench
        bench.close()
        await bench.archive.close()

    @pytest.mark.usefixtures("kept")
    def test_nothing_can_be_written(self, tmp_path: Path) -> None:
        engine, _ = reading_engine(str(tmp_path / "apdb.yaml"))
        with pytest.raises(sa.exc.InternalError, match="read-only"), engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE new (x int)"))
        engine.dispose()


def test_a_configuration_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ApdbAddressError, match=r"absent\.yaml cannot be read"):
        ApdbSourceArchive(str(tmp_path / "absent.yaml"))
