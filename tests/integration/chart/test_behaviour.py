"""What the objects make the cluster do."""

import datetime
import re
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from domain.runs import day_of_processing
from domain.times import UtcSeconds
from entrypoints.containers.parts.deployment import INSTALL
from entrypoints.settings.environment import read_settings
from entrypoints.settings.worker import WorkerSettings
from tests.integration.chart.helm import CHART, EXAMPLES, Helm
from tests.integration.chart.objects import (
    Object,
    container,
    containers,
    environment,
    find,
    pod_spec,
    pod_specs,
)

WAVE = "argocd.argoproj.io/sync-wave"


def waves(objects: Sequence[Object]) -> dict[str, int]:
    """Map the workloads' names for what they are to the wave they come in."""
    return {
        one["metadata"]["labels"]["app.kubernetes.io/component"]: int(one["metadata"]["annotations"][WAVE])
        for one in objects
        if one["kind"] in {"ScaledJob", "Job", "Deployment"}
    }


def test_scaling_counts_unread_work_once(rendered: Sequence[Object]) -> None:
    spec = find(rendered, "ScaledJob")["spec"]
    (trigger,) = spec["triggers"]
    metadata = trigger["metadata"]
    assert trigger["type"] == "redis-streams"
    assert int(metadata["lagCount"]) == 1
    # A lag of one is more than 0, and would not be more than 1.
    assert metadata["activationLagCount"] == "-1"
    # Leased work is not counted; put back by the fan-out, it is lag again.
    assert "pendingEntriesCount" not in metadata
    # Workers that are about to read count against the lag until they can.
    assert spec["scalingStrategy"] == {"strategy": "accurate", "pendingPodConditions": ["Ready"]}
    assert (
        container(find(rendered, "ScaledJob"))["readinessProbe"]["periodSeconds"] <= spec["pollingInterval"]
    )
    assert spec["minReplicaCount"] <= spec["maxReplicaCount"]


def test_scaling_and_workers_look_at_the_same_queue(rendered: Sequence[Object], tmp_path: Path) -> None:
    job = find(rendered, "ScaledJob")
    stream = read_settings(WorkerSettings, environment(rendered, job, tmp_path)).stream
    metadata = job["spec"]["triggers"][0]["metadata"]
    assert (metadata["stream"], metadata["consumerGroup"]) == (stream.stream, stream.group)
    assert metadata["address"] == (stream.host if ":" in stream.host else f"{stream.host}:6379")


def test_a_worker_is_neither_restarted_nor_killed_by_a_rollout(rendered: Sequence[Object]) -> None:
    one = find(rendered, "ScaledJob")
    assert one["spec"]["rollout"] == {"strategy": "gradual"}
    # As a hook it would be deleted before each sync, and its jobs with it.
    assert not [name for name in one["metadata"]["annotations"] if "hook" in name]
    target = one["spec"]["jobTargetRef"]
    assert (target["parallelism"], target["completions"], target["backoffLimit"]) == (1, 1, 0)
    assert target["template"]["spec"]["restartPolicy"] == "Never"


def test_the_pods_grace_is_longer_than_the_workers_own(rendered: Sequence[Object], tmp_path: Path) -> None:
    job = find(rendered, "ScaledJob")
    own = read_settings(WorkerSettings, environment(rendered, job, tmp_path)).shutdown_grace
    spec = pod_spec(job)
    assert spec is not None
    assert spec["terminationGracePeriodSeconds"] >= 2 * own + 10


@pytest.mark.parametrize("grace", [1, 45, 3600])
def test_the_pods_grace_follows_the_workers(helm: Helm, grace: int) -> None:
    spec = pod_spec(find(helm.template({"worker": {"grace_period": grace}}), "ScaledJob"))
    assert spec is not None
    assert spec["terminationGracePeriodSeconds"] == 2 * grace + 30


def test_readers_come_before_writers_and_the_initializer_before_workers(
    rendered: Sequence[Object],
) -> None:
    found = waves(rendered)
    assert found["initializer"] < found["worker"]
    assert found.get("writer", 0) < found["initializer"]
    assert found.get("presence", 0) < found["worker"] < found.get("fan-out", 3)


