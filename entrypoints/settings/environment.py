"""Read settings from environment variables into frozen classes, all faults together."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import NOTHING, Attribute, field, fields, frozen

from domain.addresses import without_users
from domain.errors import PromptProcessingError

__all__ = ["REQUIRED", "Parser", "SettingsError", "describe_settings", "group", "read_settings", "setting"]

type Parser[T] = Callable[[str], T]
"""Turns a variable's text into a value; raises `ValueError` with the reason."""

REQUIRED = "required"
"""In place of the default of a variable that must be set."""

_VARIABLE = "variable"
_GROUP = "group"


class SettingsError(PromptProcessingError):
    """Settings are missing or wrong.

    Attributes
    ----------
    faults
        A line for each, beginning with the variable's name.
    """

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


@frozen
class _Variable:
    name: str
    parse: Parser[Any]
    help: str
    secret: bool
    default: str | None


def setting[T](
    name: str, parse: Parser[T], meaning: str, *, default: str | None = None, secret: bool = False
) -> Any:  # noqa: ANN401 - like attrs' own field(), so that annotated attributes may be assigned it
    """Declare an attribute that an environment variable sets.

    Parameters
    ----------
    name
        Of the variable.
    parse
        From its text to the attribute's value.
    meaning
        One line for ``--help``.
    default
        Text that stands in for an absent or blank variable; None: it is required.
    secret
        True keeps the value out of `repr`.
    """
    return field(metadata={_VARIABLE: _Variable(name, parse, meaning, secret, default)}, repr=not secret)


def group(kind: type) -> Any:  # noqa: ANN401 - as above
    """Declare an attribute that is itself a class of settings."""
    return field(metadata={_GROUP: kind})


def read_settings[T](kind: type[T], environ: Mapping[str, str]) -> T:
    """Read all settings of a class.

    Raises
    ------
    SettingsError
        Raised if any are missing or wrong; it lists them all.
    """
    faults: list[str] = []
    settings = _read(kind, environ, faults)
    if settings is None or faults:
        raise SettingsError(list(dict.fromkeys(faults)))
    return settings


def _read[T](kind: type[T], environ: Mapping[str, str], faults: list[str]) -> T | None:
    before = len(faults)
    values: dict[str, Any] = {}
    for attribute in _attributes(kind):
        if _GROUP in attribute.metadata:
            values[attribute.name] = _read(attribute.metadata[_GROUP], environ, faults)
        elif _VARIABLE in attribute.metadata:
            values[attribute.name] = _value(attribute.metadata[_VARIABLE], environ, faults)
    if len(faults) > before:
        return None
    try:
        return kind(**values)
    except ValueError as error:
        faults.append(str(error))
        return None


def _value(variable: _Variable, environ: Mapping[str, str], faults: list[str]) -> Any:  # noqa: ANN401 - of any type
    text = environ.get(variable.name, "").strip()
    if not text:
        if variable.default is None:
            faults.append(f"{variable.name}: is required ({variable.help})")
            return None
        text = variable.default
    try:
        return variable.parse(text)
    except ValueError as error:
        shown = "" if variable.secret else f" (it is {text!r})"
        faults.append(without_users(f"{variable.name}: {error}{shown}"))
        return None


def describe_settings(kind: type) -> list[tuple[str, str, str]]:
    """List the variables of a class: name, default (or `REQUIRED`), meaning."""
    rows: list[tuple[str, str, str]] = []
    for attribute in _attributes(kind):
        if _GROUP in attribute.metadata:
            rows += describe_settings(attribute.metadata[_GROUP])
        elif _VARIABLE in attribute.metadata:
            variable: _Variable = attribute.metadata[_VARIABLE]
            default = REQUIRED if variable.default is None else variable.default or "none"
            rows.append((variable.name, default, variable.help))
    return rows


def _attributes(kind: type) -> tuple["Attribute[Any]", ...]:
    return tuple(attribute for attribute in fields(kind) if attribute.default is NOTHING)
