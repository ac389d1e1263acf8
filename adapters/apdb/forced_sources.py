"""Forced photometry, read by SQL from an APDB."""

import math
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from domain.results.sources import ForcedSource

__all__ = ["forced_sources"]

_COLUMNS: Final = {
    "object_id": "diaObjectId", "visit": "visit", "detector": "detector", "band": "band",
    "mjd": "midpointMjdTai", "flux": "psfFlux", "flux_err": "psfFluxErr", "science_flux": "scienceFlux",
    "science_flux_err": "scienceFluxErr",
}  # fmt: skip
"""Of DiaForcedSource in `lsst.dax.apdb`, by the fields of `domain.results.sources.ForcedSource`."""


def forced_sources(engine: sa.Engine, namespace: str | None, object_id: int) -> Sequence[ForcedSource]:
    """List what was measured at the place of an object, in the order of time.

    Parameters
    ----------
    engine
        Of the database.
    namespace
        The schema that the table is in; None is the usual one.
    object_id
        Of the DiaObject.
    """
    table = sa.table("DiaForcedSource", *map(sa.column, _COLUMNS.values()), schema=namespace)
    at = [table.c[_COLUMNS[name]] for name in ("mjd", "detector")]
    wanted = sa.select(*table.c).where(table.c[_COLUMNS["object_id"]] == object_id).order_by(*at)
    with engine.connect() as connection:
        return [_source(row) for row in connection.execute(wanted)]


def _source(row: Sequence[Any]) -> ForcedSource:
    known: dict[str, Any] = {
        field: ("" if field == "band" else math.nan) if value is None else value
        for field, value in zip(_COLUMNS, row, strict=True)
    }
    return ForcedSource(**known)
