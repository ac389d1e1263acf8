"""DiaSources, read by SQL from an APDB."""

import math
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from domain.results.objects import summed_up
from domain.results.sources import DiaSource, ObjectOrder, ObjectSummary, SourceOrder, SourceQuery

__all__ = ["DiaSources"]

_COLUMNS: Final = {
    "source_id": "diaSourceId", "object_id": "diaObjectId", "visit": "visit", "detector": "detector",
    "band": "band", "mjd": "midpointMjdTai", "ra": "ra", "dec": "dec", "x": "x", "y": "y", "snr": "snr",
    "flux": "psfFlux", "flux_err": "psfFluxErr", "science_flux": "scienceFlux",
    "ra_err": "raErr", "dec_err": "decErr",
    "template_flux": "templateFlux", "reliability": "reliability", "body_id": "ssObjectId",
}  # fmt: skip
"""Of DiaSource in `lsst.dax.apdb`, by the fields of `domain.results.sources.DiaSource`."""

_UNKNOWN: Final = {"object_id": 0, "band": "", "body_id": 0}
"""What stands for NULL; else NaN."""


class DiaSources:
    """The table DiaSource of one database.

    Parameters
    ----------
    engine
        Of the database.
    namespace
        The schema that the table is in; None is the usual one.
    """

    def __init__(self, engine: sa.Engine, namespace: str | None = None) -> None:
        self._engine = engine
        self._table = sa.table("DiaSource", *map(sa.column, _COLUMNS.values()), schema=namespace)
        self._by_field = {field: self._table.c[column] for field, column in _COLUMNS.items()}

    def sources(
        self,
        query: SourceQuery,
        limit: int | None,
        offset: int = 0,
        order: SourceOrder = SourceOrder.TIME,
    ) -> Sequence[DiaSource]:
        """List DiaSources."""
        of = self._by_field
        first: dict[SourceOrder, list[sa.ColumnElement[Any]]] = {
            SourceOrder.TIME: [],
            SourceOrder.SNR: [of["snr"].desc().nulls_last()],
            SourceOrder.FLUX: [sa.func.abs(of["flux"]).desc().nulls_last()],
        }
        by = (*first[order], of["mjd"], of["detector"], of["source_id"])
        rows = self._rows(self._select(query).order_by(*by).limit(limit).offset(offset))
        return [_source(row) for row in rows]

    def source(self, source_id: int) -> DiaSource | None:
        """Find one DiaSource; None if there is none."""
        rows = self._rows(sa.select(*self._table.c).where(self._by_field["source_id"] == source_id))
        return _source(rows[0]) if rows else None

    def count(self, query: SourceQuery) -> int:
        """Count DiaSources."""
        counted = sa.select(sa.func.count()).select_from(self._table)
        [(count,)] = self._rows(counted.where(*self._where(query)))
        return int(count)

    def objects(
        self,
        query: SourceQuery,
        limit: int,
        offset: int = 0,
        order: ObjectOrder = ObjectOrder.SIGHTINGS,
    ) -> Sequence[ObjectSummary]:
        """Sum up the objects of DiaSources."""
        object_id = self._by_field["object_id"]
        strength = sa.func.max(self._by_field["snr"]).desc().nulls_last()
        first: dict[ObjectOrder, list[sa.ColumnElement[Any]]] = {
            ObjectOrder.SIGHTINGS: [sa.func.count().desc()],
            ObjectOrder.ONCE: [sa.func.count(), strength],
            ObjectOrder.SNR: [strength],
            ObjectOrder.LAST: [sa.func.max(self._by_field["mjd"]).desc()],
        }
        often = (
            sa.select(object_id)
            .where(*self._where(query), object_id != 0)  # NULL is not unlike 0 either
            .group_by(object_id)
            .order_by(*first[order], object_id)
            .limit(limit)
            .offset(offset)
        )
        wanted = [row[0] for row in self._rows(often)]
        rows = self._rows(self._select(query).where(object_id.in_(wanted)))
        return summed_up(map(_source, rows), order)

    def _select(self, query: SourceQuery) -> sa.Select[Any]:
        return sa.select(*self._table.c).where(*self._where(query))

    def _where(self, query: SourceQuery) -> Sequence[sa.ColumnElement[bool]]:
        of = self._by_field
        equal = {name: getattr(query, name) for name in ("visit", "detector", "band")}
        found = [of[name] == value for name, value in equal.items() if value is not None]
        if query.object_id is not None:
            same = of["object_id"] == query.object_id
            found.append(same if query.object_id else same | of["object_id"].is_(None))
        if query.snr_at_least > 0:
            found.append(of["snr"] >= query.snr_at_least)
        if math.isfinite(query.since):
            found.append(of["mjd"] >= query.since)
        if math.isfinite(query.until):
            found.append(of["mjd"] <= query.until)
        return found

    def _rows(self, statement: sa.Select[Any]) -> Sequence[Sequence[Any]]:
        with self._engine.connect() as connection:
            return connection.execute(statement).all()


def _source(row: Sequence[Any]) -> DiaSource:
    known: dict[str, Any] = {
        field: _UNKNOWN.get(field, math.nan) if value is None else value
        for field, value in zip(_COLUMNS, row, strict=True)
    }
    return DiaSource(**known)
