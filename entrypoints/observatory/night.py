"""Play one night in the box and say how it went."""

import asyncio
import contextlib
import os
import shutil
import signal
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from attrs import evolve, frozen
from rich.console import Console
from rich.markup import escape

from application.worker.alongside import running_alongside
from domain.errors import PromptProcessingError
from domain.runs import chain, day_of_processing
from domain.times import UtcSeconds
from domain.work.promptness import MINUTE
from entrypoints.containers.observatory import Results, copy_camera, keep_ledger, keep_results, read_results
from entrypoints.long_work import INTERRUPTED, leave, paced
from entrypoints.observatory.box import Box, BoxSetup, opened_box
from entrypoints.observatory.display import Display, make_display
from entrypoints.observatory.environment import Topics, status_variables
from entrypoints.observatory.findings import Examination, examine
from entrypoints.observatory.processes import ProcessFailedError, ServiceProcess
from entrypoints.observatory.progress import Progress, Row
from simulator.summit.summit import Summit
from workbench.night.kept_night import CAMERA, LEDGER, NIGHT, is_kept, keep_logs, keep_outcomes, remove
from workbench.pace import Pace

__all__ = ["STOPPED", "Observation", "observe"]

_FAILED = 1
STOPPED = "stopped; nothing is left running, and no results were kept"
_STOPPED_LATE = "stopped; nothing is left running. The night's images are in {}"
_BETWEEN_COUNTS = 1.0  # Seconds.
_OUTPUTS_PATIENCE = 60.0  # Seconds that the writer gets for the night's last outputs.


@frozen(kw_only=True)
class Observation:
    """How a night is to be played."""

    setup: BoxSetup
    speed: float
    """How much faster than real time the observatory lives."""
    results: Path
    """Folder for a repository with the night's outputs; must not exist."""
    examination: Examination
    """What is asked of the outputs."""
    may_lose_visits: bool = False
    """Real frames may be of no use: it is enough that a visit was completed."""
    quiet: bool = False
    """True shows no progress."""
    notes: tuple[str, ...] = ()
    """What else is to be said of the night at its end."""

    @property
    def clock(self) -> str:
        """Say how time goes at the observatory; blank if as it does elsewhere."""
        if self.speed == 1.0:
            return ""
        times = f"{self.speed:g} times as fast as real time"
        return f"played: exposures and the time between them go {times}; what the processing took is real"


@frozen(kw_only=True)
class _Report:
    progress: Progress
    results: Results
    kept: int
    latencies: list[float]
    chain: str
    findings: tuple[str, ...]

    @property
    def completed(self) -> set[tuple[str, int]]:
        """Group and detector of what was completed."""
        return {key for key, row in self.progress.rows.items() if row.outcome == "completed"}

    def succeeded(self, *, may_lose_visits: bool) -> bool:
        """Tell whether enough was completed, and the outputs of all that was are there."""
        enough = bool(self.completed) if may_lose_visits else not self.progress.failed
        return enough and self.completed <= self.results.arrived.keys()


def observe(night: Observation, console: Console) -> int:
    """Play a night from start to end; returns the process's exit code.

    Everything is stopped and removed, however the night ends; only the results
    of a night that was played to its end are kept, and the logs of one that failed.
    Ctrl-C ends the process.
    """
    try:
        report = asyncio.run(_unless_stopped(night, console))
    except (KeyboardInterrupt, asyncio.CancelledError):
        _leave(night, console)
    except PromptProcessingError as error:
        console.print(f"[bold red]the night cannot go on:[/] {escape(str(error))}", soft_wrap=True)
        return _FAILED
    _summarize(night, report, console)
    return 0 if report.succeeded(may_lose_visits=night.may_lose_visits) else _FAILED


async def _unless_stopped(night: Observation, console: Console) -> _Report:
    try:
        return await _observe(night, console)
    except asyncio.CancelledError:
        # The end of the event loop would wait for abandoned threads.
        _leave(night, console)


def _leave(night: Observation, console: Console) -> NoReturn:
    if is_kept(night.results):
        console.print(_STOPPED_LATE.format(night.results), soft_wrap=True)
    else:
        remove(night.results)
        console.print(STOPPED)
    leave(INTERRUPTED)


async def _observe(night: Observation, console: Console) -> _Report:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    begin = time.monotonic()
    progress = Progress()
    changed = asyncio.Event()
    with make_display(console, begin, quiet=night.quiet) as display:

        def listen(name: str, record: Mapping[str, Any]) -> None:
            row = progress.heard(name, record, time.monotonic() - begin)
            if row is not None:
                display.ended(row)
                changed.set()

        note = {"console": {**night.setup.variables.get("console", {}), "CONSOLE_NOTE": night.clock}}
        setup = evolve(night.setup, variables={**night.setup.variables, **note})
        async with opened_box(setup, display, listen, night.results) as box:
            plan = box.setup.plan
            progress.expect((visit.group, detector) for visit in plan.visits for detector in visit.detectors)
            told = status_variables(plan.camera.instrument, box.addresses)
            display.say(f"to look at it from another terminal: {told} {_command()} status --watch")
            display.follow(progress)
            summit = _summit(box, night.speed)
            await _play(box, summit, progress, changed)
            display.say("waiting for the last outputs in the central repository")
            results = await _await_outputs(box, progress, display)
            day_chain = chain(plan.camera.instrument, day_of_processing(UtcSeconds(time.time())))
            kept = await _keep(night, box, day_chain, progress, display)
            display.say("reading the APDB and the alerts")
            findings = await paced(
                Pace(), examine, night.examination, box.addresses, results, night.results, day_chain
            )
            latencies = [
                results.arrived[key] - notified
                for key, notified in summit.last_notified.items()
                if key in results.arrived
            ]
            if night.setup.console:
                back = f"{_command()} console {night.results}"
                display.say(f"the console ends with the night; to look back at it: {back}")
            return _Report(
                progress=progress,
                results=results,
                kept=kept,
                latencies=latencies,
                chain=day_chain,
                findings=findings,
            )


