"""One process runs a site, and others find it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from entrypoints.settings.site import SiteFolder
from entrypoints.site import lock

_RUN = """
import signal, sys, time
from pathlib import Path
from entrypoints.settings.site import SiteFolder
from entrypoints.site import lock
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with lock.running(SiteFolder(Path(sys.argv[1]))):
    print("runs", flush=True)
    time.sleep(60)
"""


@contextmanager
def other_process(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", _RUN, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "runs\n"
            yield process
        finally:
            process.kill()


def test_a_second_process_is_told_who_runs_the_site(tmp_path: Path) -> None:
    site = SiteFolder(tmp_path)
    with other_process(tmp_path) as other:
        holder = lock.find_holder(site)
        assert holder is not None
        assert holder.pid == other.pid
        with (
            pytest.raises(lock.SiteIsRunningError, match=f"is run already by process {other.pid}, since 20"),
            lock.running(site),
        ):
            pass


def test_a_process_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    site = SiteFolder(tmp_path)
    with other_process(tmp_path) as other:
        other.kill()
        other.wait()
        assert lock.find_holder(site) is None
        with lock.running(site):
            holder = lock.find_holder(site)
            assert holder is not None
            assert holder.pid == os.getpid()
    assert lock.find_holder(site) is None


def test_a_process_that_runs_a_site_is_told_to_stop_and_waited_for(tmp_path: Path) -> None:
    site = SiteFolder(tmp_path)
    with other_process(tmp_path) as other:
        holder = lock.find_holder(site)
        assert holder is not None
        assert lock.stop(site, holder, 10.0)
        assert other.wait(10) == 0


def test_one_that_does_not_end_is_said(tmp_path: Path) -> None:
    site = SiteFolder(tmp_path)
    with other_process(tmp_path) as other:
        holder = lock.find_holder(site)
        assert holder is not None
        other.send_signal(signal.SIGSTOP)
        assert not lock.stop(site, holder, 0.2)
