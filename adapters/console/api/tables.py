"""Tables of the API: JSON for programs, CSV for spreadsheets, and their description."""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from attrs import frozen
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

__all__ = ["Asked", "Column", "Parameter", "as_json", "asked", "table_answer"]

_CSV: Final = "text/csv"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""How a formula begins in a spreadsheet."""

type Row = Mapping[str, object]


@frozen
class Column:
    """One column of a table."""

    name: str
    kind: str
    """Of JSON: string, integer, number, boolean."""
    meaning: str


@frozen
class Parameter:
    """What may be asked for in the address."""

    name: str
    kind: str
    """string, integer or number; the last two are 0 or more, but for what `is_signed`."""
    meaning: str
    is_required: bool = False
    is_signed: bool = False
    largest: float = 2**63 - 1
    choices: tuple[str, ...] = ()
    """All that it may be; none: anything of its kind."""


@frozen
class Asked:
    """Parameters that were given, read."""

    values: Mapping[str, Any]

    def text(self, name: str) -> str:
        """Give text; blank if it was not asked for."""
        found: str = self.values.get(name, "")
        return found

    def integer(self, name: str, default: int = 0) -> int:
        """Give a whole number."""
        found: int = self.values.get(name, default)
        return found

    def optional(self, name: str) -> Any:  # noqa: ANN401 - text or a number, as the parameter says
        """Give what was asked for; None if it was not."""
        return self.values.get(name)


def asked(given: Mapping[str, str], parameters: Iterable[Parameter]) -> Asked:
    """Read the parameters of an address.

    Raises
    ------
    HTTPException
        Raised if one is missing or wrong, with its name and the reason.
    """
    values = {}
    for parameter in parameters:
        text = given.get(parameter.name, "")
        if text:
            values[parameter.name] = _read(parameter, text)
        elif parameter.is_required:
            raise HTTPException(HTTPStatus.BAD_REQUEST, f"{parameter.name} is required: {parameter.meaning}")
    return Asked(values)


def _read(parameter: Parameter, text: str) -> str | int | float:
    if parameter.choices and text not in parameter.choices:
        known = ", ".join(parameter.choices)
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"{parameter.name} is one of {known}, not {text[:80]!r}")
    if parameter.kind == "string":
        return text
    try:
        number = int(text) if parameter.kind == "integer" and text.isascii() else float(text)
        is_whole = parameter.kind != "integer" or isinstance(number, int)
        if not is_whole or not math.isfinite(number) or abs(number) > parameter.largest:
            raise ValueError
        if number < 0 and not parameter.is_signed:
            raise ValueError
    except ValueError:
        limit = "" if parameter.is_signed else ", 0 or more"
        raise HTTPException(
            HTTPStatus.BAD_REQUEST, f"{parameter.name} is a {parameter.kind}{limit}, not {text[:80]!r}"
        ) from None
    return number


def as_json(content: object) -> Response:
    """Answer with JSON; what was not measured is null."""
    return Response(
        json.dumps(_plain(content), ensure_ascii=False, separators=(",", ":")),
        media_type="application/json",
        headers={"cache-control": "no-store"},
    )


def _plain(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def table_answer(request: Request, name: str, columns: Sequence[Column], rows: Iterable[Row]) -> Response:
    """Answer with a table, as CSV if ``format=csv`` or the Accept header asks for it, else as JSON."""
    wants = request.query_params.get("format", "")
    if wants not in {"", "csv", "json"}:
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"format is csv or json, not {wants[:80]!r}")
    if wants == "csv" or (not wants and request.headers.get("accept", "").startswith(_CSV)):
        return _csv(name, columns, rows)
    return as_json([{column.name: row.get(column.name) for column in columns} for row in rows])


def _cell(value: object) -> object:
    """Write text so that no spreadsheet takes it for a formula, which may send what it finds elsewhere."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value


def _csv(name: str, columns: Sequence[Column], rows: Iterable[Row]) -> Response:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(column.name for column in columns)
    for row in rows:
        writer.writerow(_cell(_plain(row.get(column.name))) for column in columns)
    headers = {"content-disposition": f'attachment; filename="{name}.csv"', "cache-control": "no-store"}
    return Response(text.getvalue(), media_type=f"{_CSV}; charset=utf-8", headers=headers)
