"""The API's description in OpenAPI 3.1."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from adapters.console.api.endpoints import FORMAT, Endpoint
from adapters.console.api.tables import Column, Parameter

__all__ = ["openapi_document"]

_ERROR = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
_FAILURES: Mapping[str, str] = {
    "400": "A parameter is missing or wrong",
    "401": "Who asks is not known",
    "404": "There is no such thing",
    "503": "What is asked for is not within reach now",
}


def openapi_document(endpoints: Iterable[Endpoint]) -> Mapping[str, Any]:
    """Describe the API."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Prompt Processing: a night",
            "version": "1",
            "description": "How the night of one instrument stands. Everything is read only; what was not"
            " measured is null.",
        },
        "paths": {endpoint.path: {"get": _operation(endpoint)} for endpoint in endpoints},
    }


def _operation(endpoint: Endpoint) -> Mapping[str, Any]:
    table = {"type": "array", "items": _schema(endpoint.columns)}
    return {
        "operationId": endpoint.path.rpartition("/")[2].replace("-", "_"),
        "summary": endpoint.summary,
        "parameters": [_parameter(one) for one in (*endpoint.parameters, FORMAT)],
        "responses": {
            "200": {
                "description": endpoint.summary,
                "content": {
                    "application/json": {"schema": table},
                    "text/csv": {"schema": {"type": "string"}},
                },
            },
            **{
                status: {"description": text, "content": {"application/json": {"schema": _ERROR}}}
                for status, text in _FAILURES.items()
            },
        },
    }


def _schema(columns: Sequence[Column]) -> Mapping[str, Any]:
    return {
        "type": "object",
        "properties": {
            column.name: {"type": [column.kind, "null"], "description": column.meaning} for column in columns
        },
    }


def _parameter(parameter: Parameter) -> Mapping[str, Any]:
    schema: dict[str, Any] = {"type": parameter.kind}
    if parameter.choices:
        schema["enum"] = list(parameter.choices)
    elif parameter.kind != "string":
        schema["maximum"] = parameter.largest
        schema |= {} if parameter.is_signed else {"minimum": 0}
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.is_required,
        "description": parameter.meaning,
        "schema": schema,
    }
