"""The processes themselves read the environment that the chart gives them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.files.active_detectors import load_fan_out_config
from adapters.files.pipelines_config import parse_pipelines_config
from entrypoints.containers.child import ChildContainer
from entrypoints.containers.parts.addresses import group_of_workers
from entrypoints.containers.parts.deployment import INSTALL
from entrypoints.containers.raw_presence import served_cameras
from entrypoints.settings.alerts import CourierSettings
from entrypoints.settings.butler_writer import ButlerWriterSettings
from entrypoints.settings.console import ConsoleSettings, WatchedSettings
from entrypoints.settings.environment import describe_settings, read_settings
from entrypoints.settings.fan_out import FanOutSettings
from entrypoints.settings.raw_presence import RawPresenceSettings
from entrypoints.settings.worker import ChildSettings, WorkerSettings
from initializer.container import InitializerContainer
from initializer.settings import InitializerSettings
from tests.integration.chart.helm import CHART, Helm, merged, nested
from tests.integration.chart.objects import Object, container, environment, find, pod_spec

SETTINGS: Mapping[str, tuple[type[Any], ...]] = {
    "worker": (WorkerSettings, ChildSettings),
    "initialize": (InitializerSettings,),
    "fan-out": (FanOutSettings,),
    "raw-presence": (RawPresenceSettings,),
    "butler-writer": (ButlerWriterSettings,),
    "console": (ConsoleSettings, WatchedSettings),
    "alerts": (CourierSettings,),
}

# Read by pipelines, the Butler, boto3 or everybody (docs/contracts/environment.md names most of them).
PASSED_THROUGH = {
    *("AP_KAFKA_SERVER", "AP_KAFKA_TOPIC", "AP_KAFKA_PRODUCER_USERNAME", "AP_KAFKA_PRODUCER_PASSWORD"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE"),
    *("AWS_REQUEST_CHECKSUM_CALCULATION", "S3_ENDPOINT_URL", "LSST_DISABLE_BUCKET_VALIDATION"),
    *("LSST_DB_AUTH", "LSST_RESOURCES_NUM_WORKERS", "CENTRAL_IERS_CACHE", "DAX_APDB_MONITOR_CONFIG"),
    *("SASQUATCH_URL", "SASQUATCH_TOKEN", "DAF_BUTLER_SASQUATCH_NAMESPACE", "MP_SKY_URL", "SATTLE_URI_BASE"),
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "PLATFORM", "HOME"),
}


def processes(objects: Sequence[Object]) -> list[tuple[str, Object]]:
    """List the commands of all objects that run one."""
    return [(container(one)["args"][0], one) for one in objects if pod_spec(one) is not None]


def environments(objects: Sequence[Object], folder: Path) -> dict[str, dict[str, str]]:
    return {command: environment(objects, one, folder) for command, one in processes(objects)}


def test_every_process_accepts_its_environment(rendered: Sequence[Object], tmp_path: Path) -> None:
    for command, one in processes(rendered):
        for kind in SETTINGS[command]:
            read_settings(kind, environment(rendered, one, tmp_path))


def test_no_variable_is_read_by_nobody(rendered: Sequence[Object], tmp_path: Path) -> None:
    # What workers and the initializer have in common is the worker's, so its names count for both.
    shared = {name for kind in SETTINGS["worker"] for name, _, _ in describe_settings(kind)}
    for command, one in processes(rendered):
        known = {name for kind in SETTINGS[command] for name, _, _ in describe_settings(kind)}
        if command == "initialize":
            known |= shared
        assert environment(rendered, one, tmp_path).keys() - known - PASSED_THROUGH == set()


def test_initializer_and_worker_have_one_label_and_one_set_of_settings(rendered: Sequence[Object]) -> None:
    worker = container(find(rendered, "ScaledJob"))
    for job in (find(rendered, "Job"), find(rendered, "CronJob")):
        initializer = container(job)
        assert initializer["image"].rpartition(":")[2] == worker["image"].rpartition(":")[2]
        assert initializer["imagePullPolicy"] == worker["imagePullPolicy"]
        assert [one for one in initializer["env"] if one not in worker["env"]] == []
    assert find(rendered, "CronJob")["spec"]["jobTemplate"]["spec"] == find(rendered, "Job")["spec"]


def test_initializer_and_worker_reckon_one_deployment_id(
    renderings: Mapping[str, Sequence[Object]], tmp_path: Path
) -> None:
    def initializer_id(variables: Mapping[str, str]) -> str:
        return InitializerContainer(settings=read_settings(InitializerSettings, variables)).deployment_id()

    found = environments(renderings["defaults"], tmp_path)
    settings = read_settings(ChildSettings, found["worker"])
    child = ChildContainer(settings=settings, folder=tmp_path).deployment_id()
    assert child == initializer_id(found["initialize"])
    assert child != initializer_id({**found["initialize"], "MAIN_PIPELINES_CONFIG": "- pipelines: []"})


def test_pipelines_arrive_as_they_were_written(rendered: Sequence[Object], tmp_path: Path) -> None:
    worker = environments(rendered, tmp_path)["worker"]
    for variable in ("PREPROCESSING_PIPELINES_CONFIG", "MAIN_PIPELINES_CONFIG"):
        config = parse_pipelines_config(
            worker[variable], variable, {"PROMPT_PROCESSING_DIR": str(INSTALL)}, _no_map
        )
        ours = [file for file in config.files if file.startswith(f"{INSTALL}/prompt_pipelines/")]
        assert all(Path(file).is_file() for file in ours)


def _no_map(path: str) -> Any:
    raise AssertionError(f"no example names a map, and here is {path}")


def test_the_fan_out_writes_what_the_workers_read(example: Sequence[Object], tmp_path: Path) -> None:
    found = environments(example, tmp_path)
    if "fan-out" not in found:
        return
    worker = read_settings(WorkerSettings, found["worker"])
    child = read_settings(ChildSettings, found["worker"])
    fan_out = read_settings(FanOutSettings, found["fan-out"])
    config = load_fan_out_config(fan_out.config_file)
    instrument = worker.deployment.instrument
    assert config.streams[instrument] == worker.stream.stream
    assert group_of_workers(fan_out.workers_group, instrument) == worker.stream.group
    assert fan_out.redis_host == worker.stream.host
    assert fan_out.redis == worker.redis
    assert fan_out.ledger == worker.ledger == child.ledger
    assert fan_out.lease_seconds == worker.stream.lease_seconds
    assert config.detectors[instrument]


def test_lsstcam_is_as_large_as_in_production(lsstcam: Sequence[Object], tmp_path: Path) -> None:
    found = environments(lsstcam, tmp_path)
    config = load_fan_out_config(read_settings(FanOutSettings, found["fan-out"]).config_file)
    assert len(config.detectors["LSSTCam"]) == 172
    assert find(lsstcam, "ScaledJob")["spec"]["maxReplicaCount"] == 1700


def test_the_writer_reads_what_the_workers_write(example: Sequence[Object], tmp_path: Path) -> None:
    found = environments(example, tmp_path)
    worker = read_settings(WorkerSettings, found["worker"])
    assert worker.use_writer
    if "butler-writer" not in found:
        return
    writer = read_settings(ButlerWriterSettings, found["butler-writer"])
    assert (writer.servers, writer.topic) == (worker.writer_kafka.servers, worker.writer_kafka.topic)
    assert (writer.username, writer.password) == (worker.writer_kafka.username, worker.writer_kafka.password)
    assert writer.repository == worker.deployment.central_repo


def test_the_workers_ask_the_microservice_of_their_release(example: Sequence[Object], tmp_path: Path) -> None:
    found = environments(example, tmp_path)
    base = read_settings(WorkerSettings, found["worker"]).raw_microservice
    assert base is not None
    assert base.endswith("/presence")
    if "raw-presence" not in found:
        return
    service = find(example, "Service", "-presence")
    assert base == f"http://{service['metadata']['name']}:{service['spec']['ports'][0]['port']}/presence"
    presence = read_settings(RawPresenceSettings, found["raw-presence"])
    cameras = served_cameras(presence.instruments, presence.camera_files)
    assert found["worker"]["RUBIN_INSTRUMENT"] in {camera.instrument for camera in cameras}


def test_services_can_be_reached_from_other_pods(rendered: Sequence[Object], tmp_path: Path) -> None:
    for command, one in processes(rendered):
        values = environment(rendered, one, tmp_path)
        ports = {port["name"]: port["containerPort"] for port in container(one).get("ports", [])}
        if command == "initialize":
            assert ports == {}
            continue
        if command == "console":
            served = (values["CONSOLE_HOST"], int(values["CONSOLE_PORT"]))
            assert served == ("0.0.0.0", ports["http"])  # noqa: S104 - as below
            continue
        assert values["METRICS_HOST"] == "0.0.0.0"  # noqa: S104 - a pod's own address is not known before
        assert int(values["METRICS_PORT"]) == ports["metrics"]
        if command == "raw-presence":
            assert (values["HOST"], int(values["PORT"])) == ("0.0.0.0", ports["http"])  # noqa: S104 - as above


OLD_NAMES = {
    # From today's names to the variable of the worker that they set, and its text.
    "worker.restart": (7, "WORKER_RESTART_FREQ", "7"),
    "worker.timeout": (800, "WORKER_TIMEOUT", "800"),
    "worker.grace_period": (33, "SHUTDOWN_GRACE", "33"),
    "instrument.skymap": ("sky", "SKYMAP", "sky"),
    "instrument.preloadPadding": (50.1, "PRELOAD_PADDING", "50.1"),
    "instrument.centralRepo": ("s3://p@b/r", "CENTRAL_REPO", "s3://p@b/r"),
    "instrument.readRepo": ("s3://p@b/q", "READ_CENTRAL_REPO", "s3://p@b/q"),
    "instrument.transferScale": (5, "LSST_RESOURCES_NUM_WORKERS", "5"),
    "instrument.repoWait": (31, "REPO_RETRY_DELAY", "31"),
    "instrument.exportTypes": ("- packages\n- '.*_log'\n", "EXPORT_TYPE_REGEXP", "- packages\n- '.*_log'\n"),
    "instrument.pipelines.main": ("- pipelines: []  # {a: b}", "MAIN_PIPELINES_CONFIG", None),
    "instrument.pipelines.preprocessing": ("- {pipelines: []}", "PREPROCESSING_PIPELINES_CONFIG", None),
    "cache.baseSize": (4, "LOCAL_REPO_CACHE_SIZE", "4"),
    "s3.imageBucket": ("tenant:bucket", "IMAGE_BUCKET", "tenant:bucket"),
    "s3.endpointUrl": ("https://s3.site.edu", "S3_ENDPOINT_URL", "https://s3.site.edu"),
    "s3.aws_profile": ("embargo", "AWS_PROFILE", "embargo"),
    "s3.disableBucketValidation": ("1", "LSST_DISABLE_BUCKET_VALIDATION", "1"),
    "s3.checksum": ("WHEN_SUPPORTED", "AWS_REQUEST_CHECKSUM_CALCULATION", "WHEN_SUPPORTED"),
    "raw_microservice": ("http://10.0.0.1:8080/presence", "RAW_MICROSERVICE", None),
    "mpSky_service": ("http://10.0.0.2/ephemerides/", "MP_SKY_URL", None),
    "iers_cache": ("s3://b/iers.zip", "CENTRAL_IERS_CACHE", None),
    "imageNotifications.kafkaClusterAddress": ("k.ns:9094", "KAFKA_CLUSTER", "k.ns:9094"),
    "imageNotifications.topic": ("rubin-6", "BUCKET_TOPIC", "rubin-6"),
    "imageNotifications.consumerOffsetReset": (
        "earliest",
        "BUCKET_NOTIFICATION_KAFKA_OFFSET_RESET",
        "earliest",
    ),
    "imageNotifications.imageTimeout": (120, "IMAGE_TIMEOUT", "120"),
    "apdb.config": ("label:pp_apdb", "CONFIG_APDB", "label:pp_apdb"),
    "logLevel": ("lsst.daf.butler=VERBOSE a=INFO", "SERVICE_LOG_LEVELS", None),
    "sattle.uri_base": ("http://sattle:9999", "SATTLE_URI_BASE", None),
    "debug.exportOutputs": (False, "DEBUG_EXPORT_OUTPUTS", "0"),
    "debug.monitorDaxApdb": (True, "DAX_APDB_MONITOR_CONFIG", "logging:lsst.dax.apdb.monitor"),
    "keda.redisStreams.host": ("redis.ns", "REDIS_STREAM_HOST", "redis.ns"),
    "keda.redisStreams.streamName": ("instrument:x", "REDIS_STREAM_NAME", "instrument:x"),
    "keda.redisStreams.consumerGroup": ("x_group", "REDIS_STREAM_CONSUMER_GROUP", "x_group"),
    "keda.redisStreams.retry": (29, "REDIS_RETRY_DELAY", "29"),
    "keda.redisStreams.msgListenTimeout": (901, "FANNED_OUT_MSG_LISTEN_TIMEOUT", "901"),
    "keda.redisStreams.expiration": (600, "MESSAGE_EXPIRATION", "600"),
    "alerts": ({"username": "u", "server": "h:9094", "topic": "t"}, "AP_KAFKA_TOPIC", "t"),
    "sasquatch": ({"endpointUrl": "https://h/p", "namespace": "n"}, "SASQUATCH_URL", "https://h/p"),
    "butler_writer": (
        {"enabled": True, "kafka_cluster": "k:9092", "kafka_username": "u", "kafka_topic": "t"},
        "BUTLER_WRITER_KAFKA_TOPIC",
        "t",
    ),
}
UNSEEN = {
    # Today's names that show elsewhere, or nowhere.
    "image": {"repository": "registry.site.edu/prompt-service", "pullPolicy": "Always", "tag": "11.1.0"},
    "initializer": {
        "image": {"repository": "registry.site.edu/prompt-init"},
        "resources": {"cpuRequest": 1, "cpuLimit": 1, "memoryRequest": "512Mi", "memoryLimit": "1Gi"},
        "cron": {"day_obs_tz": -12, "suspend": False},
        "timeout": 300,
        "retries": 6,
        "cleanup_delay": 3600,
        "podAnnotations": {"a": "b"},
    },
    "keda": {
        "minReplicaCount": 3,
        "maxReplicaCount": 600,
        "scalingStrategy": "eager",
        "pollingInterval": 2,
        "successfulJobsHistoryLimit": 5,
        "failedJobsHistoryLimit": 5,
        "ephemeralStorageLimit": "5Gi",
        "redisStreams": {"activationLagCount": "1", "lagCount": "1", "pendingEntriesCount": "1"},
    },
    "s3": {"auth_env": False, "cred_file_auth": True},
    "instrument": {"name": "LSSTCam", "localRepoConfig": ""},
    "registry": {"centralRepoFile": False},
    "sasquatch": {"auth_env": True},
    "nameOverride": "",
    "fullnameOverride": "prompt-keda-lsstcam",
    "resources": {
        "requests": {"cpu": "1", "ephemeral-storage": "5Gi", "memory": "2Gi"},
        "limits": {"cpu": "1", "ephemeral-storage": "5Gi", "memory": "8Gi"},
    },
    "additionalVolumeMounts": [],
    "podAnnotations": {},
    "affinity": {},
    "nodeSelector": {},
    "tolerations": [],
    "global": {"vaultSecretsPath": "secret/x", "host": "", "baseUrl": ""},
}


def old_values() -> dict[str, Any]:
    values: dict[str, Any] = {}
    for path, (value, _, _) in OLD_NAMES.items():
        values = merged(values, nested(tuple(path.split(".")), value))
    return values


@pytest.fixture(scope="module")
def production(helm: Helm) -> Sequence[Object]:
    """What values render that use today's names only."""
    return helm.template(merged(UNSEEN, old_values()))


