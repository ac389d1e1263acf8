"""Reading YAML into typed values, with errors that name file, key and reason."""

from collections.abc import Mapping
from importlib.resources.abc import Traversable
from pathlib import Path

from cattrs import Converter

from adapters.common.converters import UnfitError, structured
from adapters.common.yaml_loader import NotYamlError, load_yaml
from domain.errors import PromptProcessingError

__all__ = ["UnreadableFileError", "read_file"]


class UnreadableFileError(PromptProcessingError):
    """A file is absent, no YAML, or does not hold what it should."""


def read_file[T](
    converter: Converter, kind: type[T], file: Path | Traversable, names: Mapping[str, str]
) -> T:
    """Read a YAML file into a value.

    Parameters
    ----------
    converter
        Strict.
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
    try:
        return structured(converter, load_yaml(file.read_bytes()), kind, names)
    except (OSError, NotYamlError, UnfitError) as error:
        raise UnreadableFileError(f"{file}: {' '.join(str(error).split())}") from error
