"""The jobs of a site, each by commands of the command line in processes of their own."""

import asyncio
import contextlib
import datetime
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from domain.cameras.camera import Camera
from domain.errors import PromptProcessingError
from domain.upkeep import Job, JobEnding, JobKind, JobResult, TakenFrames, begin_of_night
from entrypoints.settings.site import SiteFolder

__all__ = ["CommandFailedError", "SiteJobs", "run_command"]

_COMMAND: Final = (sys.executable, "-P", "-m", "entrypoints")
_NICENESS: Final = 10
"""Images come first, should some come meanwhile."""
_PATIENCE: Final = 5.0
"""Seconds that a command has to undo what it has begun."""


class CommandFailedError(PromptProcessingError):
    """A command did not do what it was to do; the text is its own."""


async def run_command(*arguments: str) -> str:
    """Run a command and return what it printed; if this is cancelled, it is stopped, and killed at need.

    Raises
    ------
    CommandFailedError
        Raised if it fails.
    """
    process = await asyncio.create_subprocess_exec(
        *_COMMAND,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    with contextlib.suppress(ProcessLookupError):
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
    try:
        printed, said = await process.communicate()
    except asyncio.CancelledError:
        await _end(process)
        raise
    if process.returncode:
        last = said.decode(errors="replace").strip().rpartition("\n")[2].removeprefix("Error: ")
        raise CommandFailedError(last or f"`{arguments[0]}` ended with exit code {process.returncode}")
    return printed.decode()


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        # What it still prints must not keep it.
        await asyncio.wait_for(process.communicate(), _PATIENCE)
    except (TimeoutError, asyncio.CancelledError):
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@frozen(kw_only=True)
class SiteJobs:
    """Does what is due."""

    folder: SiteFolder
    camera: Camera
    skymap: str
    run: Callable[..., Awaitable[str]] = run_command

    async def do(self, job: Job, frames: TakenFrames) -> JobResult:
        """Do a job."""
        try:
            if job.kind is JobKind.CALIBRATIONS:
                return await self._make_calibrations(job.night, sorted(frames.calibrations[job.night]))
            if job.kind is JobKind.TRACKLETS:
                return await self._write_tracklets(job.night)
            if job.kind is JobKind.TEMPLATES:
                return await self._build_templates(job.night)
            return _removal_said(json.loads(await self.run("site", "prune", str(self.folder.path), "--json")))
        except CommandFailedError as error:
            return JobResult(ending=JobEnding.FAILED, said=str(error))

    async def _make_calibrations(self, night: int, keys: Sequence[str]) -> JobResult:
        paths = [path for path in (self.folder.raws / key for key in keys) if path.exists()]
        if not paths:
            said = f"the frames of {night} are not in {self.folder.raws} any more"
            return JobResult(ending=JobEnding.FAILED, said=said)
        name = f"{night}-{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}"
        pictures = self.folder.calibrations / name
        built = json.loads(
            await self.run(
                *("calibrations", "build", *map(str, paths), "--camera", str(self.folder.camera)),
                *("--into", str(self.folder.central), "--name", name),
                *("--pictures", str(pictures), "--json"),
            )
        )
        begin = begin_of_night(night, self.camera.header.day_begins)
        since = datetime.datetime.fromtimestamp(begin, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S")
        certify = ("calibrations", "certify", str(self.folder.central), name, "--from", since)
        await self.run(*certify, "--until-next", "--replace")
        return _calibrations_said(built, name, pictures)

    async def _write_tracklets(self, night: int) -> JobResult:
        self.folder.movers.mkdir(exist_ok=True)
        output, table = (self.folder.movers / f"{night}.{kind}" for kind in ("psv", "ecsv"))
        said = await self.run(
            *("ades", str(self.folder.path), "--night", str(night)),
            *("-o", str(output), "--table", str(table)),
        )
        return JobResult(ending=JobEnding.DONE, said=said.strip())

    async def _build_templates(self, until: int) -> JobResult:
        printed = await self.run(
            *("templates", "build", str(self.folder.central), "--instrument", self.camera.instrument),
            *("--skymap", self.skymap, "--nights", f"..{until}", "--json"),
        )
        built: Mapping[str, Any] = json.loads(printed)
        left = dict.fromkeys(str(one["reason"]) for one in built["frames_left"])
        said = f"{len(built['built'])} templates built, {len(built['left'])} left as they are"
        if not left:
            return JobResult(ending=JobEnding.DONE, said=said)
        said = f"{said}; {len(built['frames_left'])} frames left: {'; '.join(left)}"
        return JobResult(ending=JobEnding.INCOMPLETE, said=said)


def _calibrations_said(built: Mapping[str, Any], name: str, pictures: Path) -> JobResult:
    good = [one for one in built["masters"] if not one["failures"]]
    left = [
        f"{one['type']} of detector {one['detector']} is not used: {', '.join(one['failures'])}"
        for one in built["masters"]
        if one["failures"]
    ]
    left += dict.fromkeys(f"not made: {one['reason']}" for one in built["not_made"])
    said = f"{len(good)} masters are certified, {name}; pictures in {pictures}"
    ending = JobEnding.INCOMPLETE if left else JobEnding.DONE
    return JobResult(ending=ending, said="; ".join([said, *left]))


def _removal_said(pruned: Mapping[str, Any]) -> JobResult:
    removed = [
        f"{one['night']}: {one['raws']} raws, {one['images']} images, {one['bytes'] / 1e9:.2f} GB removed"
        for one in pruned["removed"]
    ]
    kept = [f"{one['night']}: {one['raws']} raws stay: {one['reason']}" for one in pruned["kept"]]
    return JobResult(
        ending=JobEnding.DONE,
        said="; ".join([*removed, *kept]) or "nothing to remove",
        removed={what: sum(one[f"{what}s"] for one in pruned["removed"]) for what in ("raw", "image")},
        freed=sum(one["bytes"] for one in pruned["removed"]),
    )
