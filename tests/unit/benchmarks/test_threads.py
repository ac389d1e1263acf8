"""Benchmarks measure what a worker's child would take, and that has one thread unless told otherwise."""

import os
import subprocess
import sys

import pytest

_RUN = """
import sys
from benchmarks.__main__ import main
sys.argv[1:] = ["threads"]
raise SystemExit(main({"threads": ("tests.unit.benchmarks.threads", "none")}))
"""


@pytest.mark.parametrize(("asked", "given"), [("", "1"), ("3", "3")])
def test_one_thread_unless_more_are_asked_for(asked: str, given: str) -> None:
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", _RUN],
        env={**os.environ, "OMP_NUM_THREADS": asked},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"threads {given} before numpy" in done.stdout
