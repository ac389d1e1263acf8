"""Seconds of each task from a raw to its alerts, warm, on one core.

The CPU's time is what counts: it is the same whatever else the machine does.
Reading and writing datasets is told apart from what tasks make of them.
"""

import functools
import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import yaml
from attrs import define, field
from lsst.pipe.base import Pipeline, PipelineTask, QuantumContext

from adapters.host.heap import release_memory, reuse_memory, trim_heap
from benchmarks.report import table
from benchmarks.visits.our_worker import OurWorker
from benchmarks.visits.visit_night import AP_PIPE, CAMERA_FILE, ROOT, make_night

__all__ = ["camera_of_size", "main"]

_SIZES = {1024: 8, 4096: 3}  # Pixels on a side, and how many visits; the first of them is cold.
_OVERSCAN = 32  # pixels of each amplifier
_AIM = "1.5"
_DATA = "reading and writing datasets"


@define
class _Clock:
    """CPU seconds by task, of one visit after the other."""

    visits: list[dict[str, float]] = field(factory=list)

    @contextmanager
    def installed(self, tasks: dict[str, type[PipelineTask]]) -> Iterator[None]:
        """Let the tasks tell how long they take, with their datasets' reading and writing."""
        with ExitStack() as stack:
            for label, task in tasks.items():
                stack.enter_context(self._timed(label, task, "runQuantum"))
            for name in ("get", "put"):
                stack.enter_context(self._timed(_DATA, QuantumContext, name))
            yield

    @contextmanager
    def _timed(self, label: str, owner: type, name: str) -> Iterator[None]:
        original = getattr(owner, name)
        setattr(owner, name, self._timing(label, original))
        try:
            yield
        finally:
            setattr(owner, name, original)

    def _timing[**P, T](self, label: str, run: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(run)
        def timed(*args: P.args, **kwargs: P.kwargs) -> T:
            began, inside = time.process_time(), self._visit.get(_DATA, 0.0)
            try:
                return run(*args, **kwargs)
            finally:
                data = self._visit.get(_DATA, 0.0) - inside
                self._visit[label] = self._visit.get(label, 0.0) + time.process_time() - began - data

        return timed

    @property
    def _visit(self) -> dict[str, float]:
        return self.visits[-1]


def main() -> None:
    """Measure, and print the figures."""
    warnings.simplefilter("ignore", ResourceWarning)
    logging.getLogger().setLevel(logging.INFO)  # as in a worker: provenance holds the tasks' logs
    trim_heap()
    reuse_memory()
    clocks = {}
    for size, visits in _SIZES.items():
        with tempfile.TemporaryDirectory(prefix="benchmark-science-") as folder:
            clocks[size] = _measure(Path(folder), size, visits)
    print(_table(clocks))


def _measure(folder: Path, size: int, visits: int) -> _Clock:
    night = make_night(folder, visits, camera_file=camera_of_size(folder, size))
    night.initialize(AP_PIPE)
    worker, clock = OurWorker(night, AP_PIPE, folder / "ours"), _Clock()
    with clock.installed(_tasks()):
        for number in range(visits):
            clock.visits.append({})
            worker.prepare(number)
            worker.ingest(number)
            worker.process(number)
            worker.clean()
            release_memory()
    worker.close()
    return clock


def camera_of_size(folder: Path, size: int) -> Path:
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
    labels = [label for label in next(iter(clocks.values())).visits[-1] if label != _DATA]
    sums = {
        **{label: [label] for label in labels},
        "all tasks": labels,
        _DATA: [_DATA],
        "all of it": [*labels, _DATA],
    }
    rows = [
        (name, *(_cell(clock, parts) for clock in clocks.values()), f"{_AIM} at 1k x 1k" * (parts is labels))
        for name, parts in sums.items()
    ]
    sizes = [f"{size} x {size}" for size in clocks]
    count = " and ".join(str(visits - 1) for visits in _SIZES.values())
    return table(f"CPU seconds, medians of {count} warm visits", ("", *sizes, "aim"), rows)


def _cell(clock: _Clock, parts: list[str]) -> str:
    return f"{median(sum(visit[part] for part in parts) for visit in clock.visits[1:]):.3f}"


if __name__ == "__main__":
    main()