@pytest.mark.parametrize("path", OLD_NAMES)
def test_value_names_of_old_keep_working(production: Sequence[Object], path: str, tmp_path: Path) -> None:
    value, variable, text = OLD_NAMES[path]
    worker = environment(production, find(production, "ScaledJob"), tmp_path)
    assert worker[variable] == (value if text is None else text)
    read_settings(WorkerSettings, worker)


def test_other_names_of_old_keep_working(production: Sequence[Object]) -> None:
    job = find(production, "ScaledJob")
    assert job["metadata"]["name"] == "prompt-keda-lsstcam"
    assert container(job)["image"] == "registry.site.edu/prompt-service:11.1.0"
    assert container(find(production, "Job"))["image"] == "registry.site.edu/prompt-init:11.1.0"
    assert job["spec"]["scalingStrategy"] == {"strategy": "eager"}
    assert job["spec"]["maxReplicaCount"] == 600
    spec = find(production, "Job")["spec"]
    assert (spec["backoffLimit"], spec["ttlSecondsAfterFinished"]) == (6, 3600)
    assert spec["template"]["spec"]["activeDeadlineSeconds"] == 300


def test_the_writers_names_of_old_keep_working(helm: Helm, tmp_path: Path) -> None:
    old = {
        "image": {"repository": "registry.site.edu/writer"},
        "outputRepo": "s3://embargo@bucket/",
        "kafka": {
            "clusterAddress": "k:9092",
            "username": "u",
            "topic": "in",
            "outputTopic": "out",
            "debug": True,
        },
        "outputDatasetListDirectory": "s3://embargo@bucket/lists",
        "s3": {"endpointUrl": "https://s3.site.edu", "aws_profile": "embargo", "checksum": "WHEN_SUPPORTED"},
        "logLevel": "VERBOSE",
        "resources": {"cpuRequest": 0.25, "cpuLimit": 1, "memoryRequest": "0.5Gi", "memoryLimit": "1Gi"},
    }
    shared = {"instrument": {"name": ""}, "networkPolicy": {"enabled": False}}
    objects = helm.template(shared, {"writer": {"enabled": True, **old}})
    found = environment(objects, find(objects, "Deployment"), tmp_path)
    settings = read_settings(ButlerWriterSettings, found)
    assert (settings.repository, settings.batch_folder) == (
        old["outputRepo"],
        old["outputDatasetListDirectory"],
    )
    assert (settings.servers, settings.topic, settings.output_topic) == ("k:9092", "in", "out")
    assert (settings.username, settings.password) == ("u", "secret")
    assert (found["WRITER_DEBUG_LEVEL"], found["KAFKA_DEBUG"]) == ("VERBOSE", "1")
    assert (found["S3_ENDPOINT_URL"], found["AWS_PROFILE"]) == ("https://s3.site.edu", "embargo")


