"""A converter from plain records to values that takes nothing for what it is not."""

import enum
import math
from collections.abc import Iterator, Mapping

import cattrs
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError

from domain.times import TaiSeconds, utc_from_tai

__all__ = ["faults", "strict_converter"]


def strict_converter() -> cattrs.Converter:
    """Make a converter that neither coerces types nor lets infinities and undated instants through."""
    converter = cattrs.Converter()
    converter.register_structure_hook(int, _integer)
    converter.register_structure_hook(enum.IntEnum, _member)
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(TaiSeconds, _instant)
    converter.register_structure_hook_func(lambda kind: kind == tuple[float, float], _pair)
    return converter


def faults(error: ClassValidationError, names: Mapping[str, str]) -> str:
    """Write what is wrong with a record as ``field: reason``, joined by semicolons.

    Parameters
    ----------
    error
        What the converter raised.
    names
        From attribute to field, where the two differ; a blank name leaves the
        attribute out of the path to a nested field.
    """
    return "; ".join(_lines(error, names, ""))


def _lines(error: ClassValidationError, names: Mapping[str, str], path: str) -> Iterator[str]:
    described, others = error.group_exceptions()
    for fault, note in described:
        name = names.get(note.name, note.name)
        if isinstance(fault, ClassValidationError):
            yield from _lines(fault, names, f"{path}{name}." if name else path)
        else:
            yield f"{path}{name}: {_reason(fault)}"
    for fault in others:
        if isinstance(fault, ForbiddenExtraKeysError):
            yield f"{path}{', '.join(sorted(map(_shown, fault.extra_fields)))}: not a known key"
        else:
            # What a value's own validators say begins with the attribute's name.
            name, colon, reason = str(fault).partition(": ")
            yield f"{path}{names.get(name, name)}{colon}{reason}"


def _reason(fault: Exception) -> str:
    return "is missing" if isinstance(fault, KeyError) else str(fault)


def _integer(value: object, _: object) -> int:
    # JSON does not tell 2.0 from 2.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{_shown(value)} is not an integer")
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"{_shown(value)} does not fit into 64 bits")
    return value


def _number(value: object, _: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{_shown(value)} is not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{_shown(value)} is not a finite number")
    return number


def _member(value: object, kind: type[enum.IntEnum]) -> enum.IntEnum:
    number = _integer(value, int)
    try:
        return kind(number)
    except ValueError:
        legal = ", ".join(f"{member.value} {member.name}" for member in kind)
        raise ValueError(f"{number} is none of {legal}") from None


def _text(value: object, _: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{_shown(value)} is not a string")
    # Neither could be sent on, nor kept in a database.
    if "\0" in value or not (value.isascii() or _is_unicode(value)):
        raise ValueError(f"{_shown(value)} holds characters that no text has")
    return value


def _instant(value: object, _: object) -> TaiSeconds:
    instant = TaiSeconds(_number(value, float))
    utc_from_tai(instant)
    return instant


def _pair(value: object, _: object) -> tuple[float, float]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise TypeError(f"{_shown(value)} is not two numbers")
    return _number(value[0], float), _number(value[1], float)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: object) -> str:
    """Show a value in at most a few words, whatever was sent."""
    try:
        text = ascii(value)
    except (ValueError, RecursionError):
        text = f"a huge {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:80]}..."
