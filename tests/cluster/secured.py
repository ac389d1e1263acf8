"""A queue that asks for TLS and a password, and NetworkPolicies that are enforced."""

import base64
import contextlib
import secrets
import subprocess
import tempfile
from pathlib import Path

from attrs import evolve

from tests.cluster.kubernetes import wait_for
from tests.cluster.namespaces import ADDRESS
from tests.cluster.release import NAMESPACE
from tests.cluster.stage import Stage
from tests.integration.chart.helm import merged
from tests.integration.kafka.certificates import make_certificates

__all__ = ["play_policies", "play_secured_queue"]

_PORT = 6380
_PATIENCE = 180.0
_PYTHON = "/opt/prompt-processing/bin/python"
_FRIEND, _STRANGER = "monitoring", "strangers"
_CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 4)"


def play_secured_queue(stage: Stage) -> None:
    """Move the queue to a Redis with TLS and a password, and see a worker start."""
    folder = Path(tempfile.mkdtemp())
    files = make_certificates(folder, ADDRESS)
    password = secrets.token_urlsafe(24)
    stage.world.start_redis(
        _PORT, {"requirepass": password, "tls-cert-file": str(files.key_and_chain),
                "tls-key-file": str(files.key_and_chain), "tls-ca-cert-file": str(files.ca),
                "tls-auth-clients": "no"}
    )  # fmt: skip
    keys = {"queue-password": password, "redis-ca": files.ca.read_text()}
    coded = {name: base64.b64encode(text.encode()).decode() for name, text in keys.items()}
    stage.cluster.patch(f"/api/v1/namespaces/{NAMESPACE}/secrets/pp-secret", {"data": coded})
    secured = {
        "keda": {"redisStreams": {"host": f"{ADDRESS}:{_PORT}"}},
        "redis": {"passwordKey": "queue-password", "tls": True},
        "ca": {"redisKey": "redis-ca"},
    }
    there = evolve(stage, redis=f"rediss://:{password}@{ADDRESS}:{_PORT}/0?ssl_ca_certs={files.ca}")
    there.apply(merged(stage.values, secured))
    jobs = set(stage.watcher.jobs)
    histories = there.await_ends(there.publish(1))
    [attempts] = [len(one.records) for one in histories.values()]
    made = len(stage.watcher.jobs - jobs)
    seen = f"services ready, leased {attempts} time, {made} jobs"
    stage.table.add("Redis with TLS and password", seen, holds=(attempts, made) == (1, 1))
    there.await_no_worker()
    stage.apply(stage.values)


def play_policies(stage: Stage) -> None:
    """Let one namespace in and another not, and nothing out but to where the night's servers are."""
    for name in (_FRIEND, _STRANGER):
        _make_prober(stage, name)
    before = _reached(stage)
    friend = {"kubernetes.io/metadata.name": _FRIEND}
    # Policies are about addresses as they are translated: the servers' are loopback ones by then.
    egress = [{"to": [{"ipBlock": {"cidr": f"{one}/32"}} for one in (ADDRESS, "127.0.0.1")]}]
    limits = {"networkPolicy": {"metricsFrom": friend, "presenceFrom": friend, "egress": egress}}
    stage.apply(merged(stage.values, limits))
    expected = {name: name in _ALLOWED for name in before}
    with contextlib.suppress(TimeoutError):
        wait_for("the policies", lambda: _reached(stage) == expected, 30.0)
    after = _reached(stage)
    histories = stage.await_ends(stage.publish(1))
    [attempts] = [len(one.records) for one in histories.values()]
    stopped = [name for name, reached in after.items() if not reached]
    seen = f"without them nothing is stopped, with them {', '.join(stopped)}; a visit: {attempts} attempt"
    stage.table.add(
        "NetworkPolicies", seen, holds=all(before.values()) and after == expected and attempts == 1
    )
    stage.apply(stage.values)


_WAYS = {
    "metrics to monitoring": (_FRIEND, "deploy/prober", f"pp-fan-out.{NAMESPACE}", 8000),
    "metrics to strangers": (_STRANGER, "deploy/prober", f"pp-fan-out.{NAMESPACE}", 8000),
    "presence to monitoring": (_FRIEND, "deploy/prober", f"pp-presence.{NAMESPACE}", 8080),
    "presence to strangers": (_STRANGER, "deploy/prober", f"pp-presence.{NAMESPACE}", 8080),
    "fan-out to Redis": (NAMESPACE, "deploy/pp-fan-out", ADDRESS, 6379),
    "fan-out to elsewhere": (NAMESPACE, "deploy/pp-fan-out", f"prober.{_STRANGER}", 8000),
}
_ALLOWED = ("metrics to monitoring", "presence to monitoring", "fan-out to Redis")


def _reached(stage: Stage) -> dict[str, bool]:
    return {name: _connects(stage, *way) for name, way in _WAYS.items()}


def _connects(stage: Stage, namespace: str, pod: str, host: str, port: int) -> bool:
    words = ("--namespace", namespace, "exec", pod, "--", _PYTHON, "-c", _CONNECT, host, str(port))
    try:
        stage.cluster.kubectl(*words)
    except subprocess.CalledProcessError as error:
        # Whatever else went wrong says nothing of a policy.
        if "TimeoutError" in error.stderr or "ConnectionRefusedError" in error.stderr:
            return False
        raise
    return True


def _make_prober(stage: Stage, namespace: str) -> None:
    labels = {"app": "prober"}
    serve = [_PYTHON, "-m", "http.server", "8000"]
    container = {
        "name": "prober",
        "image": f"{stage.image}/service:{stage.values['image']['tag']}",
        "command": serve,
    }
    spec = {"containers": [{**container, "imagePullPolicy": "Never"}]}
    template = {"metadata": {"labels": labels}, "spec": spec}
    deployment = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    service = {"selector": labels, "ports": [{"port": 8000}]}
    cluster = stage.cluster
    cluster.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    meta = {"metadata": {"name": "prober"}}
    cluster.create(f"/apis/apps/v1/namespaces/{namespace}/deployments", {**meta, "spec": deployment})
    cluster.create(f"/api/v1/namespaces/{namespace}/services", {**meta, "spec": service})
    status = ("rollout", "status", "deployment/prober", "--timeout=60s")
    cluster.kubectl("--namespace", namespace, *status)
