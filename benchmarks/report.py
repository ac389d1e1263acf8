"""What the benchmarks have in common: timing, facts of the machine, and tables for people."""

import os
import platform
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median

from attrs import frozen

__all__ = ["Timing", "machine_facts", "measure", "table"]

_REPEATS = 7


@frozen
class Timing:
    """Seconds for one call."""

    median: float
    """Of several repeats."""
    best: float
    """Of the repeat that other work on the machine disturbed least."""


def measure(call: Callable[[], object], *, calls: int = 1, seconds: float = 1.5) -> Timing:
    """Time a call again and again.

    Parameters
    ----------
    call
        What is timed.
    calls
        How often it does the thing itself; the result is for once.
    seconds
        What the whole measurement may take.
    """
    begin = time.perf_counter()
    call()
    once = time.perf_counter() - begin
    loops = max(1, round(seconds / _REPEATS / once))
    repeats = []
    for _ in range(_REPEATS):
        begin = time.perf_counter()
        for _ in range(loops):
            call()
        repeats.append((time.perf_counter() - begin) / loops / calls)
    return Timing(median(repeats), min(repeats))


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], notes: Sequence[str] = ()
) -> str:
    """Lay out a table: the first column to the left, all others to the right."""
    lines = [columns, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(columns))]
    rule = ["-" * width for width in widths]
    laid_out = [_line(line, widths) for line in (columns, rule, *lines[1:])]
    return "\n".join([title, "", *laid_out, *[f"  {note}" for note in notes], ""])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]).rstrip()


def machine_facts() -> str:
    """Say on what the figures were measured, and how busy it was."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return "\n".join(
        [
            f"cores   {len(os.sched_getaffinity(0))} of {os.cpu_count()}",
            f"CPU     {_cpu_model()}",
            f"Python  {platform.python_version()}",
            f"load    {load} before (1, 5, 15 minutes)",
            "",
        ]
    )


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
