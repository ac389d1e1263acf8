"""Which Avro schemas announcements may have: flat records, so that decoding is bounded by the message."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from adapters.common.visit_record import UndecodableVisitError

__all__ = ["check_flat"]

_ARRAYS: Final = frozenset({"position"})
_NUMBERS: Final = frozenset({"int", "long", "float", "double"})
_SCALARS: Final = _NUMBERS | {"null", "boolean", "bytes", "string"}


def check_flat(schema: object, number: int) -> None:
    """Accept a record of scalars, enums and the array of numbers `position`.

    Whatever else Avro knows costs more to decode than the message is long: types
    that contain themselves exhaust the stack, and an array of nulls, which take no
    bytes, grows to any length that the message claims.

    Raises
    ------
    UndecodableVisitError
        Raised if the schema is anything else; says which field is.
    """
    match schema:
        case {"type": "record", "fields": [*fields]}:
            for field in fields:
                if not isinstance(field, Mapping) or not isinstance(field.get("name"), str):
                    raise UndecodableVisitError(f"schema {number}: a field without a name")
                if not _is_flat(field.get("type"), is_array_allowed=field["name"] in _ARRAYS):
                    raise UndecodableVisitError(
                        f"schema {number}: field {field['name'][:100]!r} is neither a scalar nor an enum"
                    )
        case _:
            raise UndecodableVisitError(f"schema {number} is not of a record")


def _is_flat(kind: Any, *, is_array_allowed: bool) -> bool:  # noqa: ANN401 - whatever the JSON holds
    match kind:
        case str():
            return kind in _SCALARS
        case {"type": "enum", "symbols": [*_]}:
            return True
        case {"type": "array", "items": str(items)}:
            return is_array_allowed and items in _NUMBERS
        case {"type": str(name)}:
            return name in _SCALARS
        case Sequence():
            return all(not isinstance(one, Sequence) or isinstance(one, str) for one in kind) and all(
                _is_flat(one, is_array_allowed=is_array_allowed) for one in kind
            )
    return False
