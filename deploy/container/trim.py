#!/usr/bin/env python3
"""Take out of an environment what an image does not need, and compile what it does.

Usage: trim.py MODULES, a file that names the modules that are imported. These, and
those beside them that may follow, are compiled: a root that may not be written
to keeps no bytecode of its own. Others' tests and what only a compiler reads go.
"""

import importlib
import importlib.util
import py_compile
import shutil
import sys
import sysconfig
from pathlib import Path

SOURCES = frozenset({".a", ".c", ".cpp", ".h", ".hpp", ".pxd", ".pyi", ".pyx"})
TESTS = frozenset({"test", "tests"})
UNUSED = ("botocore/data/*/", "pyarrow/*_flight*", "zstandard/_cffi*")
# What is asked of AWS is object stores, and who may.
USED = frozenset({"s3", "sso", "sso-oidc", "sts"})


def load(modules: list[str]) -> frozenset[Path]:
    """Import the modules, and give the files of all that came with them."""
    for name in modules:
        # Extras are not in the image, nor is what only a type checker reads.
        if importlib.util.find_spec(name.partition(".")[0]) is not None:
            importlib.import_module(name)
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return frozenset(Path(file) for file in files if file)


def remove(site: Path, loaded: frozenset[Path]) -> None:
    """Remove tests, but for what others import of them, and the sources of compiled modules."""
    needed = {folder for file in loaded for folder in file.parents}
    for folder in sorted(site.rglob("*")):
        if folder.name in TESTS and folder.is_dir() and folder not in needed:
            shutil.rmtree(folder)
    for file in site.rglob("*"):
        of_tests = not TESTS.isdisjoint(file.relative_to(site).parts[:-1])
        if file.is_file() and file not in loaded and (file.suffix in SOURCES or of_tests):
            file.unlink()
    for path in (path for pattern in UNUSED for path in site.glob(pattern)):
        if path.is_file():
            path.unlink()
        elif path.name not in USED:
            shutil.rmtree(path)


def compile_all(site: Path, loaded: frozenset[Path]) -> None:
    """Compile the modules of the folders of which a quarter was imported, else what was imported."""
    for folder in {file.parent for file in loaded if file.is_relative_to(site)}:
        files = set(folder.glob("*.py"))
        used = files & loaded
        for file in files if len(used) * 4 >= len(files) else used:
            # A layer's times are not its files' own, so the bytecode must not be compared with them.
            py_compile.compile(
                str(file), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
            )


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    place = Path(sysconfig.get_path("purelib"))
    found = load(Path(sys.argv[1]).read_text().split())
    remove(place, found)
    compile_all(place, found)
