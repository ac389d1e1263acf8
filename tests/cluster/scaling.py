"""KEDA at work: as many workers as there is work, and none without."""

import time
from collections import Counter

from tests.cluster.stage import Stage

__all__ = ["play_scaling"]

_COUNTS = (1, 9, 20)


def play_scaling(stage: Stage) -> None:
    """Put 1, 9 and 20 entries into the queue; each is leased once, by no more jobs than entries and one."""
    for count in _COUNTS:
        before, begin = set(stage.watcher.jobs), time.monotonic()
        made = stage.publish(count)
        histories = stage.await_ends(made)
        took = time.monotonic() - begin
        stage.await_no_worker()
        jobs = len(stage.watcher.jobs - before)
        attempts = Counter(len(one.records) for one in histories.values())
        workers = {record.worker for one in histories.values() for record in one.records}
        holds = attempts == {1: count} and 1 <= jobs <= count + 1
        seen = f"{attempts[1]} leased once, by {len(workers)} workers of {jobs} jobs, in {took:.0f} s"
        stage.table.add(f"{count} entries", seen, holds=holds)
    unstarted = stage.watcher.jobs
    time.sleep(3 * stage.values["keda"].get("pollingInterval", 2))
    idle = not stage.watcher.running() and stage.watcher.jobs == unstarted
    stage.table.add("an empty queue", f"{len(stage.watcher.running())} workers", holds=idle)