def test_the_initializer_is_a_sync_hook_that_each_sync_makes_anew(rendered: Sequence[Object]) -> None:
    annotations = find(rendered, "Job")["metadata"]["annotations"]
    assert annotations["argocd.argoproj.io/hook"] == "Sync"
    assert annotations["argocd.argoproj.io/hook-delete-policy"] == "BeforeHookCreation"
    # Without Argo CD: before an upgrade's other objects, and before those of a rollback.
    assert {"pre-upgrade", "pre-rollback"} < set(annotations["helm.sh/hook"].split(","))


def test_wrong_settings_are_not_tried_again(rendered: Sequence[Object]) -> None:
    rules = find(rendered, "Job")["spec"]["podFailurePolicy"]["rules"]
    name = container(find(rendered, "Job"))["name"]
    codes = {"containerName": name, "operator": "In", "values": [2]}
    assert {"action": "FailJob", "onExitCodes": codes} in rules


@given(st.dates(datetime.date(2025, 1, 1), datetime.date(2040, 1, 1)))
def test_the_daily_run_comes_a_minute_after_day_obs_changed(date: datetime.date) -> None:
    then = datetime.datetime.combine(date, datetime.time(0, 1), ZoneInfo("Etc/GMT+12")).timestamp()
    assert day_of_processing(UtcSeconds(then)) == date.isoformat()
    before = date - datetime.timedelta(days=1)
    assert day_of_processing(UtcSeconds(then - 120)) == before.isoformat()


def test_the_daily_run_is_then(rendered: Sequence[Object]) -> None:
    spec = find(rendered, "CronJob")["spec"]
    assert (spec["schedule"], spec["timeZone"], spec["suspend"]) == ("1 0 * * *", "Etc/GMT+12", False)


def schema_volume(objects: Sequence[Object]) -> tuple[str, Object]:
    """Look up where the fan-out keeps schemas: the folder, and the volume that is mounted there."""
    deployment = find(objects, "Deployment", "-fan-out")
    inside = container(deployment)
    (folder,) = [variable["value"] for variable in inside["env"] if variable["name"] == "SCHEMA_CACHE"]
    (mount,) = [mount for mount in inside["volumeMounts"] if mount["mountPath"] == folder]
    assert not mount.get("readOnly")
    spec = pod_spec(deployment)
    assert spec is not None
    (volume,) = [volume for volume in spec["volumes"] if volume["name"] == mount["name"]]
    return folder, {name: value for name, value in volume.items() if name != "name"}


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("", {"emptyDir": {"sizeLimit": "20Mi"}}),
        ("schemas", {"persistentVolumeClaim": {"claimName": "schemas"}}),
    ],
)
def test_schemas_are_kept_on_a_volume_of_their_own(helm: Helm, claim: str, expected: Object) -> None:
    values = {"fanOut": {"schemaCache": {"claim": claim}}}
    folder, volume = schema_volume(helm.template(EXAMPLES / "small-observatory.yaml", values))
    # What is under /tmp is scratch, and of another size.
    assert not Path(folder).is_relative_to("/tmp")  # noqa: S108 - the pod's, and it is not there
    assert volume == expected


