"""A child whose workspace does as the group of its assignment says."""

import ctypes
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from adapters.workspace_process.life import Life
from adapters.workspace_process.server import serve
from domain.raws.exposure import Exposure
from domain.raws.raws import RawImage
from domain.times import TaiSeconds
from domain.work.outcomes import Export
from ports.neighbours import Neighbour
from ports.workspace import (
    Assignment,
    NeighbourAwayError,
    NothingRunnableError,
    Prepared,
    Processed,
    RawUnreadableError,
    WaitingAlerts,
)


class ScriptedWorkspace:
    """Keeps a diary in its folder, so that a successor can be told from a first child."""

    def __init__(self, folder: Path, life: Life) -> None:
        self._life = life
        self._diary = folder / "diary"
        self._given_back = folder / "given back"
        self._group = ""
        self._hoard = bytearray()
        self._until: float | None = None

    def prepare(self, assignment: Assignment) -> Prepared:
        self._begin("prepare", assignment)
        if self._group == "hangs from the start":
            time.sleep(600)
        if self._group == "nothing runnable":
            raise NothingRunnableError("no calibrations")
        return Prepared(datasets=3, warnings=("a warning",), seconds={"copy inputs": 0.5})

    def resume(self, assignment: Assignment) -> None:
        self._begin("resume", assignment)

    def ingest(self, raw: RawImage) -> Exposure:
        if self._group == "unreadable":
            raise RawUnreadableError(f"{raw.uri} is truncated")
        return Exposure(
            instrument="SimCam",
            detector=4,
            exposure=raw.exposure,
            obs_id="SC_O_20260313_000001",
            group=self._group,
            snap=0,
            day_obs=20260313,
            seqnum=1,
            physical_filter="r_sim",
            exposure_time=15.0,
            begin=TaiSeconds(1.77e9),
            end=TaiSeconds(1.77e9 + 15),
            ra=149.9,
            dec=2.2,
            sky_angle=None,
        )

    def process(self, exposures: Sequence[int], until: float | None = None) -> Processed:
        self._until = until
        match self._group:
            case "hangs":
                time.sleep(600)
            case "hangs natively":
                # Holds the interpreter: no other thread of this process runs.
                ctypes.PyDLL(None).sleep(600)
            case "claims":
                self._life.claim(lambda: time.sleep(0.5), 3.0)
                time.sleep(1.5)
            case "claims and hangs":
                self._life.claim(lambda: None, 1.5)
                ctypes.PyDLL(None).sleep(600)
            case "slow":
                time.sleep(2.0)
            case "writes":
                time.sleep(0.2)
                self._write("changed")
            case "greedy":
                self._hoard = bytearray(400 << 20)
            case "dies":
                os.abort()
            case "throws":
                raise ZeroDivisionError("in a task")
        return Processed(pipeline="Isr", changed=True, seconds={"isr": float(len(exposures))})

    def waiting_alerts(self) -> WaitingAlerts | None:
        """As many as whole seconds that the step was to have."""
        if self._until is None:
            return None
        return WaitingAlerts(number=round(self._until - time.monotonic()), place="file:///outbox/")

    def export(self, what: Export) -> bytes | None:
        return None if what is Export.NOTHING else b"\0message\xff" * 100_000

    def probe(self, neighbour: Neighbour) -> None:
        if neighbour is Neighbour.APDB:
            raise NeighbourAwayError("connection refused", neighbour)

    def clean(self) -> None:
        self._write("clean")

    def release_memory(self) -> None:
        with self._given_back.open("a") as given_back:
            given_back.write("all\n")

    def _begin(self, step: str, assignment: Assignment) -> None:
        self._group = assignment.work.visit.group
        self._write(step)

    def _write(self, line: str) -> None:
        with self._diary.open("a") as diary:
            diary.write(f"{line} {os.getpid()}\n")


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[2])) as connection:
        life = Life()
        workspace = ScriptedWorkspace(Path(sys.argv[1]), life)
        serve(connection, workspace, workspace.release_memory, life, "pipelines-0123456-config-789abcd")
