"""Values that are unknown, out of range or contradictory are refused when rendered, with a reason."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.integration.chart.helm import CHART, EXAMPLES, Helm, HelmRefusedError, merged, nested

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())
SMALL = EXAMPLES / "small-observatory.yaml"


def leaves(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name)


def objects(schema: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """List the paths whose names the schema closes."""
    if schema.get("additionalProperties") is False:
        yield path
    for name, inner in schema.get("properties", {}).items():
        yield from objects(inner, (*path, name))


def refused(values: Mapping[str, Any]) -> bool:
    return not jsonschema.Draft7Validator(SCHEMA).is_valid(values)


def test_the_schema_is_one_and_takes_the_defaults_and_examples() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    for values in [{}, *(yaml.safe_load(file.read_text()) for file in EXAMPLES.glob("*.yaml"))]:
        quoted = json.loads(json.dumps(values))  # Helm too makes text of the names of detectors
        jsonschema.Draft7Validator(SCHEMA).validate(merged(json.loads(json.dumps(DEFAULTS)), quoted))


def test_every_value_is_in_the_schema_and_has_a_default() -> None:
    def named(schema: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
        for name, inner in schema.get("properties", {}).items():
            if "$ref" in inner:
                inner = {**SCHEMA["definitions"][inner["$ref"].rpartition("/")[2]], **inner}  # noqa: PLW2901 - what it stands for
            yield (*path, name)
            yield from named(inner, (*path, name))

    missing = []
    for path in named(SCHEMA):
        value: Any = DEFAULTS
        for name in path:
            value = value.get(name, ...) if isinstance(value, dict) else ...
        if value is ... and path[-2:-1] not in {("resources",), ("serviceImage",)}:
            missing.append(".".join(path))
    assert missing == []


@given(st.sampled_from(sorted(objects(SCHEMA))), st.from_regex(r"[a-z][A-Za-z_]{0,15}", fullmatch=True))
def test_an_unknown_name_is_refused(path: tuple[str, ...], name: str) -> None:
    known: Any = SCHEMA
    for step in path:
        known = known["properties"][step]
    assume(name not in known["properties"])
    # One that speaks of a password gets as far as the check that says where to put it.
    speaks = any(re.search(pattern, name) for pattern in known["patternProperties"])
    assert refused(merged(DEFAULTS, nested((*path, name), "x"))) is not speaks


# Free-form on purpose: Kubernetes' own, or of the charts of old.
FREE = {"affinity", "knative", "knativeUrls", "global"}


# Where -1 is a value like others: as KEDA's threshold it lets a single visit-detector start a worker.
BELOW_ZERO = ("keda", "redisStreams", "activationLagCount")


@pytest.mark.parametrize("value", [None, -1, [[]], {"a": [1]}], ids=repr)
def test_a_value_of_no_sense_is_refused(value: object) -> None:
    paths = [path for path in leaves(DEFAULTS) if path[0] != "global" and path[-1] not in FREE]
    taken = [path for path in paths if not refused(merged(DEFAULTS, nested(path, value)))]
    assert taken == ([BELOW_ZERO] if value == -1 else [])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("keda.pollingInterval", 0),
        ("keda.scalingStrategy", "fast"),
        ("keda.redisStreams.lagCount", 0),
        ("keda.redisStreams.lease", 1),
        ("keda.ephemeralStorageLimit", "5 gigabytes"),
        ("worker.timeout", 0),
        ("worker.grace_period", "long"),
        ("worker.shutdown_margin", 1),
        ("instrument.pipelines.main", ""),
        ("instrument.preloadPadding", -1),
        ("imageNotifications.kafkaClusterAddress", "no port"),
        ("imageNotifications.consumerOffsetReset", "newest"),
        ("initializer.cron.day_obs_tz", -4),
        ("image.tag", 11.1),
        ("ledger.url", "sqlite:///file"),
        ("logLevel", "everything"),
        ("raw_microservice", "http://host/other"),
        ("runAsUser", 0),
        ("presence.port", 8000),
    ],
)
def test_helm_refuses_by_the_schema_and_names_the_value(helm: Helm, path: str, value: object) -> None:
    with pytest.raises(HelmRefusedError, match="values don't meet the specifications") as refusal:
        helm.template(nested(tuple(path.split(".")), value))
    assert f"at '/{path.replace('.', '/')}'" in str(refusal.value)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("initializer.image.tag", "at '/initializer/image': additional properties 'tag' not allowed"),
        ("keda.rollout", "at '/keda': additional properties 'rollout' not allowed"),
        ("workers", "additional properties 'workers' not allowed"),
    ],
)
def test_helm_refuses_unknown_names(helm: Helm, path: str, said: str) -> None:
    with pytest.raises(HelmRefusedError, match=re.escape(said)):
        helm.template(nested(tuple(path.split(".")), "x"))


def test_a_default_cannot_be_taken_away(helm: Helm) -> None:
    with pytest.raises(HelmRefusedError, match="missing property 'pollingInterval'"):
        helm.template({"keda": {"pollingInterval": None}})


CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({"keda": {"minReplicaCount": 9, "maxReplicaCount": 4}}, "keda.minReplicaCount: 9 is more than"),
    (
        {"keda": {"redisStreams": {"activationLagCount": "1"}}},
        "keda.redisStreams.activationLagCount: with 1 and keda.minReplicaCount 0, a last visit-detector"
        " would never get a worker; write -1",
    ),
    (
        {"keda": {"redisStreams": {"activationLagCount": "0"}}},
        "keda.redisStreams.activationLagCount: KEDA 2.16 refuses 0 beside lagCount and starts no worker"
        " at all; write -1",
    ),
    ({"keda": {"redisStreams": {"lease": 600, "expiration": 600}}}, "keda.redisStreams.lease: 600 s"),
    ({"keda": {"redisStreams": {"streamName": "other"}}}, "fanOut.keda.redisStreams.Hilltop: is"),
    ({"keda": {"redisStreams": {"consumerGroup": "other"}}}, "their expired leases would be forgotten"),
    ({"fanOut": {"keda": {"redisHost": "elsewhere"}}}, "fanOut.keda.redisHost: is"),
    ({"fanOut": {"instruments": "LATISS"}}, "fanOut.instruments: lacks Hilltop"),
    (
        {"fanOut": {"detectorConfig": {"Hilltop": {"0": False}}}},
        "fanOut.detectorConfig.Hilltop: has no active",
    ),
    ({"imageNotifications": {"imageTimeout": 900}}, "worker.timeout: 900 s leaves no time"),
    ({"worker": {"memoryCeiling": 4097}}, "worker.memoryCeiling: 4097 MiB is more"),
    ({"s3": {"aws_profile": "embargo"}}, "s3.aws_profile: needs s3.cred_file_auth"),
    ({"s3": {"aws_profile": "p", "cred_file_auth": True}}, "s3.auth_env: credentials in variables"),
    ({"alerts": {"server": "h:9094"}}, "alerts.server: needs alerts.topic"),
    (
        {"registry": {"centralRepoFile": True}, "instrument": {"centralRepo": "s3://b/r"}},
        "instrument.centralRepo: with registry.centralRepoFile",
    ),
    ({"ledger": {"url": "redis://h:6379/1", "urlKey": "ledger-url"}}, "ledger.url: stands beside"),
    ({"instrument": {"name": "Valley"}}, "instrument.camera: is not the camera of instrument.name"),
    ({"secrets": {"source": "vault"}}, "secrets.vaultPath: is needed"),
    ({"additionalVolumes": []}, 'additionalVolumeMounts: there is no "butler"'),
    ({"resources": {"requests": {"memory": "5Gi"}}}, "resources: more memory is requested, 5Gi"),
    ({"keda": {"ephemeralStorageLimit": "5.1Gi"}}, "keda.ephemeralStorageLimit: 5.1Gi is more"),
    ({"initializer": {"resources": {"cpuRequest": "1001m"}}}, "initializer.resources: more cpu"),
    ({"writer": {"kafka": {"topic": "other"}}}, "writer.kafka.topic: is"),
    ({"writer": {"outputRepo": "/srv/other"}}, "writer.outputRepo: is"),
    ({"butler_writer": {"enabled": False}}, "writer.enabled: the workers of this release do not use it"),
    ({"butler_writer": {"kafka_topic": ""}}, "butler_writer.enabled: needs"),
    ({"extraEnv": {"SKYMAP": "other"}}, "extraEnv.SKYMAP: is set by the chart already"),
]


@pytest.mark.parametrize(("values", "said"), CONTRADICTIONS, ids=[said for _, said in CONTRADICTIONS])
def test_helm_refuses_contradictions(helm: Helm, values: Mapping[str, Any], said: str) -> None:
    with pytest.raises(HelmRefusedError, match=re.escape(said)):
        helm.template(SMALL, values)


def test_all_contradictions_are_told_at_once(helm: Helm) -> None:
    with pytest.raises(HelmRefusedError) as refusal:
        helm.template(SMALL, {"alerts": {"server": "h:1"}, "writer": {"kafka": {"topic": "other"}}})
    assert len(re.findall(r"^- ", str(refusal.value), re.MULTILINE)) == 2


def test_another_camera_needs_its_own_addresses(helm: Helm) -> None:
    with pytest.raises(HelmRefusedError) as refusal:
        helm.template({"instrument": {"name": "LATISS"}})
    assert "instrument.centralRepo: must be set" in str(refusal.value)
    assert "keda.redisStreams.streamName: must be set" in str(refusal.value)


@pytest.mark.parametrize("path", ["image", "initializer.image"])
def test_a_real_camera_needs_images_of_its_own_registry(helm: Helm, path: str) -> None:
    steps = (*path.split("."), "repository")
    default: Any = DEFAULTS
    for name in steps:
        default = default[name]
    with pytest.raises(HelmRefusedError, match=re.escape(f"- {path}.repository: must be set")) as refusal:
        helm.template(EXAMPLES / "latiss.yaml", nested(steps, default))
    assert len(re.findall(r"^- ", str(refusal.value), re.MULTILINE)) == 1


@pytest.mark.parametrize(
    ("path", "repository", "ours"),
    [
        ("image", "ghcr.io/lsst-dm/prompt-service", "service"),
        ("initializer.image", "ghcr.io/lsst-dm/prompt-init", "initializer"),
        ("initializer.image", "registry.site.edu/mirror/lsst-dm/prompt-init", "initializer"),
        ("fanOut.image", "lsst-dm/prompt-service", "service"),
        ("presence.image", "ghcr.io/lsst-dm/prompt-service@sha256:0", "service"),
        ("writer.image", "ghcr.io/lsst-dm/prompt-service", "service"),
    ],
)
def test_images_of_the_former_system_are_refused(helm: Helm, path: str, repository: str, ours: str) -> None:
    with pytest.raises(HelmRefusedError) as refusal:
        helm.template(SMALL, nested((*path.split("."), "repository"), repository))
    said = f"- {path}.repository: {repository} is an image of the former system"
    [line] = [line for line in str(refusal.value).splitlines() if line.startswith("- ")]
    assert line.startswith(said)
    assert line.endswith(f"REGISTRY/prompt-processing/{ours}")


def test_what_only_speaks_of_a_password_is_taken(helm: Helm) -> None:
    annotations = {"vault.hashicorp.com/agent-inject-token": "true"}
    assert helm.template({"podAnnotations": annotations, "extraEnv": {"NO_TOKEN": ""}})


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"redis": {"password": "hunter2"}}, "redis.password"),
        ({"alerts": {"password": 12345}}, "alerts.password"),
        ({"butler_writer": {"kafka_password": "hunter2"}}, "butler_writer.kafka_password"),
        ({"s3": {"secret_key": "hunter2"}}, "s3.secret_key"),
        ({"sasquatch": {"token": "hunter2"}}, "sasquatch.token"),
        ({"extraEnv": {"SASL_PASSWORD": "hunter2"}}, "extraEnv.SASL_PASSWORD"),
        (
            {"fanOut": {"extraEnv": {"AWS_SECRET_ACCESS_KEY": "hunter2"}}},
            "fanOut.extraEnv.AWS_SECRET_ACCESS_KEY",
        ),
        ({"global": {"x": [{"password": "hunter2"}]}}, "global.x[0].password"),
        ({"ledger": {"url": "redis://:hunter2@h:6379"}}, "ledger.url"),
        ({"instrument": {"centralRepo": "postgresql://u:hunter2@h/db"}}, "instrument.centralRepo"),
        ({"apdb": {"config": "see https://u:hunter2@h/x"}}, "apdb.config"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_passwords_in_values_are_refused_and_not_repeated(
    helm: Helm, values: Mapping[str, Any], path: str
) -> None:
    with pytest.raises(HelmRefusedError, match=re.escape(f"- {path}: ")) as refusal:
        helm.template(values)
    assert "hunter2" not in str(refusal.value)
    assert "12345" not in str(refusal.value)


def test_the_console_is_not_open_to_whoever_comes(helm: Helm) -> None:
    with pytest.raises(HelmRefusedError, match="console: needs trustedProxies or tokenKey"):
        helm.template(nested(("console", "enabled"), value=True))
