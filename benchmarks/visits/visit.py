"""A visit-detector of 1k x 1k, warm: this project's workspace beside today's sequence, in one run.

Whoever's code runs is told by `benchmarks.visits.meter`, so that what the framework
takes is known apart from tasks and from datasets' own reading and writing.
"""

import contextlib
import gc
import json
import logging
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Protocol

from attrs import evolve, frozen
from lsst.pipe.base import Pipeline

from benchmarks.report import table
from benchmarks.services import postgresql
from benchmarks.visits.meter import Meter, Spent
from benchmarks.visits.our_worker import OurWorker
from benchmarks.visits.straightforward import StraightforwardWorker
from benchmarks.visits.visit_night import AP_PIPE, LIGHT, ROOT, Job, Workload, make_night
from entrypoints.observatory.environment import within
from simulator.servers.kafka import EmbeddedKafka
from simulator.servers.object_store import ObjectStore

__all__ = ["main"]

_VISITS = 13  # the first of them is cold
_STAGES = ("prepare", "ingest", "process", "export", "clean")
_AFTER_IMAGE = ("ingest", "process", "export")
_AIMS = {
    "framework after the image": "0.15 s, 1/8",
    "image to exported": "1/3",
    "whole visit": "1/6",
    "framework of preload": "0.05 s",
}
_OURS_ALONE = "prompt_stage_times"


class Worker(Protocol):
    """Works on one visit-detector after the other."""

    def prepare(self, number: int) -> None: ...

    def ingest(self, number: int) -> None: ...

    def process(self, number: int) -> None: ...

    def export(self, number: int) -> bytes: ...

    def clean(self) -> None: ...


@frozen(kw_only=True)
class Course:
    """What was measured of one worker: the stages of each visit, the first left out."""

    visits: Sequence[Mapping[str, Spent]]

    def stage(self, name: str) -> Spent:
        """Give the medians of a stage."""
        spent = [visit[name] for visit in self.visits]
        return Spent(
            whole=median(one.whole for one in spent),
            tasks=median(one.tasks for one in spent),
            datasets=median(one.datasets for one in spent),
        )

    def whole(self, stages: Sequence[str]) -> float:
        """Give the median of the time of several stages together."""
        return median(sum(visit[name].whole for name in stages) for visit in self.visits)

    def framework(self, stages: Sequence[str]) -> float:
        """Give the median of the framework's part in it."""
        return median(sum(visit[name].framework for name in stages) for visit in self.visits)


def main() -> None:
    """Measure, and print the figures."""
    warnings.simplefilter("ignore", ResourceWarning)
    logging.getLogger().setLevel(logging.INFO)  # as in a worker: provenance holds the tasks' logs
    with tempfile.TemporaryDirectory(prefix="benchmark-visit-") as folder:
        for job in (LIGHT, AP_PIPE):
            (Path(folder) / job.name).mkdir()
            night = make_night(Path(folder) / job.name, _VISITS)
            _compare(night, job, "SQLite and files", _AIMS if job is LIGHT else {})
    reason = postgresql.why_not()
    if reason:
        print(f"PostgreSQL and S3: not measured, {reason}\n")
        return
    with tempfile.TemporaryDirectory(prefix="benchmark-visit-") as folder, _servers() as registry:
        night = make_night(Path(folder), _VISITS, datastore="s3://central/", registry=registry)
        _compare(night, LIGHT, "PostgreSQL and S3 (moto)", {})


@contextlib.contextmanager
def _servers() -> Iterator[str]:
    """Start the servers; gives the address of the registry's database."""
    with (
        EmbeddedKafka() as kafka,
        ObjectStore(
            kafka.bootstrap_servers, image_bucket="images", topic="images", other_buckets=["central"]
        ) as store,
        postgresql.PostgresqlServer() as server,
        within(store.environment),
    ):
        yield server.url


def _compare(night: Workload, job: Job, where: str, aims: Mapping[str, str]) -> None:
    """Let both work on the same visits, in turns, and print what each took."""
    night.initialize(job)
    folder = night.repository.parent
    # Each stores the same visits, so each needs an APDB of its own.
    workers: dict[str, Worker] = {
        "port": StraightforwardWorker(evolve(night, apdb=night.other_apdb), job, folder / "port")
    }
    ours = OurWorker(night, job, folder / "ours")
    workers["ours"] = ours
    meter = Meter()
    visits: dict[str, list[Mapping[str, Spent]]] = {name: [] for name in workers}
    with meter.installed(_tasks(job)):
        for number in range(_VISITS):
            made = {name: _visit(worker, number, meter, visits[name]) for name, worker in workers.items()}
            del made["ours"][_OURS_ALONE]
            if made["port"] != made["ours"]:
                raise RuntimeError(f"not the same outputs: {made}")
    ours.close()
    port_course, our_course = (Course(visits=visits[name][1:]) for name in ("port", "ours"))
    print(_stages(f"{job.name}, {where}", our_course, port_course))
    print(_comparison(our_course, port_course, aims))


def _tasks(job: Job) -> list[type]:
    pipelines = [Pipeline.from_uri(str(ROOT / file)) for file in (job.preprocessing, job.main)]
    return [task.task_class for each in pipelines for task in each.to_graph().tasks.values()]


def _visit(worker: Worker, number: int, meter: Meter, visits: list[Mapping[str, Spent]]) -> Counter[str]:
    """Work on one visit-detector; returns how many datasets of each type were made."""
    gc.collect()  # of the other's garbage
    meter.stages = {}
    with meter.stage("prepare"):
        worker.prepare(number)
    with meter.stage("ingest"):
        worker.ingest(number)
    with meter.stage("process"):
        worker.process(number)
    with meter.stage("export"):
        message = worker.export(number)
    with meter.stage("clean"):
        worker.clean()
    visits.append(meter.stages)
    datasets = json.loads(message)["datasets"]
    return Counter(ref["dataset_type_name"] for each in datasets for ref in each["refs"].values())


def _stages(title: str, ours: Course, port: Course) -> str:
    return table(
        f"{title}: medians of {len(ours.visits)} warm visit-detectors, in turns",
        ("s", "ours", "tasks", "datasets", "framework", "port", "tasks", "datasets", "framework"),
        [(name, *_cells(ours.stage(name)), *_cells(port.stage(name))) for name in _STAGES],
    )


def _comparison(ours: Course, port: Course, aims: Mapping[str, str]) -> str:
    pairs = {
        "framework after the image": [one.framework(_AFTER_IMAGE) for one in (ours, port)],
        "image to exported": [one.whole(_AFTER_IMAGE) for one in (ours, port)],
        "whole visit": [one.whole(_STAGES) for one in (ours, port)],
        "framework of preload": [one.framework(["prepare"]) for one in (ours, port)],
    }
    return table(
        "compared",
        ("s", "ours", "port", "ours is 1 of", "aim"),
        [
            (name, f"{mine:.3f}", f"{theirs:.3f}", f"{theirs / mine:.1f}", aims.get(name, ""))
            for name, (mine, theirs) in pairs.items()
        ],
    )


def _cells(spent: Spent) -> tuple[str, ...]:
    return tuple(f"{seconds:.3f}" for seconds in (spent.whole, spent.tasks, spent.datasets, spent.framework))


if __name__ == "__main__":
    main()
