"""A worker's child: the science, in a process that its parent may kill.

Started by the parent, with the folder for local repositories and the number of
a socket's file descriptor as arguments; everything else is in the environment.
"""

import ctypes
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path

from domain.errors import PromptProcessingError
from entrypoints.imports import importing_for_good
from entrypoints.logs import configure_logs
from entrypoints.running import CANNOT_START, settings_or_exit
from entrypoints.settings.worker import ChildSettings

__all__ = ["main"]

_LOG = logging.getLogger(__name__)

_ARGUMENTS = 2
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(arguments: list[str]) -> int:
    """Serve the parent until it is done."""
    if len(arguments) != _ARGUMENTS:
        sys.stderr.write(
            "usage: python -m entrypoints.services.child FOLDER DESCRIPTOR (a worker does this by itself)\n"
        )
        return CANNOT_START
    folder, descriptor = arguments
    # Ctrl-C reaches the whole terminal's group; what follows is the parent's to decide.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()
    _keep_temporary_files_in(Path(folder) / "tmp")
    settings = settings_or_exit(ChildSettings)
    configure_logs(settings.logs.levels, "child")
    with importing_for_good():
        from entrypoints.containers.child import ChildContainer  # noqa: PLC0415 - as it says
    container = ChildContainer(settings=settings, folder=Path(folder))
    container.trim_heap()
    container.reuse_memory()
    container.check_dependencies()
    try:
        container.prepare_astropy()
    except PromptProcessingError as error:
        _LOG.warning("using astropy's bundled tables: %s", error)
    with socket.socket(fileno=int(descriptor)) as connection:
        container.serve()(connection, container.workspace(), container.life(), container.deployment_id())
    return 0


def _end_with_parent() -> None:
    """Have the kernel kill this process when the parent dies, also in the midst of native code."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _keep_temporary_files_in(folder: Path) -> None:
    """Have libraries put their files where they go with the worker; what a dead child left is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tempfile.tempdir = str(folder)
    for name in ("TMPDIR", "LSST_RESOURCES_TMPDIR"):
        os.environ[name] = str(folder)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
