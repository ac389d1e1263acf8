"""Folders of workers that died are removed, those of living ones never."""

import fcntl
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.system.work_folders import remove_orphans, work_folder

_WORKER = """
import sys, time
from pathlib import Path
from adapters.system.work_folders import work_folder
with work_folder(Path(sys.argv[1])) as folder:
    (folder / "repo").mkdir()
    print(folder, flush=True)
    time.sleep(600)
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