def test_the_fan_outs_names_of_old_keep_working(helm: Helm, tmp_path: Path) -> None:
    old = {
        "image": {"repository": "registry.site.edu/fan-out"},
        "kafka": {
            "schemaRegistryUrl": "http://10.0.0.1:8081",
            "sasquatchAddress": "10.0.0.2:9094",
            "consumerGroup": "g",
            "nextVisitTopic": "t",
            "offset": "latest",
            "saslMechamism": "SCRAM-SHA-256",
            "securityProtocol": "SASL_PLAINTEXT",
            "expiration": 3600.0,
        },
        "knative": {"maxMessages": "", "retryRequests": True, "urls": {"HSC": "http://a/next-visit"}},
        "keda": {
            "redisHost": "prompt-redis.prompt-redis",
            "redisStreams": {"HSC": "instrument:hsc", "LATISS": "instrument:latiss"},
        },
        "instruments": "HSC LATISS",
        "detectorConfig": {"HSC": {"0": True, "9": False}, "HSC-TEST-59134": {"4": True}, "LATISS": {}},
        "debug": False,
        "replicaCount": 1,
    }
    shared = {"instrument": {"name": ""}, "keda": {"redisStreams": {"host": "prompt-redis.prompt-redis"}}}
    objects = helm.template(shared, {"fanOut": {"enabled": True, **old}})
    found = environment(objects, find(objects, "Deployment"), tmp_path)
    settings = read_settings(FanOutSettings, found)
    config = load_fan_out_config(settings.config_file)
    assert config.streams == {"HSC": "instrument:hsc", "LATISS": "instrument:latiss"}
    assert config.detectors == {"HSC": {0}, "HSC-TEST-59134": {4}, "LATISS": set()}
    assert (settings.topic, settings.consumer_group, settings.message_expiration) == ("t", "g", 3600)
    assert settings.kafka.sasl_mechanism == "SCRAM-SHA-256"
    assert settings.redis_host == "prompt-redis.prompt-redis"


