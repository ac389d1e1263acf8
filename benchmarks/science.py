"""Seconds of each task from a raw to its alerts, warm, on one core.

The CPU's time is what counts: it is the same whatever else the machine does.
"""

import functools
import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import yaml
from attrs import define, field
from lsst.pipe.base import Pipeline, PipelineTask

from benchmarks.our_worker import OurWorker
from benchmarks.report import table
from benchmarks.visit_night import AP_PIPE, CAMERA_FILE, ROOT, make_night

__all__ = ["main"]

_SIZES = {1024: 8, 4096: 3}  # Pixels on a side, and how many visits; the first of them is cold.
_OVERSCAN = 32  # pixels of each amplifier
_AIM = "1.5"


@define
class _Clock:
    """CPU seconds by task, of one visit after the other."""

    visits: list[dict[str, float]] = field(factory=list)

    @contextmanager
    def installed(self, tasks: dict[str, type[PipelineTask]]) -> Iterator[None]:
        """Let the tasks tell how long they take, with their datasets' reading and writing."""
        with ExitStack() as stack:
            for label, task in tasks.items():
                stack.enter_context(self._timed(label, task))
            yield

    @contextmanager
    def _timed(self, label: str, task: type[PipelineTask]) -> Iterator[None]:
        original = task.runQuantum
        task.runQuantum = self._timing(label, original)  # type: ignore[method-assign]  # for the while
        try:
            yield
        finally:
            task.runQuantum = original  # type: ignore[method-assign]

    def _timing[**P](self, label: str, run: Callable[P, None]) -> Callable[P, None]:
        @functools.wraps(run)
        def timed(*args: P.args, **kwargs: P.kwargs) -> None:
            began = time.process_time()
            run(*args, **kwargs)
            visit = self.visits[-1]
            visit[label] = visit.get(label, 0.0) + time.process_time() - began

        return timed


def main() -> None:
    """Measure, and print the figures."""
    warnings.simplefilter("ignore", ResourceWarning)
    logging.getLogger().setLevel(logging.INFO)  # as in a worker: provenance holds the tasks' logs
    clocks = {}
    for size, visits in _SIZES.items():
        with tempfile.TemporaryDirectory(prefix="benchmark-science-") as folder:
            clocks[size] = _measure(Path(folder), size, visits)
    print(_table(clocks))


def _measure(folder: Path, size: int, visits: int) -> _Clock:
    night = make_night(folder, visits, camera_file=_camera_of(folder, size))
    night.initialize(AP_PIPE)
    worker, clock = OurWorker(night, AP_PIPE, folder / "ours"), _Clock()
    with clock.installed(_tasks()):
        for number in range(visits):
            clock.visits.append({})
            worker.prepare(number)
            worker.ingest(number)
            worker.process(number)
            worker.clean()
    worker.close()
    return clock


def _camera_of(folder: Path, size: int) -> Path:
    """Give the camera of the other benchmarks a sensor of another size."""
    content = yaml.safe_load(CAMERA_FILE.read_text())
    sensor = content["detector_types"]["ccd"]
    sensor["nx"] = sensor["ny"] = size
    half = size // 2
    for number, amplifier in enumerate(sensor["amplifiers"]):
        image = f"[{number * half + 1}:{(number + 1) * half},1:{size}]"
        beyond = size + number * _OVERSCAN
        amplifier["data"] = amplifier["image"] = image
        amplifier["overscan"] = f"[{beyond + 1}:{beyond + _OVERSCAN},1:{size}]"
    file = folder / "camera.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def _tasks() -> dict[str, type[PipelineTask]]:
    pipelines = [Pipeline.from_uri(str(ROOT / name)) for name in (AP_PIPE.preprocessing, AP_PIPE.main)]
    return {label: node.task_class for each in pipelines for label, node in each.to_graph().tasks.items()}


def _table(clocks: dict[int, _Clock]) -> str:
    labels = list(next(iter(clocks.values())).visits[-1])
    rows = [
        (
            label,
            *(f"{median(visit[label] for visit in clock.visits[1:]):.3f}" for clock in clocks.values()),
            "",
        )
        for label in labels
    ]
    sums = (_cell(sum(visit.values()) for visit in clock.visits[1:]) for clock in clocks.values())
    rows.append(("all", *sums, f"{_AIM} at 1k x 1k"))
    sizes = [f"{size} x {size}" for size in clocks]
    count = " and ".join(str(visits - 1) for visits in _SIZES.values())
    return table(
        f"CPU seconds of a task, its datasets' reading and writing included: medians of {count} warm visits",
        ("task", *sizes, "aim"),
        rows,
    )


def _cell(seconds: Iterable[float]) -> str:
    return f"{median(seconds):.3f}"


if __name__ == "__main__":
    main()
