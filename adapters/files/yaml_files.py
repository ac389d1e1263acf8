"""Reading YAML into typed values, with errors that name file, key and reason."""

import math
import re
from collections.abc import Callable, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, get_origin

import cattrs
import yaml
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError, IterableValidationError

from domain.errors import PromptProcessingError

__all__ = ["UnreadableFileError", "read_yaml", "strict_converter", "structured"]

# The C parser takes a tenth of the time.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class UnreadableFileError(PromptProcessingError):
    """A file is absent, no YAML, or does not hold what it should."""


class _OnceLoader(_SafeLoader):  # type: ignore[misc]  # which of the two bases it is depends on the platform
    """A loader that does not let a key of a mapping hide an earlier one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise yaml.constructor.ConstructorError(
                None, None, f"key {twice!r} stands twice", node.start_mark
            )
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


def read_yaml(file: Path | Traversable) -> object:
    """Parse a YAML file.

    Raises
    ------
    UnreadableFileError
        Raised if the file cannot be read or is not YAML.
    """
    try:
        return yaml.load(file.read_bytes(), Loader=_OnceLoader)  # noqa: S506 - it is a safe loader
    except (OSError, yaml.YAMLError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableFileError(f"{file}: {' '.join(str(error).split())}") from error


def strict_converter() -> cattrs.Converter:
    """Make a converter that refuses unknown keys and never turns one scalar type into another."""
    converter = cattrs.Converter(forbid_extra_keys=True)
    converter.register_structure_hook(str, _exactly(str, "text"))
    converter.register_structure_hook(bool, _exactly(bool, "true or false"))
    converter.register_structure_hook(int, _exactly(int, "a whole number"))
    converter.register_structure_hook(float, _float)
    return converter


def structured[T](
    converter: cattrs.Converter,
    kind: type[T],
    file: Path | Traversable,
    names: Mapping[str, str],
) -> T:
    """Read a YAML file into a value.

    Parameters
    ----------
    converter
        A `strict_converter`.
    kind
        The value's class.
    file
        The file.
    names
        From attributes to the keys that the file has for them, where they
        differ.

    Raises
    ------
    UnreadableFileError
        Raised if the file cannot be read or does not fit; all faults are
        named.
    """
    data = read_yaml(file)
    if not isinstance(data, dict):
        raise UnreadableFileError(f"{file}: is not a mapping of keys to values")
    try:
        return converter.structure(data, kind)
    except (ClassValidationError, IterableValidationError) as error:
        faults = (_key_first(fault, names) for fault in cattrs.transform_error(error, "", _reason))
        raise UnreadableFileError(f"{file}: {'; '.join(faults)}") from error


def _exactly(kind: type, name: str) -> Callable[[object, object], object]:
    def structure(value: object, _: object) -> object:
        if type(value) is not kind:
            raise ValueError(f"{value!r} is not {name}")
        return value

    return structure


def _float(value: object, _: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a finite number")
    return float(value)


def _key_first(fault: str, names: Mapping[str, str]) -> str:
    reason, _, path = fault.rpartition(" @ ")
    for attribute, key in names.items():
        path = re.sub(rf"(?<=\.){attribute}\b", key, path)
    return f"{path.removeprefix('.')}: {reason}" if path else reason


def _reason(error: BaseException, expected: object) -> str:
    if isinstance(error, KeyError):
        return "is missing"
    if isinstance(error, ForbiddenExtraKeysError):
        return f"unknown keys {', '.join(sorted(map(str, error.extra_fields)))}"
    if isinstance(error, ValueError | PromptProcessingError | OverflowError):
        return str(error)
    # Structuring code tripped over a value of another shape.
    return "is not a list" if get_origin(expected) is tuple else "is not a mapping"