def test_nobody_is_root_or_writes_to_the_image(rendered: Sequence[Object]) -> None:
    for spec in pod_specs(rendered):
        security = spec["securityContext"]
        assert security["runAsNonRoot"]
        assert security["runAsUser"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
    for one in containers(rendered):
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_all_have_requests_and_limits(rendered: Sequence[Object]) -> None:
    for one in containers(rendered):
        for kind in ("requests", "limits"):
            assert {"cpu", "memory"} <= one["resources"][kind].keys()


def test_workers_have_room_for_their_repositories(rendered: Sequence[Object], tmp_path: Path) -> None:
    job = find(rendered, "ScaledJob")
    spec = pod_spec(job)
    assert spec is not None
    folder = read_settings(WorkerSettings, environment(rendered, job, tmp_path)).local_repos
    (name,) = [mount["name"] for mount in container(job)["volumeMounts"] if mount["mountPath"] == str(folder)]
    (volume,) = [volume for volume in spec["volumes"] if volume["name"] == name]
    assert volume["emptyDir"]["sizeLimit"]
    for kind in ("requests", "limits"):
        assert "ephemeral-storage" in container(job)["resources"][kind]


def test_every_mount_has_a_volume_and_every_volume_a_mount(rendered: Sequence[Object]) -> None:
    for spec in pod_specs(rendered):
        inside = [*spec.get("initContainers", []), *spec["containers"]]
        mounted = {mount["name"] for one in inside for mount in one["volumeMounts"]}
        assert mounted == {volume["name"] for volume in spec["volumes"]}


def test_all_services_are_probed_where_they_serve(rendered: Sequence[Object]) -> None:
    for one in rendered:
        if one["kind"] in {"Deployment", "ScaledJob"}:
            served = container(one)
            if served["name"] == "console":  # which has no metrics, and answers on its own port
                at = {"path": "/prompt-console/healthz", "port": "http"}
                assert served["livenessProbe"]["httpGet"] == served["readinessProbe"]["httpGet"] == at
                continue
            for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
                assert served[probe]["httpGet"] == {"path": path, "port": "metrics"}


def test_a_slow_start_is_no_reason_to_be_killed(rendered: Sequence[Object]) -> None:
    """On a crowded node a start takes longer than a process that hangs may be left alone."""
    for one in rendered:
        if one["kind"] in {"Deployment", "ScaledJob"}:
            served = container(one)
            start, alive = served["startupProbe"], served["livenessProbe"]
            assert start["httpGet"] == alive["httpGet"]
            assert start["periodSeconds"] * start["failureThreshold"] >= 300
            assert start["periodSeconds"] <= served["readinessProbe"]["periodSeconds"]


def test_the_writer_has_a_stand_by(lsstcam: Sequence[Object]) -> None:
    writer = find(lsstcam, "Deployment", "-writer")
    assert writer["spec"]["replicas"] == 2
    assert find(lsstcam, "PodDisruptionBudget", "-writer")["spec"]["maxUnavailable"] == 1


def test_what_is_monitored_is_there(rendered: Sequence[Object]) -> None:
    def matches(selector: Object, labels: Object) -> bool:
        return bool(selector["matchLabels"].items() <= labels.items())

    pods = [
        template["metadata"]["labels"]
        for one in rendered
        if one["kind"] in {"Deployment", "ScaledJob"}
        for template in [one["spec"].get("template") or one["spec"]["jobTargetRef"]["template"]]
    ]
    services = [one for one in rendered if one["kind"] == "Service"]
    for one in rendered:
        selector = one.get("spec", {}).get("selector")
        match one["kind"]:
            case "Service":
                assert sum(selector.items() <= labels.items() for labels in pods) == 1
            case "ServiceMonitor":
                (service,) = [one for one in services if matches(selector, one["metadata"]["labels"])]
                assert "metrics" in {port["name"] for port in service["spec"]["ports"]}
            case "Deployment" | "PodDisruptionBudget" | "PodMonitor":
                assert sum(matches(selector, labels) for labels in pods) == 1


def test_network_policies_let_in_metrics_and_questions_only(lsstcam: Sequence[Object]) -> None:
    policies = [one["spec"] for one in lsstcam if one["kind"] == "NetworkPolicy"]
    ports = [port["port"] for one in policies for rule in one["ingress"] for port in rule["ports"]]
    assert sorted(ports) == ["http", "metrics"]
    (everybody,) = [one for one in policies if "Egress" in one["policyTypes"]]
    assert "app.kubernetes.io/component" not in everybody["podSelector"]["matchLabels"]
    dns = {"port": 53, "protocol": "UDP"}
    assert any(dns in rule.get("ports", []) and "to" not in rule for rule in everybody["egress"])


def test_without_rules_for_it_anything_may_be_reached(renderings: dict[str, Sequence[Object]]) -> None:
    for one in renderings["latiss"]:
        if one["kind"] == "NetworkPolicy":
            assert one["spec"]["policyTypes"] == ["Ingress"]


def test_secrets_come_from_vault_or_from_a_secret_that_is_there(helm: Helm) -> None:
    vault = helm.template(EXAMPLES / "latiss.yaml")
    secret = find(vault, "VaultSecret")
    assert secret["spec"] == {"path": "secret/prompt/prompt-keda-latiss", "type": "Opaque"}
    plain = helm.template(EXAMPLES / "latiss.yaml", {"secrets": {"source": "plain", "name": "mine"}})
    assert not [one for one in plain if one["kind"] in {"VaultSecret", "Secret"}]
    for objects, name in ((vault, secret["metadata"]["name"]), (plain, "mine")):
        assert {one["name"] for one in references(objects)} == {name}


def references(value: object) -> list[Object]:
    """Find all references to secrets."""
    if isinstance(value, dict):
        found = [value[key] for key in ("secretKeyRef",) if key in value]
        if "secretName" in value:
            found += [{"name": value["secretName"], "key": item["key"]} for item in value["items"]]
        found += list(value.get("secretTargetRef", []))
        return found + [one for inner in value.values() for one in references(inner)]
    if isinstance(value, list):
        return [one for inner in value for one in references(inner)]
    return []


def test_every_key_of_the_secret_is_in_the_docs(rendered: Sequence[Object]) -> None:
    page = (INSTALL / "docs" / "deploying.md").read_text()
    keys = {one["key"] for one in references(rendered) if "key" in one}
    named = {key for key in keys if f"`{key}`" in page}
    by_values = {
        "redis-password",
        "queue-password",
        "index-password",
        "ledger-url",
        "console-token",
        "kafka-ca",
        "redis-ca",
        "registry-ca",
    }
    assert keys - named - by_values == {"image-notifications-password"} & keys


def test_what_looks_like_a_secret_never_stands_in_the_text(rendered: Sequence[Object]) -> None:
    for one in containers(rendered):
        for variable in one.get("env", []):
            if re.search("PASSWORD|TOKEN|SECRET|ACCESS_KEY", variable["name"]):
                assert "value" not in variable
                assert variable["valueFrom"]["secretKeyRef"]["key"]


def test_a_changed_camera_is_a_new_map_so_that_what_runs_keeps_its_own(helm: Helm) -> None:
    def camera(more: str) -> str:
        text = f"instrument: Hilltop\n{more}"
        objects = helm.template(EXAMPLES / "small-observatory.yaml", {"instrument": {"camera": text}})
        (one,) = [
            one for one in objects if one["kind"] == "ConfigMap" and "camera" in one["metadata"]["name"]
        ]
        assert one["data"]["camera.yaml"] == text
        assert one["immutable"]
        return str(one["metadata"]["name"])

    assert camera("a: 1\n") != camera("a: 2\n")


def test_a_release_may_be_of_shared_services_only(helm: Helm) -> None:
    objects = helm.template(EXAMPLES / "lsstcam.yaml", {"instrument": {"name": ""}})
    assert set(waves(objects)) == {"writer", "fan-out", "presence"}
    assert not [one for one in objects if one["kind"] in {"CronJob", "PodMonitor", "TriggerAuthentication"}]


def test_a_redis_with_a_password_is_open_to_keda_too(helm: Helm) -> None:
    objects = helm.template(
        EXAMPLES / "latiss.yaml",
        {"redis": {"passwordKey": "pw", "tls": True}, "ca": {"redisKey": "ca"}},
    )
    (trigger,) = find(objects, "ScaledJob")["spec"]["triggers"]
    authentication = find(objects, "TriggerAuthentication")
    assert trigger["authenticationRef"]["name"] == authentication["metadata"]["name"]
    keys = {one["parameter"]: one["key"] for one in authentication["spec"]["secretTargetRef"]}
    assert keys == {"password": "pw", "ca": "ca"}
    assert trigger["metadata"]["enableTLS"] == "true"


def test_rules_and_dashboard_arrive_as_they_are_written(lsstcam: Sequence[Object]) -> None:
    rules = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())
    assert find(lsstcam, "PrometheusRule")["spec"] == rules
    dashboard = find(lsstcam, "ConfigMap", "-dashboard")
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    written = (CHART / "files" / "dashboard.json").read_text()
    assert list(dashboard["data"].values()) == [written]


def test_metrics_of_workers_keep_their_instrument(lsstcam: Sequence[Object]) -> None:
    spec = find(lsstcam, "PodMonitor")["spec"]
    assert spec["podTargetLabels"] == ["instrument"]
    assert [endpoint["honorLabels"] for endpoint in spec["podMetricsEndpoints"]] == [True]


def test_they_come_once_for_a_site(renderings: dict[str, Sequence[Object]]) -> None:
    assert "PrometheusRule" not in {one["kind"] for one in renderings["latiss"]}
