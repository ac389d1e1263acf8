"""One worker in the demo's box, on 1k x 1k: its start, each stage of its visit-detectors, its memory."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

from attrs import define, evolve, field
from rich.console import Console

from adapters.files.cameras import load_camera
from application.worker.alongside import running_alongside
from benchmarks.report import table
from benchmarks.services import processes
from benchmarks.visits.visit_night import CAMERA_FILE
from domain.times import UtcSeconds
from entrypoints.observatory.box import Box, BoxSetup, opened_box
from entrypoints.observatory.display import make_display
from entrypoints.observatory.environment import Topics
from entrypoints.observatory.options import AP_PIPE
from entrypoints.observatory.processes import ServiceProcess
from entrypoints.observatory.progress import Progress
from simulator.summit.demo import demo_plan
from simulator.summit.simulated_night import SimulatedNight
from simulator.summit.summit import Summit
from simulator.world.frames import SimulatedCamera

__all__ = ["main"]

_SEED = 1
_DETECTOR = 4
_VISITS = 7
_SPEED = 5.0  # A visit each 4 s: the worker is done with one before the next one's image comes.
_PATIENCE = 600.0
_STEPS = ("prepare", "ingest", "process", "export", "clean")
_AFTER_IMAGE = ("ingest", "process", "export")
_TASKS = ("load_dia_objects", "isr", "calibrate_visit", "subtract_images", "associate")
_IMPORTED = (
    ("Butler (lsst.daf.butler)", "lsst.daf.butler"),
    ("pipeline framework (lsst.pipe.base)", "lsst.pipe.base"),
    ("all else of the child", "entrypoints.services.child"),
    ("images (lsst.images)", "lsst.images"),
    ("APDB (lsst.dax.apdb)", "lsst.dax.apdb"),
    ("the pipeline's tasks", ", ".join(f"prompt_pipelines.tasks.{name}" for name in _TASKS)),
)
"""In the order of a child: the first three before its worker is ready, the others in its first visit."""


@define
class _Observed:
    """What is known of the worker."""

    progress: Progress
    over: asyncio.Event = field(factory=asyncio.Event)
    starting: dict[str, tuple[float, float]] = field(factory=dict)
    """Seconds from the start of a process to the worker's readiness, and what it used of the CPU in them."""
    used: list[float] = field(factory=list)
    """CPU seconds of the child, at its start and after each visit-detector."""
    memory: dict[str, float] = field(factory=dict)
    """MiB."""

    def hear(self, name: str, record: Mapping[str, Any]) -> None:
        if name.startswith("worker") and record.get("ready"):
            self.starting = {
                part: (processes.age(process), processes.cpu_seconds(process))
                for part, process in _worker().items()
            }
            self._note_use()
        if self.progress.heard(name, record, time.monotonic()) is not None:
            self._note_use()
        if self.progress.is_over:
            self.over.set()

    def _note_use(self) -> None:
        self.used.append(processes.cpu_seconds(_worker()["child"]))


def main() -> None:
    """Measure, and print the figures."""
    observed = asyncio.run(_observe())
    if observed.progress.failed:
        raise RuntimeError(f"did not complete: {observed.progress.failed}")
    first, *others = [row.seconds for row in observed.progress.rows.values()]
    print(_stages(first, others, [after - before for before, after in pairwise(observed.used)]))
    print(_starting(observed.starting))
    print(_imports())
    print(
        table(
            f"peak memory of the worker after {_VISITS} visit-detectors (VmHWM)",
            ("process", "MiB"),
            [(part, f"{mib:.0f}") for part, mib in observed.memory.items()],
        )
    )


async def _observe() -> _Observed:
    setup = _setup()
    groups = [visit.group for visit in setup.plan.visits]
    observed = _Observed(Progress((group, _DETECTOR) for group in groups))
    # What goes on is for people, the tables are for files as well.
    display = make_display(Console(stderr=True, force_terminal=False), time.monotonic())
    async with opened_box(setup, display, observed.hear) as box:
        display.say(f"observing {_VISITS} visits with one detector")
        async with running_alongside(*map(_fail_at_end, (*box.services, *box.workers))):
            await _summit(box).play(setup.plan)
            # It ends something that hangs; a slow machine is no failure.
            async with asyncio.timeout(_PATIENCE):
                await observed.over.wait()
        observed.memory = {part: processes.peak_memory(process) for part, process in _worker().items()}
    return observed


