"""Pipelines configurations: YAML lists of nodes (docs/contracts/pipelines-configuration.md)."""

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import yaml
from cattrs import Converter
from cattrs.errors import ClassValidationError
from cattrs.gen import make_dict_structure_fn, override

from adapters.common.strict import faults, strict_converter
from domain.pipelines import (
    CoordType,
    DecRange,
    InvalidPipelinesError,
    Node,
    PipelinesConfig,
    RaRange,
    SkyMask,
)

__all__ = ["parse_pipelines_config"]

_NAMES: Final = {"binary_map": "binary-map", "coord_type": "coord-type"}
_VARIABLE: Final = re.compile(r"\$(?:(\w+)|\{([^}]*)\})", re.ASCII)


def parse_pipelines_config(
    text: str, source: str, environment: Mapping[str, str], read_map: Callable[[str], SkyMask]
) -> PipelinesConfig:
    """Read a pipelines configuration.

    Parameters
    ----------
    text
        YAML.
    source
        Where it stands, for messages: a file or an environment variable.
    environment
        Values of the variables that paths may mention.
    read_map
        Reads a sky mask; called once for each file.

    Raises
    ------
    InvalidPipelinesError
        Raised if anything is wrong with it; the text names the source, and
        number (from 1) and key of each node at fault.
    """
    try:
        nodes = yaml.load(text, Loader=_OnceLoader)  # noqa: S506 - it is a safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidPipelinesError(f"{source}: is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(nodes, list):
        raise InvalidPipelinesError(f"{source}: is not a YAML list")
    maps: dict[str, SkyMask] = {}
    converter = _converter(environment, maps, read_map)
    found = [_node(node, converter) for node in nodes]
    problems = [f"node {number}: {node}" for number, node in enumerate(found, 1) if isinstance(node, str)]
    if problems:
        raise InvalidPipelinesError(f"{source}: {'; '.join(problems)}")
    good = tuple(node for node in found if isinstance(node, Node))
    return PipelinesConfig(nodes=good, source=source, map_files=tuple(maps))


def _node(raw: object, converter: Converter) -> Node | str:
    """Read a node, or say what is wrong with it."""
    if not isinstance(raw, dict):
        return "is not a mapping"
    valueless = [str(key) for key, value in raw.items() if value is None and key != "pipelines"]
    if valueless:
        return "; ".join(f"{key}: has no value" for key in valueless)
    try:
        return converter.structure(raw, Node)
    except ClassValidationError as error:
        return faults(error, _NAMES)


def _converter(
    environment: Mapping[str, str], maps: dict[str, SkyMask], read_map: Callable[[str], SkyMask]
) -> Converter:
    expand = functools.partial(_expanded, environment=environment)

    def pipelines(value: object, _: object) -> tuple[str, ...]:
        if value is None or value == "None":
            return ()
        if not isinstance(value, list):
            raise TypeError(f"{value!r} is not a list")
        return tuple(expand(file) for file in value)

    def mask(value: object, _: object) -> SkyMask:
        path = expand(value)
        if path not in maps:
            maps[path] = read_map(path)
        return maps[path]

    converter = strict_converter()
    converter.register_structure_hook_func(lambda kind: kind == tuple[str, ...], pipelines)
    converter.register_structure_hook_func(lambda kind: kind is SkyMask, mask)
    converter.register_structure_hook(CoordType, _coord_type)
    for kind in (RaRange, DecRange, Node):
        renamed: dict[str, Any] = {attribute: override(rename=key) for attribute, key in _NAMES.items()}
        hook = make_dict_structure_fn(
            kind, converter, _cattrs_forbid_extra_keys=True, **(renamed if kind is Node else {})
        )
        converter.register_structure_hook(kind, functools.partial(_from_mapping, hook=hook))
    return converter


def _from_mapping(value: object, kind: type, hook: Callable[[Any, Any], Any]) -> object:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is not a mapping")
    return hook(value, kind)


def _coord_type(value: object, _: object) -> CoordType:
    try:
        return CoordType(str(value).lower())
    except ValueError:
        raise ValueError(f"{value!r} is neither detector nor boresight") from None


def _expanded(path: object, environment: Mapping[str, str]) -> str:
    if not isinstance(path, str) or not path.strip():
        raise TypeError(f"{path!r} is not a path")

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in environment:
            raise ValueError(f"{path!r}: the environment has no variable {name!r}")
        return environment[name]

    return _VARIABLE.sub(value, path)


class _OnceLoader(yaml.SafeLoader):
    """A loader that does not let a key of a mapping hide an earlier one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = list(_scalars(node))
        for name in names:
            if names.count(name) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {name!r} stands twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


def _scalars(node: yaml.MappingNode) -> Iterator[str]:
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            yield key.value
