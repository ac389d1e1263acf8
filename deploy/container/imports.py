#!/usr/bin/env python3
"""Print the modules of other projects that the services' code imports, one a line.

`make lock` writes them into imports.txt. The image is built from that list and
not from the code, so that a change of code leaves the layer of its dependencies
as it is.
"""

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
# What these need beside the services is an extra, which the image has not.
NOT_SHIPPED = frozenset({"simulator"})


def imported(file: Path) -> Iterator[str]:
    """Give the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def modules() -> list[str]:
    """List the modules of other projects."""
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    ours = [name for name in wheel["only-include"] if (ROOT / name).is_dir()]
    files = (file for name in ours if name not in NOT_SHIPPED for file in (ROOT / name).rglob("*.py"))
    names = {name for file in files for name in imported(file)}
    known = {*sys.stdlib_module_names, *ours}
    return sorted(name for name in names if name.partition(".")[0] not in known)


if __name__ == "__main__":
    sys.stdout.write("".join(f"{name}\n" for name in modules()))
