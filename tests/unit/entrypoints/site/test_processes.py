"""The processes of a site are told apart by what they are for."""

import os
import subprocess
import sys

from entrypoints.containers.site import processes_of_site


def test_processes_of_jobs_are_none_of_images() -> None:
    sleep = (sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()")
    commands = {"templates": ("entrypoints", "templates", "build"), "images": ("entrypoints.services.child",)}
    pipe = subprocess.PIPE
    running = {
        what: subprocess.Popen((*sleep, *arguments), stdin=pipe, stdout=pipe)  # noqa: S603 - sleeps
        for what, arguments in commands.items()
    }
    for process in running.values():
        assert process.stdout is not None
        process.stdout.readline()
    found = {one.pid: what for what, one in processes_of_site(os.getpid())}
    for process in running.values():
        process.communicate()
    assert found[os.getpid()] == "site"
    assert {what: found[process.pid] for what, process in running.items()} == {what: what for what in running}
