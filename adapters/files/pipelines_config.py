"""Pipelines configurations: YAML lists of nodes (docs/contracts/pipelines-configuration.md)."""

import functools
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from cattrs import Converter

from adapters.common.converters import UnfitError, rename, strict_converter, structured
from adapters.common.yaml_loader import NotYamlError, load_yaml
from domain.pipelines import (
    CoordType,
    InvalidPipelinesError,
    Node,
    PipelinesConfig,
    SkyMask,
)

__all__ = ["parse_pipelines_config"]

_LOG = logging.getLogger(__name__)

_NAMES: Final = {"binary_map": "binary-map", "coord_type": "coord-type"}
_MAY_BE_NULL: Final = ("survey", "ra", "dec", "binary-map")
_VARIABLE: Final = re.compile(r"\$(?:(\w+)|\{([^}]*)\})", re.ASCII)


def parse_pipelines_config(
    text: str, source: str, environment: Mapping[str, str], read_map: Callable[[str], SkyMask]
) -> PipelinesConfig:
    """Read a pipelines configuration. What is likely to be a mistake, and none of the format, is logged.

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
        nodes = load_yaml(text)
    except NotYamlError as error:
        raise InvalidPipelinesError(f"{source}: is not YAML: {error}") from error
    if not isinstance(nodes, list):
        raise InvalidPipelinesError(f"{source}: is not a YAML list")
    maps: dict[str, SkyMask] = {}
    converter = _converter(environment, maps, read_map)
    found = [_node(node, converter) for node in nodes]
    problems = [f"node {number}: {node}" for number, node in enumerate(found, 1) if isinstance(node, str)]
    if problems:
        raise InvalidPipelinesError(f"{source}: {'; '.join(problems)}")
    good = tuple(node for node in found if isinstance(node, Node))
    for number, (raw, node) in enumerate(zip(nodes, good, strict=True), 1):
        for doubt in _doubts(raw, node):
            _LOG.warning("%s: node %d: %s", source, number, doubt)
    return PipelinesConfig(nodes=good, source=source, map_files=tuple(maps))


def _node(raw: object, converter: Converter) -> Node | str:
    """Read a node, or say what is wrong with it."""
    if not isinstance(raw, dict):
        return "is not a mapping"
    raw = {key: value for key, value in raw.items() if not (value is None and key in _MAY_BE_NULL)}
    try:
        return structured(converter, raw, Node, _NAMES)
    except UnfitError as error:
        return str(error)


def _doubts(raw: Mapping[str, object], node: Node) -> Iterator[str]:
    """Tell what somebody may have meant otherwise."""
    for key in _MAY_BE_NULL:
        if key in raw and raw[key] is None:
            yield f"{key}: has no value, and so sets no condition"
    if node.ra is not None:
        if node.ra.min % 360.0 == node.ra.max % 360.0:
            yield f"ra: from {node.ra.min:g} to {node.ra.max:g} is the whole circle"
        elif node.ra.max - node.ra.min > 360.0:
            yield f"ra: more than a circle; taken as {node.ra.min % 360.0:g} to {node.ra.max % 360.0:g}"
    if node.dec is not None and not -90.0 <= node.dec.min <= node.dec.max <= 90.0:
        yield f"dec: {node.dec.min:g} to {node.dec.max:g} goes beyond a pole"
    for file in node.pipelines:
        if unset := _VARIABLE.search(file):
            yield f"pipelines: {file!r}: the environment has no variable {unset[1] or unset[2]!r}"


def _converter(
    environment: Mapping[str, str], maps: dict[str, SkyMask], read_map: Callable[[str], SkyMask]
) -> Converter:
    expand = functools.partial(_expanded, environment=environment)

    def pipelines(value: object, _: object) -> tuple[str, ...]:
        if value is None or value == "None":
            return ()
        if not isinstance(value, list):
            raise UnfitError(f"{value!r} is not a list")
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
    rename(converter, Node, _NAMES)
    return converter


def _coord_type(value: object, _: object) -> CoordType:
    try:
        return CoordType(str(value).lower())
    except ValueError:
        raise UnfitError(f"{value!r} is neither detector nor boresight") from None


def _expanded(path: object, environment: Mapping[str, str]) -> str:
    if not isinstance(path, str) or not path.strip():
        raise UnfitError(f"{path!r} is not a path")

    def value(match: re.Match[str]) -> str:
        return environment.get(match[1] or match[2], match[0])

    return _VARIABLE.sub(value, path)
