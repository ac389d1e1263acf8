"""The chart's release of the trial: its values, its Secret and its volume."""

import base64
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from attrs import frozen

from entrypoints.observatory.environment import Topics
from entrypoints.settings.pipelines import AP_PIPE
from simulator.world.skymap import SKYMAP
from tests.cluster.kubernetes import Kubernetes
from tests.cluster.world import BUCKET, VOLUME, World
from tests.integration.chart.helm import CHART, merged

__all__ = ["INSTRUMENT", "NAMESPACE", "Release", "make_namespace", "night_values"]

NAMESPACE = "prompt"
INSTRUMENT = "SimCam"
_KEYS = {
    "s3_access_key": "simulator",
    "s3_secret_key": "simulator",
    "alert_stream_pass": "unused",
}


def night_values(world: World, image: str, tag: str) -> dict[str, Any]:
    """Write values under which a pod does what the demo's processes do."""
    pipelines = AP_PIPE
    small = {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"cpu": "2", "memory": "2Gi"}}
    s3 = {name: world.s3[name] for name in ("AWS_DEFAULT_REGION", "AWS_EC2_METADATA_DISABLED")}
    butler = {"name": "butler", "persistentVolumeClaim": {"claimName": "butler"}}
    writer = {"cpuRequest": "10m", "cpuLimit": "2", "memoryRequest": "64Mi", "memoryLimit": "2Gi"}
    return {
        "fullnameOverride": "pp",
        "image": {"repository": f"{image}/service", "tag": tag, "pullPolicy": "Never"},
        "instrument": {
            "name": INSTRUMENT,
            "pipelines": {
                "main": json.dumps(pipelines["MAIN_PIPELINES_CONFIG"]),
                "preprocessing": json.dumps(pipelines["PREPROCESSING_PIPELINES_CONFIG"]),
            },
            "skymap": SKYMAP,
            "centralRepo": str(world.repository),
            "exportTypes": '["(?!raw$).*"]',
        },
        "apdb": {"config": world.apdb},
        "registry": {"dbAuth": False},
        "s3": {
            "imageBucket": BUCKET,
            "endpointUrl": world.s3["S3_ENDPOINT_URL"],
            "auth_env": True,
            "cred_file_auth": False,
        },
        "imageNotifications": {
            "kafkaClusterAddress": world.kafka,
            "topic": Topics().bucket,
            "imageTimeout": 120,
        },
        "alerts": {
            "server": world.kafka,
            "topic": Topics().alerts,
            "username": "unused",
            "securityProtocol": "PLAINTEXT",
            "courier": {"resources": small},
        },
        "worker": {"grace_period": 5, "shutdown_margin": 10},
        "keda": {
            "minReplicaCount": 0,
            "maxReplicaCount": 40,
            "redisStreams": {"host": world.redis, "msgListenTimeout": 20, "lease": 20, "retry": 1},
        },
        "butler_writer": {"enabled": True, "kafka_cluster": world.kafka, "kafka_topic": Topics().outputs},
        "writer": {
            "enabled": True,
            "kafka": {"outputTopic": Topics().batches, "deadLetterTopic": Topics().dead_outputs},
            "outputDatasetListDirectory": str(world.batches),
            "resources": writer,
            "extraEnv": {**s3, "RAW_ROOTS": f"s3://{BUCKET}/"},
        },
        "fanOut": {
            "enabled": True,
            "kafka": {
                "schemaRegistryUrl": world.registry,
                "sasquatchAddress": world.kafka,
                "nextVisitTopic": Topics().next_visit,
                "securityProtocol": "PLAINTEXT",
                "auth_env": False,
                "offset": "earliest",
            },
            "resources": small,
        },
        "presence": {"enabled": True, "resources": small, "extraEnv": s3},
        "initializer": {
            "image": {"repository": f"{image}/initializer"},
            "registerDatasetTypes": True,
            "resources": writer,
        },
        "resources": {
            "requests": {**small["requests"], "ephemeral-storage": "100Mi"},
            "limits": {**small["limits"], "ephemeral-storage": "6Gi"},
        },
        "extraEnv": {**s3, "EXPORT_RAWS": "1"},
        "additionalVolumes": [butler],
        "additionalVolumeMounts": [{"name": "butler", "mountPath": str(VOLUME)}],
    }


def make_namespace(cluster: Kubernetes) -> None:
    """Make the namespace, in which pods must be of the restricted kind, with Secret and volume."""
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    cluster.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE, "labels": levels}})
    keys = {name: base64.b64encode(value.encode()).decode() for name, value in _KEYS.items()}
    secret = {"metadata": {"name": "pp-secret"}, "data": keys}
    cluster.create(f"/api/v1/namespaces/{NAMESPACE}/secrets", secret)
    size = {"storage": "1Gi"}
    volume = {
        "capacity": size,
        "accessModes": ["ReadWriteMany"],
        "hostPath": {"path": str(VOLUME)},
        "persistentVolumeReclaimPolicy": "Retain",
    }
    cluster.create("/api/v1/persistentvolumes", {"metadata": {"name": "butler"}, "spec": volume})
    claim = {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": size},
        "volumeName": "butler",
        "storageClassName": "",
    }
    path = f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims"
    cluster.create(path, {"metadata": {"name": "butler"}, "spec": claim})


@frozen
class Release:
    """Installs, upgrades and rolls back by Helm."""

    helm: Path
    cluster: Kubernetes

    def apply(self, *values: Mapping[str, Any]) -> str:
        """Install or upgrade; waits for the hooks, and returns what Helm says."""
        both: dict[str, Any] = {}
        for some in values:
            both = merged(both, some)
        file = self.cluster.folder / "values.json"
        file.write_text(json.dumps(both))
        return self._run("upgrade", "--install", "pp", str(CHART), "--values", str(file), "--timeout", "10m")

    def roll_back(self) -> str:
        """Go back to the revision before."""
        return self._run("rollback", "pp", "--timeout", "10m")

    def manifest(self) -> Sequence[Mapping[str, Any]]:
        """List the objects of the release, hooks included."""
        texts = [self._run("get", kind, "pp") for kind in ("manifest", "hooks")]
        return [one for text in texts for one in yaml.safe_load_all(text) if one]

    def _run(self, *words: str) -> str:
        command = [str(self.helm), "--kubeconfig", str(self.cluster.config), "--namespace", NAMESPACE, *words]
        env = {**os.environ, "HOME": str(self.cluster.folder)}
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=env)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        return done.stdout + done.stderr
