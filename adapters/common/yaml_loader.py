"""The one loader of YAML: safe, quick, and no key of a mapping hides another."""

from typing import Any

import yaml

from domain.errors import PromptProcessingError

__all__ = ["NotYamlError", "load_yaml"]

# The C parser takes a tenth of the time.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class NotYamlError(PromptProcessingError):
    """A text is not YAML, or has a key twice; the message is one line."""


def load_yaml(text: str | bytes) -> object:
    """Parse YAML.

    Raises
    ------
    NotYamlError
        Raised if it is none.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - it is a safe loader
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise NotYamlError(" ".join(str(error).split())) from error


class _Loader(_SafeLoader):  # type: ignore[misc]  # which of the two bases it is depends on the platform
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise yaml.constructor.ConstructorError(
                None, None, f"key {twice!r} stands twice", node.start_mark
            )
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found
