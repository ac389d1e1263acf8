"""Values files of the charts of old, as they are, mean what they meant."""

import functools
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.files.active_detectors import load_fan_out_config
from adapters.files.pipelines_config import parse_pipelines_config
from entrypoints.settings.butler_writer import ButlerWriterSettings
from entrypoints.settings.environment import read_settings
from entrypoints.settings.fan_out import FanOutSettings
from entrypoints.settings.worker import WorkerSettings
from initializer.settings import InitializerSettings
from tests.integration.chart.helm import CHART, Helm, HelmRefusedError, merged
from tests.integration.chart.objects import container, environment, find
from tests.integration.chart.test_settings import OLD_NAMES

FORMER = yaml.safe_load((Path(__file__).parent / "former_values.yaml").read_text())

OURS = {"repository": "registry.site.edu/prompt-processing/service", "tag": "0.1.0"}
OVERLAY = {
    "image": OURS,
    "initializer": {"image": {"repository": "registry.site.edu/prompt-processing/initializer"}},
}
"""All that has to be written when workers change over."""

SHARED = {"instrument": {"name": ""}}
"""A release of shared services only."""


def release(kind: str, name: str) -> dict[str, Any]:
    return functools.reduce(merged, FORMER[kind][name], {})


def looked_up(values: Mapping[str, Any], path: str) -> Any:
    found: Any = values
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def as_text(value: object) -> str | float:
    """Write a value as a variable has it; numbers are compared as such."""
    if isinstance(value, bool):
        return float(value)
    try:
        return float(str(value))
    except ValueError:
        return str(value)


@pytest.mark.parametrize("name", FORMER["releases"])
def test_workers_mean_what_they_meant(helm: Helm, name: str, tmp_path: Path) -> None:
    values = release("releases", name)
    objects = helm.template(values, OVERLAY)
    job = find(objects, "ScaledJob")
    found = environment(objects, job, tmp_path)
    for path, (_, variable, text) in OLD_NAMES.items():
        value = looked_up(values, path)
        if isinstance(value, dict) or value in (None, ""):
            continue
        if path == "debug.monitorDaxApdb":
            assert (variable in found) is value
            continue
        said = f"{path} of {name}, by {variable}"
        assert as_text(found[variable]) == as_text(value), said
        assert text is None or variable in found
    worker = read_settings(WorkerSettings, found)
    read_settings(InitializerSettings, environment(objects, find(objects, "Job"), tmp_path))
    queue = values["keda"]["redisStreams"]
    assert worker.message_expiration == queue["expiration"]
    spec = job["spec"]
    assert spec["scalingStrategy"] == {"strategy": "eager"}
    assert spec["triggers"][0]["metadata"]["activationLagCount"] == "1"
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (3, values["keda"]["maxReplicaCount"])
    pod = spec["jobTargetRef"]["template"]
    assert pod["metadata"]["annotations"].items() >= values["podAnnotations"].items()
    assert pod["spec"].get("affinity", {}) == values["affinity"]
    assert container(job)["image"] == f"{OURS['repository']}:{OURS['tag']}"
    assert find(objects, "VaultSecret")["spec"]["path"] == f"secret/site/{values['fullnameOverride']}"


@pytest.mark.parametrize("name", FORMER["fan-outs"])
def test_the_fan_out_means_what_it_meant(helm: Helm, name: str, tmp_path: Path) -> None:
    values = release("fan-outs", name)
    old = {"enabled": True, **values, "image": OURS}
    objects = helm.template(SHARED, {"fanOut": old})
    found = environment(objects, find(objects, "Deployment"), tmp_path)
    settings = read_settings(FanOutSettings, found)
    kafka = values["kafka"]
    assert (settings.registry, settings.kafka.servers) == (
        kafka["schemaRegistryUrl"],
        kafka["sasquatchAddress"],
    )
    assert (settings.consumer_group, settings.topic) == (kafka["consumerGroup"], kafka["nextVisitTopic"])
    assert settings.message_expiration == kafka["expiration"]
    assert (settings.kafka.security_protocol, settings.kafka.sasl_mechanism) == ("SASL_SSL", "SCRAM-SHA-512")
    assert (settings.kafka.username, settings.kafka.password) == ("secret", "secret")
    assert (settings.longest_retry_delay, settings.retry_delay) == (5.0, 1.0)
    served = set(values["instruments"].split())
    assert settings.instruments == served
    config = load_fan_out_config(settings.config_file)
    assert config.streams == {k: v for k, v in values["keda"]["redisStreams"].items() if k in served}
    assert config.detectors == {
        instrument: frozenset(n for n, on in some.items() if on)
        for instrument, some in values["detectorConfig"].items()
        if re.sub(r"-TEST-\d+$", "", instrument) in served
    }


@pytest.mark.parametrize("name", FORMER["writers"])
def test_the_writer_means_what_it_meant(helm: Helm, name: str, tmp_path: Path) -> None:
    values = release("writers", name)
    objects = helm.template(SHARED, {"writer": {"enabled": True, **values, "image": OURS}})
    deployment = find(objects, "Deployment")
    found = environment(objects, deployment, tmp_path)
    settings = read_settings(ButlerWriterSettings, found)
    kafka = values["kafka"]
    assert settings.repository == values["outputRepo"]
    assert settings.batch_folder == values["outputDatasetListDirectory"]
    assert (settings.servers, settings.topic) == (kafka["clusterAddress"], kafka["topic"])
    assert (settings.output_topic, settings.username) == (kafka["outputTopic"], kafka["username"])
    assert (found["S3_ENDPOINT_URL"], found["AWS_PROFILE"]) == (
        values["s3"]["endpointUrl"],
        values["s3"]["aws_profile"],
    )
    annotations = deployment["spec"]["template"]["metadata"].get("annotations", {})
    assert annotations.items() >= values["podAnnotations"].items()


