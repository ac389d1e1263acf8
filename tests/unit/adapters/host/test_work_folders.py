"""Folders of workers that died are removed, those of living ones never."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.host.work_folders import remove_orphans, work_folder

_WORKER = """
import sys, time
from pathlib import Path
from adapters.host.work_folders import work_folder
with work_folder(Path(sys.argv[1])) as folder:
    (folder / "repo").mkdir()
    print(folder, flush=True)
    time.sleep(600)
"""

_DYING = """
import os, signal, sys
from pathlib import Path
from adapters.host.work_folders import work_folder
with work_folder(Path(sys.argv[1])) as folder:
    (folder / "repo").mkdir()
    os.rmdir = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_folder_is_removed_with_its_worker(tmp_path: Path) -> None:
    with work_folder(tmp_path) as folder:
        (folder / "repo").mkdir()
        assert folder.parent == tmp_path
    assert not folder.exists()


def test_it_is_removed_after_a_failure_too(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="oh"), work_folder(tmp_path):
        raise RuntimeError("oh")
    assert not list(tmp_path.iterdir())


def test_a_living_workers_folder_stays(tmp_path: Path) -> None:
    with work_folder(tmp_path) as folder:
        assert list(remove_orphans(tmp_path)) == []
        assert folder.exists()


def test_a_killed_workers_folder_is_removed(tmp_path: Path) -> None:
    with subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-c", _WORKER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        folder = Path(worker.stdout.readline().strip())
        assert list(remove_orphans(tmp_path)) == []
        worker.send_signal(signal.SIGKILL)
    assert list(remove_orphans(tmp_path)) == [folder]
    assert not list(tmp_path.iterdir())


@pytest.fixture
def orphan(tmp_path: Path) -> Path:
    """What a dead worker left behind, more than can be removed at once."""
    folder = tmp_path / "prompt-processing-worker-dead"
    folder.mkdir()
    (folder / ".lock").touch()
    for number in range(3):
        (folder / f"inputs{number}").mkdir()
        (folder / f"inputs{number}" / "file").touch()
    (folder / "link").symlink_to(tmp_path)
    return folder


@pytest.mark.parametrize("removal", range(1, 9))
def test_a_removal_that_was_cut_short_is_taken_up(
    orphan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, removal: int
) -> None:
    left = removal

    def cut_short(real: Callable[..., None]) -> Callable[..., None]:
        def remove(*arguments: Any, **options: Any) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise KeyboardInterrupt
            real(*arguments, **options)

        return remove

    with monkeypatch.context() as patched:
        for name in ("unlink", "rmdir"):
            patched.setattr(os, name, cut_short(getattr(os, name)))
        with pytest.raises(KeyboardInterrupt):
            remove_orphans(tmp_path)
    assert list(remove_orphans(tmp_path)) == [orphan]
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_removed_now_is_removed_by_a_later_worker(
    orphan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Any, *arguments: Any, **options: Any) -> None:
        if str(path).endswith("inputs1"):
            raise OSError(39, "Directory not empty")
        real(path, *arguments, **options)

    real = os.rmdir
    with monkeypatch.context() as patched:
        patched.setattr(os, "rmdir", refuse)
        assert list(remove_orphans(tmp_path)) == []
    assert sorted(path.name for path in orphan.iterdir()) == [".lock", "inputs1"]
    assert list(remove_orphans(tmp_path)) == [orphan]


def test_a_worker_killed_while_it_removes_its_folder_leaves_it_to_others(tmp_path: Path) -> None:
    died = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", _DYING, str(tmp_path)], check=False
    )
    assert died.returncode == -signal.SIGKILL
    [folder] = tmp_path.iterdir()
    assert list(remove_orphans(tmp_path)) == [folder]
    assert not list(tmp_path.iterdir())


def test_who_removes_first_removes_alone(orphan: Path, tmp_path: Path) -> None:
    with (orphan / ".lock").open("r+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert list(remove_orphans(tmp_path)) == []
        assert (orphan / "inputs0" / "file").exists()
    assert list(remove_orphans(tmp_path)) == [orphan]


def test_a_folder_that_is_being_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "prompt-processing-worker-new").mkdir()
    assert list(remove_orphans(tmp_path)) == []


def test_who_loses_a_folder_while_making_it_makes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked: list[int] = []

    def lock(file: int, operation: int) -> None:
        locked.append(file)
        if len(locked) == 1:
            [folder] = tmp_path.iterdir()
            shutil.rmtree(folder)
        real(file, operation)

    real = fcntl.flock
    monkeypatch.setattr(fcntl, "flock", lock)
    with work_folder(tmp_path) as folder:
        assert len(locked) == 2
        assert list(tmp_path.iterdir()) == [folder]


def test_what_others_keep_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "prompt-processing-demo").mkdir()
    (tmp_path / "prompt-processing-worker-file").touch()
    assert list(remove_orphans(tmp_path)) == []
    assert len(list(tmp_path.iterdir())) == 2
