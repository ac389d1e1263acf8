"""The chart installed by Helm, under Pod Security `restricted`."""

import re
import time
from collections import Counter

from tests.cluster.release import NAMESPACE
from tests.cluster.stage import Stage

__all__ = ["play_installing"]

_WARNING = re.compile(r"W\d{4} ")
"""As clients of Kubernetes log what the server warns of."""


def play_installing(stage: Stage) -> None:
    """Install; every object is accepted as it is, and every pod of the services is ready."""
    begin = time.monotonic()
    said = stage.apply(stage.values)
    warnings = [line for line in said.splitlines() if _WARNING.match(line)]
    took = time.monotonic() - begin
    manifest = stage.release.manifest()
    kinds = Counter(str(one["kind"]) for one in manifest)
    stage.table.add(
        "install",
        f"{len(manifest)} objects of {len(kinds)} kinds with {len(warnings)} warnings, ready in {took:.0f} s",
        holds=not warnings,
    )
    events = stage.cluster.items(f"/api/v1/namespaces/{NAMESPACE}/events")
    refused = [one["message"] for one in events if one["reason"] == "FailedCreate"]
    made = len(stage.watcher.pods)
    seen = f"{len(refused)} pods refused, {made} made"
    stage.table.add("Pod Security restricted", seen, holds=not refused and made > 0)
