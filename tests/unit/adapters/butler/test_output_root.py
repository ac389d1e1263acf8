"""Nobody writes to where a datastore was mounted."""

from pathlib import Path

import pytest

from adapters.butler.shared.output_root import OutputRoot
from ports.workspace import WorkspaceError

MOUNTED = Path("/proc")
"""A mount point, always."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "file").touch()
    mount = tmp_path / "mount"
    mount.symlink_to(tmp_path / "disk")
    return mount


@pytest.fixture
def root(folder: Path) -> OutputRoot:
    return OutputRoot(folder.as_uri())


def put_there(folder: Path, target: Path) -> None:
    folder.unlink()
    folder.symlink_to(target)


def test_one_that_stays_is_no_obstacle(root: OutputRoot, folder: Path) -> None:
    with root.kept_mounted(was_mounted=root.is_mounted()):
        (folder / "output").touch()


def test_one_that_is_gone_is_named(root: OutputRoot, folder: Path) -> None:
    folder.unlink()
    with pytest.raises(WorkspaceError, match=f"central datastore's root.*{folder}"):
        root.is_mounted()


def test_an_empty_one_is_unmounted(root: OutputRoot, folder: Path) -> None:
    (folder / "file").unlink()
    with pytest.raises(WorkspaceError, match=f"as if unmounted: {folder}"):
        root.is_mounted()


def test_what_it_was_mounted_on_is_noticed_before_writing(
    root: OutputRoot, folder: Path, tmp_path: Path
) -> None:
    put_there(folder, MOUNTED)
    was_mounted = root.is_mounted()
    assert was_mounted
    put_there(folder, tmp_path / "disk")
    with (
        pytest.raises(WorkspaceError, match=f"not mounted any more: {folder}"),
        root.kept_mounted(was_mounted=was_mounted),
    ):
        pytest.fail("something would have been written")


def test_what_it_was_mounted_on_is_noticed_after_writing(
    root: OutputRoot, folder: Path, tmp_path: Path
) -> None:
    put_there(folder, MOUNTED)
    with pytest.raises(WorkspaceError, match="not mounted any more"), root.kept_mounted(was_mounted=True):
        put_there(folder, tmp_path / "disk")


def test_one_that_was_mounted_again_is_good(root: OutputRoot, folder: Path) -> None:
    put_there(folder, MOUNTED)
    was_mounted = root.is_mounted()
    put_there(folder, MOUNTED)
    with root.kept_mounted(was_mounted=was_mounted):
        pass


def test_an_object_store_is_taken_to_be_there() -> None:
    root = OutputRoot("s3://bucket/no/such/root/")
    assert not root.is_mounted()
    with root.kept_mounted(was_mounted=False):
        pass
