"""Namespaces and control groups of the trial's own: when its first process ends, everything in them does."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

__all__ = ["ADDRESS", "run_apart", "settle"]

ADDRESS = "10.67.0.1"
"""Of the node, and of all that runs outside of pods."""

_END_SECONDS = 10.0
_KERNEL = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
"""What the kubelet writes, which are the whole machine's: it finds files in their place."""
_NETWORK = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/all/route_localnet": "1",
    "net/ipv4/conf/default/route_localnet": "1",
    "net/bridge/bridge-nf-call-iptables": "1",
}
_GENERAL = ("rw", "relatime", "nosuid", "nodev", "noexec")
_UNSHARE = ("unshare", "--net", "--mount", "--pid", "--cgroup", "--fork", "--mount-proc", "--kill-child=KILL")


def run_apart(words: Sequence[str]) -> int:
    """Run this package again, as the first process of namespaces of its own; returns its exit code."""
    with _control_groups() as groups:
        join = "; ".join(f"echo $$ > {group}/cgroup.procs" for group in groups)
        inside = [*_UNSHARE, sys.executable, "-m", "tests.cluster.inside", *words]
        process = subprocess.Popen(["nice", "-n", "5", "sh", "-c", f'{join}; exec "$@"', "sh", *inside])
        # On Ctrl-C the terminal tells all; those inside stop what they started.
        handlers = {one: signal.signal(one, _tell(process)) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            return process.wait()
        finally:
            for one, handler in handlers.items():
                signal.signal(one, handler)


def _tell(process: "subprocess.Popen[bytes]") -> Callable[[int, FrameType | None], None]:
    def handle(_signal: int, _frame: FrameType | None) -> None:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        with contextlib.suppress(OSError):
            for child in children.read_text().split():
                os.kill(int(child), signal.SIGINT)

    return handle


@contextlib.contextmanager
def _control_groups() -> Iterator[Sequence[Path]]:
    """Make a control group in each hierarchy, and remove them with all that is in them."""
    groups = [parent / f"cluster-trial-{os.getpid()}" for parent in _hierarchies()]
    try:
        for group in groups:
            group.mkdir()
            for name in ("cpuset.cpus", "cpuset.mems"):
                if (group.parent / name).exists():
                    (group / name).write_text((group.parent / name).read_text())
        yield groups
    finally:
        end = time.monotonic() + _END_SECONDS
        for group in groups:
            # What was killed may still be ending.
            while group.exists() and time.monotonic() < end:
                _remove(group)


def _remove(group: Path) -> None:
    for folder, _, _ in os.walk(group, topdown=False):
        with contextlib.suppress(OSError):
            Path(folder).rmdir()


def _hierarchies() -> Sequence[Path]:
    """List where control groups are mounted: one of version 2, or many of version 1."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return [Path(where) for _, where, kind, *_ in mounts if kind in {"cgroup", "cgroup2"}]


def settle(folder: Path) -> None:
    """Set up network, kernel settings and folders, as the first process in there.

    Parameters
    ----------
    folder
        Of the trial; its ``srv`` appears at ``/srv``.
    """
    _run("mount", "--make-rprivate", "/")
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    for _, where, kind, options, *_ in mounts:
        if kind in {"cgroup", "cgroup2"}:
            # Anew, so that it is seen from the own control group.
            _run("umount", where)
            names = [word for word in options.split(",") if word not in _GENERAL]
            if any(word.startswith("name=") for word in names):
                names.insert(0, "none")
            _run("mount", "-t", kind, *(["-o", ",".join(names)] if names else []), "cgroup", where)
    for name, value in _KERNEL.items():
        stand_in = folder / "kernel" / name.replace("/", ".")
        stand_in.parent.mkdir(exist_ok=True)
        stand_in.write_text(value)
        _run("mount", "--bind", str(stand_in), f"/proc/sys/{name}")
    (folder / "srv").mkdir()
    _run("mount", "--bind", str(folder / "srv"), "/srv")
    # What is usually in /var and /run is the trial's own.
    for place in ("/run", "/var/lib", "/var/log"):
        _run("mount", "-t", "tmpfs", "tmpfs", place)
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "address", "add", f"{ADDRESS}/32", "dev", "lo")
    for name, value in _NETWORK.items():
        Path("/proc/sys", name).write_text(value)
    # Servers that listen on 127.0.0.1 alone are reached from pods by the node's address.
    for chain in ("PREROUTING", "OUTPUT"):
        rule = ("-d", ADDRESS, "-p", "tcp", "-j", "DNAT", "--to-destination", "127.0.0.1")
        _run("iptables", "-t", "nat", "-A", chain, *rule)


def _run(*words: str) -> None:
    subprocess.run(words, check=True)