def refusal(helm: Helm, *values: Mapping[str, Any]) -> str:
    with pytest.raises(HelmRefusedError) as caught:
        helm.template(*values)
    return str(caught.value)


def test_images_of_old_are_refused_with_what_to_write(helm: Helm) -> None:
    said = refusal(
        helm,
        release("releases", "LSSTCam, production"),
        {"writer": {"image": {"repository": "ghcr.io/lsst-dm/prompt_processing_butler_writer"}}},
        {
            "fanOut": {
                "image": {"repository": "us-central1-docker.pkg.dev/prompt-proto/prompt/nextvisit-fanout"}
            }
        },
    )
    for path in ("image", "initializer.image", "writer.image", "fanOut.image"):
        assert f"- {path}.repository: " in said


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"instrument": {"calibRepo": "s3://users"}}, "instrument.calibRepo: is the repository that"),
        ({"cache": {"refcatsPerImage": 4}}, "cache.refcatsPerImage: a worker keeps"),
        ({"cache": {"patchesPerImage": 4}}, "cache.patchesPerImage: a worker keeps"),
        ({"fanOut": {"fullnameOverride": "x"}}, "fanOut.fullnameOverride: a release has one name"),
        ({"writer": {"nameOverride": "x"}}, "writer.nameOverride: a release has one name"),
        (
            {"fanOut": {"global": {"vaultSecretsPath": "x"}}},
            "fanOut.global.vaultSecretsPath: is for the whole",
        ),
        (
            {
                "instrument": {
                    "pipelines": {
                        "main": "- pipelines: ['${PROMPT_PROCESSING_DIR}/prompt_pipelines/Isr.yaml']",
                        "volume": {"configMap": {"name": "x"}},
                    }
                }
            },
            "instrument.pipelines.volume: PROMPT_PROCESSING_DIR then holds",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_kept_is_refused(helm: Helm, values: Mapping[str, Any], said: str) -> None:
    assert f"- {said}" in refusal(helm, values)


def test_a_fan_out_without_workers_is_checked_too(helm: Helm) -> None:
    values = {
        key: value
        for key, value in release("fan-outs", "production").items()
        if key in {"kafka", "instruments"}
    }
    values["kafka"] = {**values["kafka"], "securityProtocol": ""}
    said = refusal(helm, SHARED, {"fanOut": {"enabled": True, **values, "image": OURS}})
    for instrument in ("LATISS", "LSSTCam"):
        assert f"- fanOut.keda.redisStreams: has no stream for {instrument}" in said
        assert f"- fanOut.detectorConfig: has nothing for {instrument}" in said
    assert "- fanOut.kafka.securityProtocol: must be said" in said
    assert "- fanOut.instruments: names no" in refusal(
        helm, SHARED, {"fanOut": {"enabled": True, "instruments": " "}}
    )


def test_pipelines_of_an_observatory_come_by_a_volume(helm: Helm, tmp_path: Path) -> None:
    values = release("releases", "LSSTCam, production")
    volume = {"persistentVolumeClaim": {"claimName": "pipelines"}}
    objects = helm.template(values, OVERLAY, {"instrument": {"pipelines": {"volume": volume}}})
    for kind in ("ScaledJob", "Job"):
        one = find(objects, kind)
        found = environment(objects, one, tmp_path)
        config = parse_pipelines_config(found["MAIN_PIPELINES_CONFIG"], "MAIN", found, _no_map)
        [mount] = [mount for mount in container(one)["volumeMounts"] if mount["name"] == "pipelines"]
        assert all(file.startswith(f"{mount['mountPath']}/LSSTCam/") for file in config.files)
    [found_volume] = [
        one
        for one in find(objects, "Job")["spec"]["template"]["spec"]["volumes"]
        if one["name"] == "pipelines"
    ]
    assert found_volume == {"name": "pipelines", **volume}


def _no_map(path: str) -> Any:
    raise AssertionError(f"no release names a map, and here is {path}")


def test_notes_say_what_is_kept_with_a_warning_or_not_used(helm: Helm, tmp_path: Path) -> None:
    """Helm shows notes on a cluster only; here they are an object."""
    chart = shutil.copytree(CHART, tmp_path / "chart")
    notes = chart / "templates" / "NOTES.txt"
    define = '{{- define "notes" -}}' + notes.read_text() + "{{- end }}"
    show = 'kind: Notes\nmetadata: {name: notes}\ntext: {{ include "notes" . | toJson }}\n'
    notes.with_name("shown.yaml").write_text(define + show)
    notes.unlink()
    fan_out = {"enabled": True, **release("fan-outs", "production"), "image": OURS}
    fan_out["detectorConfig"] = {"LSSTCam": {"0": True}, "LATISS": {"0": True}}
    objects = helm.template(
        release("releases", "LSSTCam, production"), OVERLAY, {"fanOut": fan_out}, chart=chart
    )
    text = find(objects, "Notes")["text"]
    for said in (
        "WARNING: keda.scalingStrategy eager starts workers again",
        "WARNING: keda.redisStreams.activationLagCount 1: as few unread entries",
        "keda.redisStreams.pendingEntriesCount is not used",
        "fanOut.kafka.summitSasquatchAuth is not used",
        "fanOut.knative is not used",
        "Pipelines under ${PROMPT_PROCESSING_DIR}/pipelines are not in this project's image",
    ):
        assert said in text
    assert "must be there" not in text  # the Secret, which a VaultSecret brings
