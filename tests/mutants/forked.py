"""Runs pytest in forks of a process that has imported what most tests need: half of a short run's time."""

import contextlib
import importlib
import os
import re
import resource
import select
import signal
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

__all__ = ["failing", "failing_now"]

_SECONDS = 30
"""Of the processor, for each set of tests of a mutant."""
_PATIENCE = 400.0
"""Seconds by the clock, on a machine that others use as well; pytest ends a test that hangs before."""
_IMPORTED = (
    "astropy.coordinates",
    "astropy.table",
    "confluent_kafka",
    "dependency_injector.containers",
    "hypothesis",
    "looptime",
    "lsst.daf.butler",
    "pytest_asyncio.plugin",
    "redis.asyncio",
    "xdist.plugin",
)
"""Nothing of ours: a mutant's modules are those of its tree."""


@cache
def failing(tree: Path, tests: tuple[str, ...]) -> tuple[str, ...] | None:
    """Run the same tests once."""
    return failing_now(tree, tests)


def failing_now(tree: Path, tests: tuple[str, ...]) -> tuple[str, ...] | None:
    """Run tests until the first failure, and give the file that it is in; None if they take too long."""
    for name in _IMPORTED:
        importlib.import_module(name)
    with tempfile.TemporaryFile("w+") as output:
        child = os.fork()
        if not child:
            _run(tree, tests, output.fileno())
        end = os.pidfd_open(child)
        try:
            ended, _, _ = select.select([end], [], [], _PATIENCE)
        finally:
            # With the servers of tests, whose process may have been ended.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            os.close(end)
        output.seek(0)
        failed = re.search(r"^(?:FAILED|ERROR) ([^\s:]+)", output.read(), re.MULTILINE)
    if not ended or code <= 0:
        return () if ended and code == 0 else None
    return (failed[1],) if failed else tests


def _run(tree: Path, tests: tuple[str, ...], output: int) -> NoReturn:
    code = 1
    try:
        os.setsid()
        os.dup2(output, 1)
        os.dup2(output, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
        os.chdir(tree)
        os.environ |= {"PYTHONPATH": str(tree), "HYPOTHESIS_PROFILE": "fast"}
        sys.path.insert(0, str(tree))
        for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
            del sys.modules[name]
        # Plain, because modules that are rewritten must not have been imported before.
        options = ("-q", "-x", "-n", "0", "-p", "no:cacheprovider", "--assert=plain")
        code = int(pytest.main([*options, *tests]))
        sys.stdout.flush()
    finally:
        os._exit(code)
