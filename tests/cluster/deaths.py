"""Workers that die at their work, and what becomes of it."""

import time

from tests.cluster.release import NAMESPACE
from tests.cluster.stage import Stage

__all__ = ["play_deaths"]

_WAYS = {
    "a worker killed at work, nobody waiting": ("--force", "--grace-period=0"),
    "a worker deleted at work": ("--wait=false",),
}


def play_deaths(stage: Stage) -> None:
    """Kill the only worker, or ask it to end; the expired lease is put back, or the work handed back."""
    for play, options in _WAYS.items():
        stage.await_no_worker()
        jobs = set(stage.watcher.jobs)
        [work] = stage.publish(1, duration=45.0)
        first = stage.await_lease(work)
        [pod] = stage.watcher.running()
        begin = time.monotonic()
        stage.cluster.kubectl("--namespace", NAMESPACE, "delete", "pod", pod.name, *options)
        second = stage.await_lease(work, attempt=2)
        took = time.monotonic() - begin
        history = stage.await_ends([work])[work]
        made = len(stage.watcher.jobs - jobs)
        seen = f"{took:.0f} s later another worker had it; {len(history.records)} attempts, {made} jobs"
        stage.table.add(play, seen, holds=first != second and len(history.records) == 2 and made == 2)
