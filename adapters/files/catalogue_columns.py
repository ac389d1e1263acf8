"""What the columns of star catalogues are called, from YAML files."""

import functools
import importlib.resources
from importlib.resources.abc import Traversable
from pathlib import Path

import cattrs

from adapters.common.converters import strict_converter
from adapters.files.yaml_files import UnreadableFileError, read_file
from domain.sky.catalogue_columns import CatalogueColumns, CatalogueError, ColumnRule

__all__ = ["load_columns", "shipped_columns"]

_SUFFIX = ".yaml"


def load_columns(path_or_name: str) -> CatalogueColumns:
    """Read a description of columns.

    Parameters
    ----------
    path_or_name
        A path, or the name of a shipped one.

    Raises
    ------
    CatalogueError
        Raised if there is none such or it is malformed; the text names file,
        key and reason.
    """
    shipped = _shipped()
    if path_or_name not in shipped and not path_or_name.endswith((_SUFFIX, ".yml")):
        raise CatalogueError(
            f"no columns {path_or_name!r} are shipped: name a YAML file, or one of {', '.join(shipped)}"
        )
    file = shipped.get(path_or_name, Path(path_or_name))
    try:
        return read_file(_converter(), CatalogueColumns, file, {})
    except UnreadableFileError as error:
        raise CatalogueError(str(error)) from error


def shipped_columns() -> tuple[str, ...]:
    """Name the descriptions that come with the project."""
    return tuple(_shipped())


def _shipped() -> dict[str, Traversable]:
    files = (importlib.resources.files("adapters.files") / "catalogues").iterdir()
    return {
        file.name.removesuffix(_SUFFIX): file
        for file in sorted(files, key=lambda file: file.name)
        if file.name.endswith(_SUFFIX)
    }


@functools.cache
def _converter() -> cattrs.Converter:
    converter = strict_converter()
    as_written = cattrs.gen.make_dict_structure_fn(ColumnRule, converter)
    converter.register_structure_hook(
        ColumnRule,
        lambda rule, kind: ColumnRule(column=rule) if isinstance(rule, str) else as_written(rule, kind),
    )
    return converter
