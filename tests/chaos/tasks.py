"""The pipeline without science: it changes what a real one changes, once for each exposure, and quickly.

On request it ends its own process, or its worker's as well, at one of the
points named in `POINTS`.
"""

# ruff: noqa: N802, N803 - the names are those of lsst.pipe.base

import json
import os
import signal
import time
from pathlib import Path
from typing import Any, cast

import pandas as pd
from astropy.time import Time
from lsst.pipe.base import (
    InputQuantizedConnection,
    OutputQuantizedConnection,
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    QuantumContext,
    Struct,
)
from lsst.pipe.base.connectionTypes import Input, Output

from application.worker.log_context import current_log_context
from prompt_pipelines.alert_outbox import LaidAlerts
from prompt_pipelines.alert_stream import stream_from_environment
from prompt_pipelines.apdb import BANDS, History, open_apdb, store

__all__ = ["POINTS", "LookTask", "NoScienceTask"]

POINTS = ("looking", "claimed", "stored", "sent", "written")
"""Where a process may be ended: the first is before the claim, the others are after it."""

_OBSERVED = ("instrument", "exposure", "detector")
_DICT = "StructuredDataDict"


class LookConnections(PipelineTaskConnections, dimensions=_OBSERVED):
    raw = Input(doc="The raw.", name="raw", storageClass="RawFrame", dimensions=_OBSERVED)
    look = Output(doc="Its size.", name="chaos_look", storageClass=_DICT, dimensions=_OBSERVED)


class LookConfig(PipelineTaskConfig, pipelineConnections=LookConnections):
    pass


class LookTask(PipelineTask):
    ConfigClass = LookConfig
    _DefaultName = "look"

    def run(self, raw: Any) -> Struct:
        _reach("looking")
        return Struct(look={"pixels": int(raw.pixels.size)})


class NoScienceConnections(PipelineTaskConnections, dimensions=_OBSERVED):
    look = Input(doc="What was seen.", name="chaos_look", storageClass=_DICT, dimensions=_OBSERVED)
    change = Output(doc="What was done.", name="chaos_change", storageClass=_DICT, dimensions=_OBSERVED)


class NoScienceConfig(PipelineTaskConfig, pipelineConnections=NoScienceConnections):
    pass


class NoScienceTask(PipelineTask):
    ConfigClass = NoScienceConfig
    _DefaultName = "change"

    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        data_id = butlerQC.quantum.dataId
        assert data_id is not None
        exposure, detector = cast(int, data_id["exposure"]), cast(int, data_id["detector"])
        _reach("claimed")
        alert = f"{exposure} {detector}".encode()
        laid = LaidAlerts.of_image(exposure, detector)
        stream = stream_from_environment()
        assert laid is not None
        assert stream is not None
        laid.lay([alert], [_source_id(exposure, detector)])
        _store_one_source(exposure, detector)
        _reach("stored")
        stream.send([alert], laid.file)
        _reach("sent")
        _write_line(f"{exposure} {detector} {current_log_context().get('attempt')}\n")
        _reach("written")
        butlerQC.put(butlerQC.get(inputRefs.look) | {"exposure": exposure}, outputRefs.change)


def _source_id(exposure: int, detector: int) -> int:
    return exposure * 10 + detector


def _store_one_source(exposure: int, detector: int) -> None:
    now = Time.now()
    number = _source_id(exposure, detector)
    place = {"diaObjectId": number, "ra": 149.9 + exposure % 1000 / 100, "dec": 2.2}
    sources = place | {
        "diaSourceId": number,
        "visit": exposure,
        "detector": detector,
        "midpointMjdTai": now.tai.mjd,
        "timeProcessedMjdTai": now.tai.mjd,
        "x": 1.0,
        "y": 1.0,
        "psfNdata": 1,
        "trailNdata": 0,
        "dipoleNdata": 0,
        "bboxSize": 30,
    }
    objects = place | {"nDiaSources": 1} | {f"{band}_psfFluxNdata": 0 for band in BANDS}
    nothing = pd.DataFrame(
        {name: pd.Series(dtype="int64") for name in ("diaForcedSourceId", "diaObjectId", "visit", "detector")}
    )
    addition = History(pd.DataFrame([objects]), pd.DataFrame([sources]), nothing)
    store(open_apdb(os.environ["CONFIG_APDB"]), now, addition)


def _write_line(line: str) -> None:
    """Append to the file outside the system, in one call that others cannot get into."""
    file = os.open(os.environ["CHAOS_RECORD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


def _reach(point: str) -> None:
    """End this process, or its parent as well, if the plan wants it here and it has not been done."""
    about = current_log_context()
    wanted = json.loads(Path(os.environ["CHAOS_KILLS"]).read_text())
    name = f"{about.get('group')} {about.get('detector')}"
    if wanted.get(name, ("", ""))[0] != point:
        return
    try:
        mark = Path(os.environ["CHAOS_KILLS"]).with_name(f"killed {name} {point}".replace("/", "_"))
        with mark.open("x") as file:
            # Not by this worker's own clock, which may be off.
            now = time.clock_gettime(time.CLOCK_REALTIME)
            file.write(f"{wanted[name][1]} {os.getppid()} {now}")
    except FileExistsError:
        return
    if wanted[name][1] == "worker":
        os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
