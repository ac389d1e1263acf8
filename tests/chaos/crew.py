"""Processes that are started again when they end, as Kubernetes would."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["Crew", "Member"]

type Heard = Callable[["Member", Mapping[str, Any]], None]

_PAUSE = 0.3
"""Seconds until an ended process is started again."""
_GRACE = 40.0
"""Seconds between SIGTERM and SIGKILL at the end."""


class Member:
    """One place in the crew, filled by one process after another.

    Parameters
    ----------
    name
        For people, such as ``worker 1``.
    command
        Arguments of ``prompt-processing``.
    environment
        All of it.
    log
        File that gets everything its processes write.
    heard
        Is told of each record that they log, in a thread.
    around
        Command that runs the command.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        heard: Heard,
        *,
        around: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.codes: list[int] = []
        """How its processes ended."""
        self.pids: list[int] = []
        """Of all that filled it."""
        self.ready = threading.Event()
        self._command = [*around, sys.executable, "-m", "entrypoints", *command]
        self._environment = dict(environment)
        self._log = log
        self._heard = heard
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def start(self) -> None:
        """Fill the place, from now on."""
        self._thread.start()

    @property
    def pid(self) -> int:
        """Of the process now there; 0 if none is."""
        process = self._process
        return 0 if process is None or process.poll() is not None else process.pid

    @property
    def has_ended(self) -> bool:
        """Whether nobody fills the place any more, nor will."""
        return not self._thread.is_alive()

    def kill(self) -> bool:
        """End the process without a warning; says whether there was one."""
        return _kill(self.pid)

    def kill_child(self) -> bool:
        """End its child alone; says whether there was one."""
        try:
            children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        except OSError:
            return False
        return [_kill(int(child)) for child in children].count(True) > 0

    def stop(self) -> None:
        """Ask the process to end, and start no other."""
        self._stopping.set()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def join(self) -> bool:
        """Wait for the end; says whether it came without force."""
        end = time.monotonic() + _GRACE
        process = self._process
        while self._thread.is_alive() and time.monotonic() < end:
            self._thread.join(0.1)
        if process is not None and process.poll() is None:
            process.kill()
            self._thread.join()
            return False
        return True

    def _keep(self) -> None:
        with self._log.open("ab") as log:
            while not self._stopping.is_set():
                self.ready.clear()
                self._process = process = subprocess.Popen(  # noqa: S603 - this project's own commands
                    self._command,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
                self.pids.append(process.pid)
                if self._stopping.is_set():
                    process.send_signal(signal.SIGTERM)
                assert process.stderr is not None
                for line in process.stderr:
                    log.write(line)
                    log.flush()
                    self._hear(line)
                self.codes.append(process.wait())
                process.stderr.close()
                self._stopping.wait(_PAUSE)

    def _hear(self, line: bytes) -> None:
        try:
            record = json.loads(line)
        except ValueError:
            return
        if isinstance(record, dict):
            if record.get("ready"):
                self.ready.set()
            self._heard(self, record)


def _kill(pid: int) -> bool:
    if not pid:
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


class Crew:
    """All processes of one seed."""

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}

    def add(self, member: Member) -> None:
        """Take one in and start it."""
        self.members[member.name] = member
        member.start()

    def wait_until_ready(self, seconds: float) -> None:
        """Wait for the word of each."""
        end = time.monotonic() + seconds
        for member in self.members.values():
            assert member.ready.wait(max(end - time.monotonic(), 0.0)), f"{member.name} is not ready"

    def stop_workers(self) -> list[str]:
        """Ask workers to end; returns the names of those that had to be made to."""
        return _stop([one for one in self.members.values() if one.name.startswith("worker")])

    def stop(self) -> list[str]:
        """Ask all to end, workers first; returns the names of those that had to be made to."""
        return self.stop_workers() + _stop([one for one in self.members.values() if not one.has_ended])


def _stop(members: Sequence[Member]) -> list[str]:
    for member in members:
        member.stop()
    return [member.name for member in members if not member.join()]
