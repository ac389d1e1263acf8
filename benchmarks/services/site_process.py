"""A site as a person has it: its commands, its processes, and what stands in its files."""

import contextlib
import math
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from attrs import field, frozen

from adapters.common.history import history_from_json
from adapters.host.processes import processes_of
from domain.visit import Identity
from domain.work.attempts import AttemptRecord

__all__ = ["RunningSite", "Site", "ask", "wait_until"]

_MB = 1e6


@frozen
class RunningSite:
    """The processes of `site run`."""

    process: "subprocess.Popen[bytes]"

    @property
    def count(self) -> int:
        """How many there are."""
        return len(processes_of(self.process.pid))

    @property
    def memory(self) -> float:
        """MB of all; pages that they share are counted in each."""
        return sum(one.memory for one in processes_of(self.process.pid)) / _MB

    def kill(self) -> None:
        """Kill them all, as a power cut does."""
        for one in processes_of(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(one.pid, signal.SIGKILL)
        self.process.wait()


@frozen
class Site:
    """A site's folder, and the program that serves it."""

    folder: Path
    program: tuple[str, ...] = field(default=(sys.executable, "-P", "-m", "entrypoints"))

    def command(self, name: str, *arguments: str) -> list[str]:
        """Write one of the site's commands."""
        return [*self.program, "site", name, str(self.folder), *arguments]

    def call(self, name: str, *arguments: str) -> str:
        """Run a command, which must succeed; returns what it printed."""
        done = subprocess.run(  # noqa: S603 - our own
            self.command(name, *arguments),
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder.parent,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def change_settings(self, **changes: object) -> None:
        """Write other values into `site.yaml`."""
        file = self.folder / "site.yaml"
        file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), **changes}))

    @contextlib.contextmanager
    def running(self) -> Iterator[RunningSite]:
        """Run the site as long as the block lasts, at the end of which what still runs is stopped."""
        with subprocess.Popen(  # noqa: S603 - our own
            self.command("run"), stdout=subprocess.DEVNULL, cwd=self.folder.parent
        ) as process:
            try:
                yield RunningSite(process)
            finally:
                process.terminate()

    @property
    def ledger(self) -> Path:
        """File of the ledger."""
        return self.folder / "state" / "ledger.db"

    @property
    def work(self) -> Path:
        """File of queue and journal."""
        return self.folder / "state" / "work.db"

    @property
    def apdb(self) -> Path:
        """File of DiaObjects and DiaSources."""
        return self.folder / "apdb" / "apdb.db"

    def finals(self) -> dict[tuple[str, int], AttemptRecord]:
        """Find the attempts that ended each group and detector."""
        rows = ask(self.ledger, "SELECT instrument, visit_group, detector, record FROM history")
        found = {}
        for instrument, group, detector, record in rows:
            last = history_from_json(Identity(instrument, group, detector), record).last
            if last is not None and last.final and last.outcome is not None:
                found[group, detector] = last
        return found

    def time_to_end(
        self, group: str, detectors: int, begin: float, patience: float = 300.0
    ) -> tuple[float, float]:
        """Wait for the outcomes of a group; returns the seconds to its last alert, and to the last outcome.

        Alerts are those that were written since `begin`; NaN if there are none.
        """
        ends: list[float] = []

        def is_ended() -> bool:
            last = [one for (its, _), one in self.finals().items() if its == group]
            ends[:] = [one.ended for one in last if one.ended is not None]
            return len(ends) == detectors

        wait_until(is_ended, patience)
        written = [file.stat().st_mtime for file in (self.folder / "alerts").rglob("*.avro")]
        alerts = [time for time in written if time > begin]
        return (max(alerts) - begin if alerts else math.nan), max(ends) - begin


def ask(database: Path, query: str) -> list[tuple[Any, ...]]:
    """Read a table that may not be there yet."""
    try:
        with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()
    except sqlite3.OperationalError:
        return []


def wait_until(condition: Callable[[], bool], patience: float = 150.0) -> None:
    """Wait for something that must come about."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "it has not come about"
        time.sleep(0.05)
