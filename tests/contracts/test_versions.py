"""Each wire has a version, and no schema changes without one."""

from itertools import pairwise
from pathlib import Path

import pytest

from tests.contracts.versions import PAGES, digest_of, schemas, versions_of

WIRES = sorted(page for page in PAGES.glob("*.md") if page.name != "index.md")


@pytest.mark.parametrize("page", WIRES, ids=lambda page: page.stem)
def test_the_versions_of_a_wire_follow_each_other(page: Path) -> None:
    versions = versions_of(page)
    assert versions
    for before, after in pairwise(versions):
        assert after.number in {(before.number[0], before.number[1] + 1), (before.number[0] + 1, 0)}


@pytest.mark.parametrize("page", WIRES, ids=lambda page: page.stem)
def test_a_changed_schema_is_a_new_version(page: Path) -> None:
    last = versions_of(page)[-1]
    found = digest_of(last.schemas)
    assert last.digest == found, (
        f"{', '.join(last.schemas)} changed: add a version with digest {found} to {page.name}"
    )


def test_each_schema_belongs_to_one_wire() -> None:
    named = [name for page in WIRES for name in versions_of(page)[-1].schemas]
    assert sorted(named) == sorted(schemas())
