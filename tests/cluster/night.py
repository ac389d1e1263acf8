"""The demo's night in pods, and the same while they are deleted at random."""

import asyncio
import contextlib
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator

from attrs import evolve

from domain.visit import Identity
from entrypoints.containers.observatory import read_results
from entrypoints.observatory.environment import Topics
from simulator.summit.night import NightPlan
from simulator.summit.simulated_night import SimulatedNight
from simulator.summit.summit import Summit
from simulator.world.frames import SimulatedCamera
from tests.cluster.kubernetes import wait_for
from tests.cluster.release import INSTRUMENT, NAMESPACE
from tests.cluster.stage import Stage
from tests.cluster.world import BUCKET
from tests.integration.chart.helm import merged

__all__ = ["play_night"]

_SPEED = 3.0
_PATIENCE = 1200.0
_OUTPUTS_PATIENCE = 120.0
_BETWEEN = (4.0, 12.0)
_VICTIMS = ("worker", "worker", "fan-out", "writer")
_DELETIONS = 12
_GRACE = {"asked to end": ("--wait=false",), "killed": ("--force", "--grace-period=0")}


def play_night(stage: Stage) -> None:
    """Observe the demo's three visits twice."""
    patient = {"imageNotifications": {"imageTimeout": 120}, "keda": {"maxReplicaCount": 4}}
    stage.apply(merged(stage.values, patient))
    quiet, rough = _nights(stage)
    _observe(stage, "a night", quiet)
    with _deleting(stage, random.Random(1)) as deleted:  # noqa: S311 - the same each time
        _observe(stage, "a night with deletions", rough)
    stage.table.add("what was deleted", ", ".join(f"{count} {name}" for name, count in deleted.items()),
                    holds={name.split()[0] for name in deleted} == set(_VICTIMS))  # fmt: skip


def _nights(stage: Stage) -> tuple[NightPlan, NightPlan]:
    """Plan the demo's visits twice, with exposures of their own."""
    plan = stage.world.demo.plan
    again = tuple(evolve(visit, group=f"{visit.group}-again") for visit in plan.visits)
    camera = SimulatedCamera(camera=plan.camera, seed=stage.world.demo.seed)
    raws = SimulatedNight(camera, stage.world.demo.sky, (*plan.visits, *again))
    return evolve(plan, raws=raws), evolve(plan, raws=raws, visits=again)


def _observe(stage: Stage, play: str, plan: NightPlan) -> None:
    works = [Identity(INSTRUMENT, visit.group, one) for visit in plan.visits for one in visit.detectors]
    jobs, begin = set(stage.watcher.jobs), time.monotonic()
    summit = Summit(
        bootstrap_servers=stage.world.kafka,
        schema_registry_url=stage.world.registry,
        topic=Topics().next_visit,
        object_store_url=stage.world.s3["S3_ENDPOINT_URL"],
        bucket=BUCKET,
        speed=_SPEED,
    )
    asyncio.run(summit.play(plan))
    histories = stage.await_ends(works, _PATIENCE)
    took = time.monotonic() - begin
    lasts = [one.last for one in histories.values()]
    outcomes = Counter(
        type(last.outcome).__name__ for last in lasts if last is not None and last.outcome is not None
    )
    attempts = sum(len(one.records) for one in histories.values())
    expected = {(work.group, work.detector) for work in works}

    def arrived() -> int:
        found = read_results(stage.world.repository, stage.world.batches, INSTRUMENT).arrived
        return len(expected & found.keys())

    with contextlib.suppress(TimeoutError):
        wait_for("outputs", lambda: arrived() == len(works), _OUTPUTS_PATIENCE)
    there, made = arrived(), len(stage.watcher.jobs - jobs)
    seen = (
        f"{dict(outcomes)} of {len(works)}, outputs of {there} in the repository; "
        f"{attempts} attempts, {made} jobs, {took:.0f} s"
    )
    holds = outcomes["Completed"] == len(works) == there
    stage.table.add(play, seen, holds=holds)


@contextlib.contextmanager
def _deleting(stage: Stage, dice: random.Random) -> Iterator[Counter[str]]:
    """Delete pods at random in the background, some with their grace and some without."""
    done, deleted = threading.Event(), Counter[str]()

    def delete() -> None:
        while sum(deleted.values()) < _DELETIONS and not done.wait(dice.uniform(*_BETWEEN)):
            victims = stage.watcher.running(dice.choice(_VICTIMS))
            way = dice.choice(list(_GRACE))
            if victims:
                pod = dice.choice(victims)
                with contextlib.suppress(subprocess.CalledProcessError):
                    stage.cluster.kubectl("--namespace", NAMESPACE, "delete", "pod", pod.name, *_GRACE[way])
                    deleted[f"{pod.component} {way}"] += 1

    thread = threading.Thread(target=delete, daemon=True)
    thread.start()
    try:
        yield deleted
    finally:
        done.set()
        thread.join()
