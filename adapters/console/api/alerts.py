"""The API's table of alerts, and an alert as JSON."""

import base64
from collections.abc import Iterable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from adapters.console.api.tables import Asked, Column, Parameter, as_json, asked
from adapters.console.view.sightings import utc_of_mjd
from domain.times import utc_isoformat
from ports.alert_archive import AlertArchive, KeptAlert

__all__ = ["ALERTS", "OF_ALERTS", "AlertTables"]

OF_ALERTS: Final = (
    Parameter("visit", "integer", "the exposure, which is a visit to the Butler"),
    Parameter("detector", "integer", "number of the detector", largest=10_000),
    Parameter("object", "integer", "the DiaObject"),
)
_SOURCE: Final = Parameter("source", "integer", "the DiaSource", is_required=True)

ALERTS: Final = (
    Column("source_id_str", "string", "the DiaSource"),
    Column("object_id_str", "string", "its DiaObject; blank if it has none"),
    Column("visit", "integer", "the exposure"),
    Column("detector", "integer", "its number"),
    Column("state", "string", "sent, or waiting for a broker"),
    Column("utc", "string", "when its source was made: it is sent right after that, unless it waits"),
)


class AlertTables:
    """Rows about alerts."""

    def __init__(self, archive: AlertArchive) -> None:
        self._archive = archive

    async def alerts(self, given: Asked) -> Iterable[Mapping[str, object]]:
        """List alerts."""
        found = await self._archive.alerts(
            visit=given.optional("visit"),
            detector=given.optional("detector"),
            object_id=given.optional("object"),
        )
        return map(_row, found)

    async def packet(self, request: Request) -> Response:
        """Answer with an alert as its schema has it; bytes are in base64."""
        given = asked(request.query_params, (_SOURCE,))
        return as_json(_printable(await self._archive.packet(given.integer("source"))))


def _row(alert: KeptAlert) -> Mapping[str, object]:
    return {
        "source_id_str": str(alert.source_id),
        "object_id_str": str(alert.object_id or ""),
        "visit": alert.visit,
        "detector": alert.detector,
        "state": "waiting" if alert.is_waiting else "sent",
        "utc": utc_isoformat(utc_of_mjd(alert.processed)),
    }


def _printable(value: object) -> object:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {name: _printable(one) for name, one in value.items()}
    return [_printable(one) for one in value] if isinstance(value, list) else value
