"""Other processes as Linux's /proc shows them."""

import os
import re
import time
from pathlib import Path

__all__ = ["age", "children", "command", "cpu_seconds", "peak_memory"]


def children(process: int) -> list[int]:
    """List the processes that one has started, whichever of its threads did."""
    files = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for file in files for child in file.read_text().split()]


def command(process: int) -> list[str]:
    """Give a process's command line."""
    return Path(f"/proc/{process}/cmdline").read_text().rstrip("\0").split("\0")


def peak_memory(process: int) -> float:
    """Tell the most memory that a process ever had resident, MiB."""
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"^VmHWM:\s+([0-9]+) kB$", status, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"/proc does not tell the peak memory of process {process}")
    return int(found[1]) / 1024


def age(process: int) -> float:
    """Tell how long ago a process was started, s; to a hundredth."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - _ticks(process, 22)


def cpu_seconds(process: int) -> float:
    """Tell what a process has used of the CPUs so far, s; to a hundredth."""
    return _ticks(process, 14) + _ticks(process, 15)


def _ticks(process: int, number: int) -> float:
    """Read a field of the process's ``stat``, numbered as in proc(5), in seconds."""
    from_third = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(from_third[number - 3]) / os.sysconf("SC_CLK_TCK")
