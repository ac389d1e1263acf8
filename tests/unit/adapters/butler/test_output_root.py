"""Nobody writes to where a datastore was mounted."""

from pathlib import Path

import pytest

from adapters.butler.output_root import OutputRoot
from ports.workspace import WorkspaceError

ELSEWHERE = Path("/proc")
"""On a device of its own, always."""


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
    with root.staying(root.device()):
        (folder / "output").touch()


def test_one_that_is_gone_is_named(root: OutputRoot, folder: Path) -> None:
    folder.unlink()
    with pytest.raises(WorkspaceError, match=f"shared datastore's root.*{folder}"):
        root.device()


def test_an_empty_one_is_unmounted(root: OutputRoot, folder: Path) -> None:
    (folder / "file").unlink()
    with pytest.raises(WorkspaceError, match=f"as if unmounted: {folder}"):
        root.device()


def test_another_one_in_its_place_is_noticed_before_writing(root: OutputRoot, folder: Path) -> None:
    device = root.device()
    put_there(folder, ELSEWHERE)
    with pytest.raises(WorkspaceError, match=f"another device now: {folder}"), root.staying(device):
        pytest.fail("something would have been written")


def test_another_one_in_its_place_is_noticed_after_writing(root: OutputRoot, folder: Path) -> None:
    with pytest.raises(WorkspaceError, match="another device now"), root.staying(root.device()):
        put_there(folder, ELSEWHERE)


def test_one_that_was_mounted_again_is_good(root: OutputRoot, folder: Path, tmp_path: Path) -> None:
    device = root.device()
    put_there(folder, tmp_path / "disk")
    with root.staying(device):
        pass


def test_an_object_store_is_taken_to_be_there() -> None:
    root = OutputRoot("s3://bucket/no/such/root/")
    assert root.device() is None
    with root.staying(None):
        pass
