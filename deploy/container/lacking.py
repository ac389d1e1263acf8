#!/usr/bin/env python3
"""Print the entries of a lock whose packages this Python does not have.

Packages that an image brings along are used as they are: with the Science
Pipelines these were built and tested together, and a second copy of one of
them beside would be a mixture that nobody has tested.
"""

import importlib.metadata
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path

_ENTRY = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==")


def entries(lock: str) -> Iterator[tuple[str, str]]:
    """Give name and text of each entry, with its digests."""
    for text in re.split(r"(?<!\\)\n", lock):
        if found := _ENTRY.match(text):
            yield found["name"], text


def is_there(name: str) -> bool:
    """Whether a distribution is installed, or the package that a name of Rubin's stands for."""
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        # What EUPS sets up is on the path, and not always known as a distribution.
        return name.startswith("lsst-") and _is_package(name.replace("-", "."))
    return True


def _is_package(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False


if __name__ == "__main__":
    for entry_name, entry in entries(Path(sys.argv[1]).read_text()):
        if not is_there(entry_name):
            sys.stdout.write(f"{entry}\n")
