"""How production's values of old scale: the counts in the documentation are of our defaults."""

import time
from typing import Any

from tests.cluster.release import NAMESPACE
from tests.cluster.stage import Stage
from tests.integration.chart.helm import merged
from tests.integration.chart.test_former_values import release

__all__ = ["play_production", "production_scaling"]

_RELEASE = "LSSTCam, production"
_NAMES = ("minReplicaCount", "scalingStrategy", "pollingInterval")
_QUEUE = ("activationLagCount", "lagCount", "pendingEntriesCount")
_MAX = 15
"""As many workers as the machine holds; production has more."""


def production_scaling() -> dict[str, Any]:
    """Take from production's values what says how many workers there are."""
    keda = release("releases", _RELEASE)["keda"]
    taken = {name: keda[name] for name in _NAMES} | {"maxReplicaCount": _MAX}
    queue = {name: keda["redisStreams"][name] for name in _QUEUE} | {"msgListenTimeout": 120}
    return {"keda": {**taken, "redisStreams": queue}}


def play_production(stage: Stage) -> None:
    """Put 1 and 6 entries into the queue under production's values."""
    stage.await_no_worker()
    stage.apply(merged(stage.values, production_scaling()))
    for count in (1, 6):
        before, begin = set(stage.watcher.jobs), time.monotonic()
        histories = stage.await_ends(stage.publish(count, duration=20.0))
        attempts = [len(one.records) for one in histories.values()]
        jobs = len(stage.watcher.jobs - before)
        seen = f"{len(stage.watcher.running())} workers, {jobs} new jobs, {time.monotonic() - begin:.0f} s"
        stage.table.add(f"production's values, {count} entries", seen, holds=attempts == [1] * count)
    stage.apply(stage.values)
    stage.cluster.kubectl("--namespace", NAMESPACE, "delete", "job", "--selector=scaledjob.keda.sh/name=pp")