async def _keep(night: Observation, box: Box, day_chain: str, progress: Progress, display: Display) -> int:
    """Copy what the night has left into the folder of results; tells how many datasets."""
    instrument = box.setup.plan.camera.instrument
    display.say(f"copying the night's outputs to {night.results}")
    async with running_alongside(_tell_copied(night.results, display)):
        kept = await paced(Pace(), keep_results, box.addresses.repository, day_chain, night.results)
    outcomes = [_kept(row) for row in progress.rows.values()]
    keep_outcomes(instrument, outcomes, night.results, night.clock)
    copy_camera(night.setup.camera_file, night.results / NIGHT / CAMERA)
    await keep_ledger(box.addresses.redis, instrument, night.results / NIGHT / LEDGER)
    keep_logs(box.addresses.folder, night.results)
    return kept


async def _tell_copied(target: Path, display: Display) -> None:
    """Show how many files are there, until cancelled."""
    while True:
        await asyncio.sleep(_BETWEEN_COUNTS)
        count = await asyncio.to_thread(lambda: sum(len(files) for _, _, files in os.walk(target)))
        display.working(f"{count} files copied to {target}")


def _kept(row: Row) -> Mapping[str, Any]:
    return {
        "group": row.group,
        "detector": row.detector,
        "outcome": row.outcome,
        "detail": row.detail,
        "promptness": row.promptness,
        "held": row.held,
        "worker": row.worker,
        "seconds": dict(row.seconds),
    }


async def _play(box: Box, summit: Summit, progress: Progress, changed: asyncio.Event) -> None:
    """Play the night part by part, each with workers of its own."""
    workers = box.workers
    for number, part in enumerate(box.parts):
        if number > 0:
            await asyncio.gather(*(worker.stop() for worker in workers))
            workers = await box.start_workers(part.skymap)
        async with running_alongside(_watch((*box.services, *workers))):
            await summit.play(evolve(box.setup.plan, visits=part.visits))
            while not progress.are_over(visit.group for visit in part.visits):
                changed.clear()
                await changed.wait()


def _summit(box: Box, speed: float) -> Summit:
    return Summit(
        bootstrap_servers=box.addresses.kafka,
        schema_registry_url=box.addresses.registry,
        topic=Topics().next_visit,
        object_store_url=box.addresses.s3["S3_ENDPOINT_URL"],
        bucket=box.addresses.bucket,
        speed=speed,
    )


async def _watch(services: Iterable[ServiceProcess]) -> None:
    """Fail as soon as one of the processes ends that should not."""
    ending = [asyncio.ensure_future(_ended(service)) for service in services]
    try:
        done, _ = await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in ending:
            one.cancel()
    raise ProcessFailedError(done.pop().result())


async def _ended(service: ServiceProcess) -> str:
    code = await service.ended()
    return f"{service.name} ended with exit code {code}:\n{service.tail()}"


async def _await_outputs(box: Box, progress: Progress, display: Display) -> Results:
    """Wait until the outputs of everything completed are known, or the patience is over."""
    completed = {key for key, row in progress.rows.items() if row.outcome == "completed"}
    end = time.monotonic() + _OUTPUTS_PATIENCE
    while True:
        results = await paced(
            Pace(),
            read_results,
            box.addresses.repository,
            box.addresses.batches,
            box.setup.plan.camera.instrument,
        )
        there = len(completed & results.arrived.keys())
        display.working(f"{there} of {len(completed)} visit-detectors are in the central repository")
        if completed <= results.arrived.keys() or time.monotonic() > end:
            return results
        await asyncio.sleep(0.5)


def _summarize(night: Observation, report: _Report, console: Console) -> None:
    rows = report.progress.rows.values()
    visits = len({row.group for row in rows})
    lines = [
        "",
        f"{night.setup.plan.camera.instrument}: {visits} visits, {len(rows)} visit-detectors",
        "outcomes: " + _counts(Counter(row.outcome or "none" for row in rows)),
    ]
    if fared := report.progress.fared:
        lines.append(f"completed against the {MINUTE:g} s from the shutter: {_counts(fared)}")
    lines += [
        f"  {row.group} detector {row.detector}: {row.detail or row.stage}" for row in report.progress.told
    ]
    missing = [
        f"{group} detector {detector}"
        for group, detector in sorted(report.completed - report.results.arrived.keys())
    ]
    if missing:
        lines.append(f"completed, but not in the central repository: {', '.join(missing)}")
    if report.latencies:
        lines.append(
            "from the last notification to outputs in the central repository: "
            f"median {statistics.median(report.latencies):.1f} s, worst {max(report.latencies):.1f} s"
        )
    lines += [*night.notes, *report.findings]
    lines += [
        f"in the central repository: {sum(report.results.counts.values())} datasets"
        f" of {len(report.results.counts)} types",
        f"{report.kept} datasets, the APDB, alerts and logs are in {night.results}; look at them with",
        f"  {_command()} results {night.results} (--datasets counts those of each type)",
        f"  {_command()} console {night.results}",
    ]
    console.print("\n".join(lines), highlight=False, soft_wrap=True, markup=False)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


def _command() -> str:
    """Name the `prompt-processing` command that belongs to this interpreter, as short as it works here."""
    beside = Path(sys.executable).with_name("prompt-processing")
    if shutil.which("prompt-processing") == str(beside) or not beside.exists():
        return "prompt-processing"
    with contextlib.suppress(ValueError):
        return str(beside.relative_to(Path.cwd()))
    return str(beside)
