"""Keeps what jobs and pods there were: finished ones are removed before anybody counts them."""

import contextlib
import threading
from types import TracebackType
from typing import Self

import requests
from attrs import define, field, frozen

from tests.cluster.kubernetes import Kubernetes, Object

__all__ = ["Pod", "Watcher"]

_BETWEEN = 0.5
_OVER = ("Succeeded", "Failed")


@frozen(kw_only=True)
class Pod:
    """A pod as it was seen last."""

    name: str
    uid: str
    component: str
    phase: str
    tag: str
    """Of its image."""
    is_going: bool
    """It has been deleted."""

    @property
    def is_over(self) -> bool:
        """Tell whether it ended by itself."""
        return self.phase in _OVER


@define
class Watcher:
    """Looks at a namespace all the time."""

    _cluster: Kubernetes
    _namespace: str
    jobs: set[str] = field(factory=set)
    """Names of all that KEDA ever made."""
    pods: dict[str, Pod] = field(factory=dict)
    """All that ever were, by name."""
    present: frozenset[str] = frozenset()
    """Names of the pods that are there, ended ones too."""
    rounds: int = 0
    _stop: threading.Event = field(factory=threading.Event)

    def __enter__(self) -> Self:
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()

    def running(self, component: str = "worker") -> list[Pod]:
        """List the pods of a component that are there and have not ended."""
        found = [self.pods[name] for name in self.present]
        return [pod for pod in found if pod.component == component and not pod.is_over]

    def _watch(self) -> None:
        while not self._stop.wait(_BETWEEN):
            with contextlib.suppress(requests.RequestException, RuntimeError):
                self._look()

    def _look(self) -> None:
        selector = "scaledjob.keda.sh/name"
        path = f"/apis/batch/v1/namespaces/{self._namespace}/jobs"
        jobs = self._cluster.items(path, labelSelector=selector)
        self.jobs |= {job["metadata"]["name"] for job in jobs}
        pods = [_pod(one) for one in self._cluster.items(f"/api/v1/namespaces/{self._namespace}/pods")]
        self.pods |= {pod.name: pod for pod in pods}
        self.present = frozenset(pod.name for pod in pods)
        self.rounds += 1


def _pod(one: Object) -> Pod:
    meta = one["metadata"]
    return Pod(
        name=meta["name"],
        uid=meta["uid"],
        component=meta.get("labels", {}).get("app.kubernetes.io/component", ""),
        phase=one["status"].get("phase", ""),
        tag=one["spec"]["containers"][0]["image"].rpartition(":")[2],
        is_going="deletionTimestamp" in meta,
    )