def test_the_chart_may_be_a_dependency_by_the_name_of_old(
    production: Sequence[Object], helm: Helm, tmp_path: Path
) -> None:
    (tmp_path / "charts").mkdir()
    (tmp_path / "charts" / "prompt-processing").symlink_to(CHART)
    dependency = {"name": "prompt-processing", "version": "*", "alias": "prompt-keda"}
    parent = {"apiVersion": "v2", "name": "site", "version": "1.0.0", "dependencies": [dependency]}
    (tmp_path / "Chart.yaml").write_text(yaml.safe_dump(parent))
    (tmp_path / "values.yaml").write_text("")
    values = {"prompt-keda": merged(UNSEEN, old_values())}
    objects = helm.template(values, chart=tmp_path)

    def specs(rendered: Sequence[Object]) -> list[Object]:
        return [container(one)["env"] for _, one in processes(rendered)]

    assert specs(objects) == specs(production)


def test_passwords_and_certificates_arrive(
    renderings: Mapping[str, Sequence[Object]], tmp_path: Path
) -> None:
    found = environments(renderings["everything"], tmp_path)
    worker = read_settings(WorkerSettings, found["worker"])
    fan_out = read_settings(FanOutSettings, found["fan-out"])
    presence = read_settings(RawPresenceSettings, found["raw-presence"])
    writer = read_settings(ButlerWriterSettings, found["butler-writer"])
    for kafka in (worker.kafka, presence.kafka):
        assert (kafka.username, kafka.password, kafka.ca_file) == ("pp", "secret", "/app/ca/kafka.pem")
        assert kafka.security_protocol == "SASL_SSL"
    assert (fan_out.kafka.username, fan_out.kafka.password) == ("secret", "secret")
    assert fan_out.registry_ca_file == "/app/ca/schema-registry.pem"
    for redis in (worker.redis, fan_out.redis, presence.redis):
        assert (redis.password, redis.tls, redis.ca_file) == ("secret", True, "/app/ca/redis.pem")
    assert worker.writer_kafka.password == writer.password == "secret"  # noqa: S105 - it stands for one
    assert writer.ca_file == fan_out.kafka.ca_file == "/app/ca/kafka.pem"
    assert worker.ledger.url == fan_out.ledger.url == "secret"
    mounted = {
        mount["mountPath"] for mount in container(find(renderings["everything"], "ScaledJob"))["volumeMounts"]
    }
    assert {"/srv/central", "/srv/read", "/app/ca"} < mounted