async def _fail_at_end(service: ServiceProcess) -> None:
    code = await service.ended()
    raise RuntimeError(f"{service.name} ended with exit code {code}:\n{service.tail()}")


def _setup() -> BoxSetup:
    """Plan visits of one detector and one snap, all alike: the demo's first one, again and again."""
    camera = load_camera(CAMERA_FILE)
    demo = demo_plan(camera, seed=_SEED, now=UtcSeconds(time.time()))
    first = demo.plan.visits[0]
    visits = tuple(
        evolve(first, group=f"{first.group}#{number}", detectors=(_DETECTOR,)) for number in range(_VISITS)
    )
    night = SimulatedNight(SimulatedCamera(camera=camera, seed=_SEED), demo.sky, visits)
    demo = evolve(demo, plan=evolve(demo.plan, visits=visits, raws=night, calibrations=night))
    return BoxSetup(
        plan=demo.plan,
        camera_file=str(CAMERA_FILE),
        pipelines=AP_PIPE,
        reference=demo.sky.stars,
        skymap=demo.skymap,
        templates=demo.templates,
        workers=1,
    )


def _summit(box: Box) -> Summit:
    return Summit(
        bootstrap_servers=box.addresses.kafka,
        schema_registry_url=box.addresses.registry,
        topic=Topics().next_visit,
        object_store_url=box.addresses.s3["S3_ENDPOINT_URL"],
        bucket=box.addresses.bucket,
        speed=_SPEED,
    )


def _worker() -> dict[str, int]:
    """Find the worker's two processes among ours."""
    [parent] = [one for one in processes.children(os.getpid()) if processes.command(one)[-1] == "worker"]
    [child] = processes.children(parent)
    return {"parent": parent, "child": child}


def _stages(first: Mapping[str, float], others: Sequence[Mapping[str, float]], used: Sequence[float]) -> str:
    names = [name for name in first if name.partition(".")[0] in _STEPS]
    rows = [
        (f"  {name}" if "." in name else name, *_cells(first[name], [one.get(name, 0.0) for one in others]))
        for step in _STEPS
        for name in sorted(names, key=lambda name: "." in name)
        if name.partition(".")[0] == step
    ]
    for name, steps in (("image to exported", _AFTER_IMAGE), ("whole visit, waiting left out", _STEPS)):
        sums = [sum(one.get(step, 0.0) for step in steps) for one in (first, *others)]
        rows.append((name, *_cells(sums[0], sums[1:])))
    rows.append(("CPU time of the child", *_cells(used[0], used[1:])))
    return table(
        f"stages of a demo visit-detector (one snap; one worker, as in production; {len(others)} warm ones)",
        ("s", "cold", "warm, median", "best", "worst"),
        rows,
        ["cold: the first visit of a fresh child; stages with a dot are parts of the one above them"],
    )


def _cells(cold: float, warm: Sequence[float]) -> tuple[str, ...]:
    return tuple(f"{seconds:.3f}" for seconds in (cold, median(warm), min(warm), max(warm)))


def _starting(seconds: Mapping[str, tuple[float, float]]) -> str:
    about = {
        "parent": "the parent (its imports, settings and connections, and the child's start)",
        "child": "the child in it (interpreter, imports, wiring)",
    }
    rows = [(about[part], f"{wall:.2f}", f"{cpu:.2f}") for part, (wall, cpu) in seconds.items()]
    return table("before its first visit: a worker until it is ready", ("s", "wall", "CPU"), rows)


def _imports() -> str:
    """Import what a child does, in its order, in a fresh interpreter."""
    lines = ["import time"]
    for _, modules in _IMPORTED:
        lines += ["begin = time.perf_counter(), time.process_time()", f"import {modules}"]
        lines += ["print(time.perf_counter() - begin[0], time.process_time() - begin[1])"]
    command = [sys.executable, "-c", "\n".join(lines)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own command
    seconds = [map(float, line.split()) for line in done.stdout.splitlines()]
    rows = [
        (name, *(f"{each:.2f}" for each in pair)) for (name, _), pair in zip(_IMPORTED, seconds, strict=True)
    ]
    return table(
        "what a child imports, one after the other in a fresh interpreter",
        ("s", "wall", "CPU"),
        rows,
        ["the first three before the worker is ready, the others in its first visit-detector"],
    )


if __name__ == "__main__":
    main()
