"""Processes of this machine, as the kernel tells of them (Linux; elsewhere there are none to be seen)."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

__all__ = ["Process", "processes_of"]


@frozen(kw_only=True)
class Process:
    """One process."""

    pid: int
    memory: int
    """Bytes that it has in memory now, those that it shares with others included."""
    command: tuple[str, ...] = ()
    """Its program and arguments; empty if it is gone."""


def processes_of(pid: int) -> Sequence[Process]:
    """Find a process and all below it: itself first, none if it is gone."""
    parents = dict(_parents())
    found = [pid] if pid in parents else []
    for one in found:
        found += sorted(child for child, parent in parents.items() if parent == one)
    return [Process(pid=one, memory=_memory(one), command=_command(one)) for one in found]


def _parents() -> Iterator[tuple[int, int]]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The second field is a name in parentheses, and may hold any of them.
            yield int(stat.parent.name), int(stat.read_text().rpartition(")")[2].split()[1])


def _memory(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _command(pid: int) -> tuple[str, ...]:
    with contextlib.suppress(OSError):
        return tuple(Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1])
    return ()
