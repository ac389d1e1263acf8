"""Copies that are links where they can be, and look the same where they cannot."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from lsst.resources import ResourcePath

from adapters.butler.predicted.file_copies import copy_files

type Copy = Callable[[], None]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "from" / "a b#1.txt"
    file.parent.mkdir()
    file.write_text("new")
    return file


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "to" / "there" / "a b#1.txt"


def copy(source: Path, target: Path) -> None:
    copy_files([(ResourcePath(source.as_uri()), ResourcePath(target.as_uri()))])


@pytest.fixture(params=["linked", "other file system"])
def _links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    if request.param != "linked":
        monkeypatch.setattr(os, "link", refuse)


@pytest.mark.usefixtures("_links")
@pytest.mark.parametrize("before", [None, "old", "new"])
def test_what_is_there_is_replaced(source: Path, target: Path, before: str | None) -> None:
    if before is not None:
        target.parent.mkdir(parents=True)
        target.write_text(before)
    for _ in range(2):
        copy(source, target)
        assert target.read_text() == "new"
    assert [path.name for path in target.parent.iterdir()] == [target.name]


@pytest.mark.usefixtures("_links")
def test_a_copy_outlives_the_original_and_its_successor(source: Path, target: Path) -> None:
    copy(source, target)
    source.unlink()
    source.write_text("another")
    assert target.read_text() == "new"


@pytest.mark.usefixtures("_links")
def test_a_file_that_is_not_there_is_an_error(source: Path, target: Path) -> None:
    source.unlink()
    with pytest.RaisesGroup(FileNotFoundError):
        copy(source, target)
