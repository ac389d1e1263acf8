"""Converters from plain data to values, which take nothing for what it is not."""

import contextlib
import enum
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_origin

import attrs
import cattrs
from cattrs.errors import (
    AttributeValidationNote,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
)
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from domain.errors import PromptProcessingError
from domain.times import TaiSeconds, utc_from_tai

__all__ = [
    "UnfitError",
    "is_unicode",
    "lenient_converter",
    "rename",
    "shown",
    "strict_converter",
    "structured",
]

type _Hook = Callable[[Any, Any], Any]


class UnfitError(PromptProcessingError):
    """Data do not fit a value; the text names each key or field at fault, and why."""


def strict_converter() -> cattrs.Converter:
    """Make a converter for what people write: it refuses keys that it does not know."""
    return _prepared(cattrs.Converter(forbid_extra_keys=True))


def lenient_converter(*, omit_if_default: bool = False) -> cattrs.Converter:
    """Make a converter for messages: it passes over fields that it does not know.

    Parameters
    ----------
    omit_if_default
        Whether it leaves out fields that hold their defaults when it writes.
    """
    converter = _prepared(cattrs.Converter(omit_if_default=omit_if_default))
    converter.register_structure_hook(int, _integer)
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(enum.IntEnum, _member)
    converter.register_structure_hook(TaiSeconds, _instant)
    converter.register_structure_hook_func(lambda kind: kind == tuple[float, float], _pair)
    return converter


def rename(converter: cattrs.Converter, kind: type, names: Mapping[str, str]) -> None:
    """Let a class have other names for its attributes where it is read and written.

    Parameters
    ----------
    converter
        Reads and writes it.
    kind
        The class.
    names
        From attribute to key; may hold names of other classes.
    """
    own = {attribute.name for attribute in attrs.fields(kind)} & names.keys()
    renamed: dict[str, Any] = {name: override(rename=names[name]) for name in own}
    converter.register_structure_hook(kind, _of_mapping(make_dict_structure_fn(kind, converter, **renamed)))
    converter.register_unstructure_hook(kind, make_dict_unstructure_fn(kind, converter, **renamed))


def structured[T](
    converter: cattrs.Converter, data: object, kind: type[T], names: Mapping[str, str], path: str = ""
) -> T:
    """Make a value of plain data.

    Parameters
    ----------
    converter
        Made by one of the functions above.
    data
        Mappings, lists and scalars.
    kind
        The value's class.
    names
        From attribute to key, where the two differ; a blank one leaves the
        attribute out of the path to what is in it.
    path
        Of the data in a larger whole, for messages.

    Raises
    ------
    UnfitError
        Raised if the data do not fit; all faults are named.
    """
    try:
        return converter.structure(data, kind)
    except (ClassValidationError, IterableValidationError) as error:
        raise UnfitError("; ".join(_faults(error, names, path))) from error
    except UnfitError as error:
        raise UnfitError(f"{path}: {error}" if path else str(error)) from error


def shown(value: object) -> str:
    """Show a value in at most a few words, whatever was sent."""
    try:
        text = ascii(value)
    except (ValueError, RecursionError):
        text = f"a huge {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:80]}..."


def is_unicode(text: str) -> bool:
    """Tell whether a text can be encoded: JSON can spell half a character."""
    try:
        text.isascii() or text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _faults(
    error: ClassValidationError | IterableValidationError, names: Mapping[str, str], path: str
) -> Iterator[str]:
    described, others = error.group_exceptions()
    for fault, note in described:
        if isinstance(note, AttributeValidationNote):
            inner = _below(path, names.get(note.name, note.name))
        else:
            inner = f"{path}[{note.index!r}]"
        if isinstance(fault, ClassValidationError | IterableValidationError):
            yield from _faults(fault, names, inner)
        else:
            yield f"{inner}: {_reason(fault, note.type)}"
    attributes = {each.name for each in attrs.fields(error.cl)} if attrs.has(error.cl) else set()
    for fault in others:
        # What a value's own validators say may begin with the attribute's name.
        name, colon, reason = (text := _reason(fault, error.cl)).partition(": ")
        if colon and name in attributes:
            yield f"{_below(path, names.get(name, name))}: {reason}"
        else:
            yield f"{path}: {text}" if path else text


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name


def _reason(fault: Exception, expected: object) -> str:
    if isinstance(fault, KeyError):
        return "is missing"
    if isinstance(fault, ForbiddenExtraKeysError):
        return f"unknown keys {', '.join(sorted(map(str, fault.extra_fields)))}"
    if isinstance(fault, ValueError | PromptProcessingError | OverflowError):
        return str(fault)
    # Structuring code tripped over a value of another shape.
    return "is not a list" if get_origin(expected) in {tuple, list} else "is not a mapping"


def _prepared(converter: cattrs.Converter) -> cattrs.Converter:
    converter.register_structure_hook(int, _exact_integer)
    converter.register_structure_hook(str, _exact_text)
    converter.register_structure_hook(bool, _boolean)
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook_factory(
        attrs.has, lambda kind: _of_mapping(make_dict_structure_fn(kind, converter))
    )
    return converter


def _of_mapping(read: _Hook) -> _Hook:
    def structure(value: object, kind: object) -> object:
        if not isinstance(value, Mapping):
            raise UnfitError("is not a mapping")
        return read(value, kind)

    return structure


def _exact_text(value: object, _: object) -> str:
    if not isinstance(value, str):
        raise UnfitError(f"{shown(value)} is not text")
    return value


def _text(value: object, kind: object) -> str:
    value = _exact_text(value, kind)
    # Neither could be sent on, nor kept in a database.
    if "\0" in value or not is_unicode(value):
        raise UnfitError(f"{shown(value)} holds characters that no text has")
    return value


def _boolean(value: object, _: object) -> bool:
    if not isinstance(value, bool):
        raise UnfitError(f"{shown(value)} is not true or false")
    return value


def _exact_integer(value: object, _: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise UnfitError(f"{shown(value)} is not a whole number")
    if not -(2**63) <= value < 2**63:
        raise UnfitError(f"{shown(value)} does not fit into 64 bits")
    return value


def _integer(value: object, kind: object) -> int:
    # JSON does not tell 2.0 from 2.
    return _exact_integer(int(value) if isinstance(value, float) and value.is_integer() else value, kind)


def _number(value: object, _: object) -> float:
    number = math.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):
            number = float(value)
    if not math.isfinite(number):
        raise UnfitError(f"{shown(value)} is not a finite number")
    return number


def _member(value: object, kind: type[enum.IntEnum]) -> enum.IntEnum:
    number = _integer(value, int)
    try:
        return kind(number)
    except ValueError:
        legal = ", ".join(f"{member.value} {member.name}" for member in kind)
        raise UnfitError(f"{number} is none of {legal}") from None


def _instant(value: object, _: object) -> TaiSeconds:
    instant = TaiSeconds(_number(value, float))
    utc_from_tai(instant)
    return instant


def _pair(value: object, _: object) -> tuple[float, float]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise UnfitError(f"{shown(value)} is not two numbers")
    return _number(value[0], float), _number(value[1], float)
