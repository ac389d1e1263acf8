"""A benchmark that measures nothing: it says with how many threads native code is to run."""

import os
import sys

__all__ = ["main"]

BEFORE = "numpy" not in sys.modules


def main() -> None:
    print("threads", os.environ["OMP_NUM_THREADS"], "before numpy" if BEFORE else "too late")  # noqa: T201 - its answer
