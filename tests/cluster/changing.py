"""A release that changes while it works: upgrade, rollback, the initializer by hook and by calendar."""

from collections.abc import Callable

from tests.cluster.kubernetes import wait_for
from tests.cluster.node import tag_image
from tests.cluster.release import NAMESPACE
from tests.cluster.stage import Stage
from tests.cluster.watcher import Pod
from tests.integration.chart.helm import merged

__all__ = ["play_changing"]

_PATIENCE = 300.0
_LONG = 75.0  # seconds of a visit that outlasts an upgrade


def play_changing(stage: Stage) -> None:
    """Upgrade in the middle of a visit, and go back in the middle of another."""
    old = str(stage.values["image"]["tag"])
    new = f"{old}-next"
    for name in ("service", "initializer"):
        tag_image(f"{stage.image}/{name}:{old}", f"{stage.image}/{name}:{new}")
    upgraded = merged(stage.values, {"image": {"tag": new}})
    _change(stage, "an upgrade in the middle of a visit", new, lambda: stage.release.apply(upgraded))
    _change(stage, "a rollback in the middle of a visit", old, stage.release.roll_back)
    _run_daily(stage)


def _change(stage: Stage, play: str, tag: str, change: Callable[[], str]) -> None:
    stage.await_no_worker()
    [begun] = stage.publish(1, duration=_LONG)
    worker = stage.await_lease(begun)
    [before] = stage.watcher.running()
    initialized = set(stage.watcher.pods)
    change()
    [later] = stage.publish(1)
    stage.await_lease(later)
    still = {pod.uid for pod in stage.watcher.running()}
    tags = [pod.tag for pod in stage.watcher.running() if pod.uid != before.uid]
    histories = stage.await_ends([begun, later])
    attempts = [len(one.records) for one in histories.values()]
    hooks = [pod for pod in _initializers(stage) if pod.name not in initialized]
    last = histories[begun].last
    kept = before.uid in still and last is not None and last.worker == worker
    seen = (
        f"the worker at work {'went on' if kept else 'was lost'}; a new one is of {', '.join(tags)}; "
        f"attempts {attempts}; initializer: {', '.join(f'{pod.tag} {pod.phase}' for pod in hooks)}"
    )
    ran = any(pod.tag == tag and pod.phase == "Succeeded" for pod in hooks)
    stage.table.add(play, seen, holds=kept and tags == [tag] and attempts == [1, 1] and ran)


def _run_daily(stage: Stage) -> None:
    """Run the daily job by hand, as the documentation says."""
    known = set(stage.watcher.pods)
    create = ("create", "job", "--from=cronjob/pp-init-daily", "init-now")
    stage.cluster.kubectl("--namespace", NAMESPACE, *create)

    def ended() -> Pod | None:
        found = [pod for pod in _initializers(stage) if pod.name not in known and pod.is_over]
        return found[0] if found else None

    pod = wait_for("the daily job", ended, _PATIENCE)
    [daily] = stage.cluster.items(f"/apis/batch/v1/namespaces/{NAMESPACE}/cronjobs")
    spec = daily["spec"]
    seen = f"{spec['schedule']} {spec['timeZone']}; run by hand: {pod.phase}"
    stage.table.add("the daily CronJob", seen, holds=pod.phase == "Succeeded")


def _initializers(stage: Stage) -> list[Pod]:
    return [pod for pod in stage.watcher.pods.values() if pod.component == "initializer"]
