"""Versions of the wires: the tables in docs/contracts, and the digests of the schemas that they record."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

__all__ = ["PAGES", "SCHEMAS", "Version", "digest_of", "schemas", "versions_of"]

SCHEMAS = Path(__file__).parent
PAGES = SCHEMAS.parents[1] / "docs" / "contracts"
NONE = "none"


@frozen
class Version:
    """A row of a page's table of versions."""

    number: tuple[int, int]
    schemas: tuple[str, ...]
    digest: str


def versions_of(page: Path) -> list[Version]:
    """Read the table at the end of a wire's page."""
    _, _, table = page.read_text().partition("\n## Versions\n")
    rows = re.findall(r"^\| (\d+)\.(\d+) \| (.+?) \| (\S+) \|", table, re.MULTILINE)
    return [
        Version((int(major), int(minor)), tuple(re.findall(r"`(.+?)`", files)), digest)
        for major, minor, files, digest in rows
    ]


def schemas() -> set[str]:
    """List what fixes a wire: files of schemas, and the folder of samples."""
    return {
        each.name for each in SCHEMAS.iterdir() if each.suffix in {".json", ".avsc"} or _has_samples(each)
    }


def digest_of(names: tuple[str, ...]) -> str:
    """Digest schemas, whatever their order; ``none`` of none."""
    files = sorted(file for name in names for file in _files(SCHEMAS / name))
    if not files:
        return NONE
    contents: Mapping[str, str] = {
        file.relative_to(SCHEMAS).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files
    }
    return hashlib.sha256(repr(sorted(contents.items())).encode()).hexdigest()[:16]


def _has_samples(path: Path) -> bool:
    return path.is_dir() and any(path.glob("*.json"))


def _files(path: Path) -> list[Path]:
    return list(path.glob("*.json")) if path.is_dir() else [path]


if __name__ == "__main__":
    for each in sorted(PAGES.glob("*.md")):
        for version in versions_of(each)[-1:]:
            print(f"{each.name}: {digest_of(version.schemas)}")  # noqa: T201 - what it is run for
