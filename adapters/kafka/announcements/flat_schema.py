"""Which Avro schemas announcements may have: flat records, so that decoding is bounded by the message."""

from collections.abc import Mapping
from typing import Any, Final

from adapters.common.visit_record import UndecodableVisitError

__all__ = ["flat"]

_ARRAYS: Final = frozenset({"position"})
_NUMBERS: Final = frozenset({"int", "long", "float", "double"})
_SCALARS: Final = _NUMBERS | {"null", "boolean", "bytes", "string"}


def flat(schema: object, number: int) -> dict[str, Any]:
    """Write a record of scalars, enums and the array of numbers `position` without all that it need not have.

    Whatever else Avro knows costs more to decode than the message is long: types
    that contain themselves exhaust the stack, and an array of nulls, which take no
    bytes, grows to any length that the message claims. Logical types are left out, which no field of
    an announcement is read by: a decimal of a megabyte takes minutes.

    Raises
    ------
    UndecodableVisitError
        Raised if the schema is anything else; says which field is.
    """
    match schema:
        case {"type": "record", "fields": [*fields]}:
            plain = []
            for field in fields:
                if not isinstance(field, Mapping) or not isinstance(field.get("name"), str):
                    raise UndecodableVisitError(f"schema {number}: a field without a name")
                kind = _flat(field.get("type"), is_array_allowed=field["name"] in _ARRAYS)
                if kind is None:
                    raise UndecodableVisitError(
                        f"schema {number}: field {field['name'][:100]!r} is neither a scalar nor an enum"
                    )
                plain.append({"name": field["name"], "type": kind})
            return {"type": "record", "name": "announcement", "fields": plain}
    raise UndecodableVisitError(f"schema {number} is not of a record")


def _flat(kind: Any, *, is_array_allowed: bool) -> Any:  # noqa: ANN401 - whatever the JSON holds
    match kind:
        case str(name) | {"type": str(name)} if name in _SCALARS:
            return name
        case {"type": "enum", "name": str(name), "symbols": [*symbols]}:
            return {"type": "enum", "name": name, "symbols": symbols}
        case {"type": "array", "items": str(items)} if is_array_allowed and items in _NUMBERS:
            return {"type": "array", "items": items}
        case [*choices]:
            plain = [
                None if isinstance(one, list) else _flat(one, is_array_allowed=is_array_allowed)
                for one in choices
            ]
            return None if None in plain else plain
    return None
