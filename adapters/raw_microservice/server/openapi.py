"""The OpenAPI document of the raw microservice."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

__all__ = ["openapi_document"]

type _Json = Mapping[str, Any]

_TEXT: Final[_Json] = {"type": "string"}


def openapi_document(*, of_contract: Sequence[str], configured: Sequence[str]) -> _Json:
    """Describe every path, parameter and answer, as OpenAPI 3.1.

    Parameters
    ----------
    of_contract, configured
        Instruments that version 1 and version 2 know.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Raw presence",
            "version": "2.0.0",
            "description": "Tells whether a raw image has come, and where it is. "
            "Names in paths are percent-encoded, slashes as %2F.",
        },
        "paths": {
            "/presence/{instrument}/{group}/{snap}/{sensor}": _lookup(
                "onePresenceV1", "One raw, version 1", "Presence", ("400", "500"), ("instrumentV1", *_PLACE)
            ),
            "/v2/presence/{instrument}/{group}/{snap}/{sensor}": _lookup(
                "onePresence", "One raw, of any sensor", "Presence", _V2_FAILURES, ("instrument", *_PLACE)
            ),
            "/v2/presence/{instrument}/{group}/{snap}": _lookup(
                "snapPresence",
                "All raws of a snap that have come",
                "Listing",
                _V2_FAILURES,
                ("instrument", "group", "snap", "sensors"),
            ),
            "/v2/presence/{instrument}/{group}": _lookup(
                "groupPresence",
                "All raws of a group that have come",
                "Listing",
                _V2_FAILURES,
                ("instrument", "group", "sensors"),
            ),
            "/healthz": _simple("healthz", "Whether the process is alive", _json("Status")),
            "/readyz": _simple("readyz", "Whether the index answers", _json("Status"), "503"),
            "/metrics": _simple("metrics", "Prometheus metrics", {"text/plain": {"schema": _TEXT}}),
            "/openapi.json": _simple(
                "openapi", "This document", {"application/json": {"schema": {"type": "object"}}}
            ),
        },
        "components": {
            "schemas": _SCHEMAS,
            "parameters": {
                "instrumentV1": _instrument(of_contract),
                "instrument": _instrument(configured),
                **_PARAMETERS,
            },
            "responses": _FAILURES,
        },
    }


_PLACE: Final = ("group", "snap", "sensor")
_V2_FAILURES: Final = ("400", "404", "503")


def _lookup(
    name: str, summary: str, schema: str, failures: tuple[str, ...], parameters: tuple[str, ...]
) -> _Json:
    operation = _operation(name, summary, _json(schema), *failures)
    return {
        "get": {
            **operation,
            "parameters": [{"$ref": f"#/components/parameters/{parameter}"} for parameter in parameters],
        }
    }


def _simple(name: str, summary: str, content: _Json, *failures: str) -> _Json:
    return {"get": _operation(name, summary, content, *failures)}


def _operation(name: str, summary: str, content: _Json, *failures: str) -> _Json:
    return {
        "operationId": name,
        "summary": summary,
        "responses": {
            "200": {"description": "The answer", "content": content},
            **{status: {"$ref": f"#/components/responses/{status}"} for status in failures},
        },
    }


def _json(schema: str) -> _Json:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _object(**properties: _Json) -> _Json:
    return {"type": "object", "required": list(properties), "properties": properties}


_SCHEMAS: Final[_Json] = {
    "Presence": {
        "oneOf": [
            _object(error={"const": False}, present={"const": True}, uri=_TEXT),
            _object(error={"const": False}, present={"const": False}),
        ]
    },
    "Listing": _object(
        error={"const": False},
        instrument=_TEXT,
        group=_TEXT,
        raws={"type": "array", "items": {"$ref": "#/components/schemas/Raw"}},
    ),
    "Raw": _object(
        snap={"type": "integer", "minimum": 0},
        sensor=_TEXT,
        detector={"type": "integer", "minimum": 0},
        uri=_TEXT,
    ),
    "Status": _object(error={"const": False}, status=_TEXT),
    "Failure": _object(error={"const": True}, message=_TEXT),
}

_FAILURES: Final[_Json] = {
    status: {"description": description, "content": _json("Failure")}
    for status, description in (
        ("400", "The request cannot be read, or (version 1) names what is unknown"),
        ("404", "The instrument or sensor is unknown"),
        ("500", "The index cannot be reached"),
        ("503", "The index cannot be reached"),
    )
}


def _in_path(name: str, description: str, schema: _Json) -> _Json:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def _instrument(names: Sequence[str]) -> _Json:
    return _in_path("instrument", "Short name", {"type": "string", "enum": sorted(names)})


_PARAMETERS: Final[_Json] = {
    "group": _in_path("group", "Group id of the visit", {"type": "string", "minLength": 1}),
    "snap": _in_path("snap", "From 0", {"type": "integer", "minimum": 0, "maximum": 999_999_999}),
    "sensor": _in_path("sensor", "Name of the detector, such as R22_S11", _TEXT),
    "sensors": {
        "name": "sensor",
        "in": "query",
        "description": "Names of detectors to look for; all of the camera if none is given",
        "schema": {"type": "array", "items": _TEXT},
    },
}
