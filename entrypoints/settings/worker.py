"""Settings of a worker (docs/contracts/environment.md), and of its child."""

import re
from pathlib import Path

from attrs import frozen

from domain.pipelines import CHANGE_TASKS
from entrypoints.settings.alerts import AlertSettings
from entrypoints.settings.common import LedgerSettings, LogSettings, MetricsSettings, RedisSettings
from entrypoints.settings.environment import group, setting
from entrypoints.settings.kafka import KafkaSettings, WriterKafkaSettings
from entrypoints.settings.parsers import (
    boolean,
    choice,
    folder,
    http_uri,
    http_uri_or,
    integer,
    names,
    optional,
    optional_resource,
    optional_seconds,
    patterns,
    positive,
    seconds,
    text,
)
from entrypoints.settings.pipelines import DeploymentSettings
from ports.work_queue import LEASE_SECONDS

__all__ = ["ChildSettings", "WorkerSettings"]


@frozen(kw_only=True)
class StreamSettings:
    """The queue of visit-detectors."""

    host: str = setting(
        "REDIS_STREAM_HOST", text, "host, or host:port, of Redis; sqlite:///file on one machine"
    )
    stream: str = setting("REDIS_STREAM_NAME", text, "stream of fanned-out visits")
    group: str = setting("REDIS_STREAM_CONSUMER_GROUP", text, "consumer group of the workers")
    create: bool = setting("REDIS_STREAM_CREATE", boolean, "1: create a missing group", default="1")
    lease_seconds: float = setting(
        "LEASE_SECONDS",
        seconds,
        "s after which a silent worker's work is taken over",
        default=f"{LEASE_SECONDS:g}",
    )


@frozen(kw_only=True)
class SasquatchSettings:
    """The upload of measurements."""

    url: str | None = setting(
        "SASQUATCH_URL", http_uri, "Kafka REST proxy that takes measurements; blank: none", default=""
    )
    token: str | None = setting("SASQUATCH_TOKEN", optional, "bearer token for it", default="", secret=True)
    namespace: str = setting(
        "DAF_BUTLER_SASQUATCH_NAMESPACE", text, "first part of the topic", default="lsst.prompt"
    )


@frozen(kw_only=True)
class WorkerSettings:
    """What the parent process of a worker is told."""

    deployment: DeploymentSettings = group(DeploymentSettings)
    stream: StreamSettings = group(StreamSettings)
    redis: RedisSettings = group(RedisSettings)
    ledger: LedgerSettings = group(LedgerSettings)
    kafka: KafkaSettings = group(KafkaSettings)
    writer_kafka: WriterKafkaSettings = group(WriterKafkaSettings)
    metrics: MetricsSettings = group(MetricsSettings)
    sasquatch: SasquatchSettings = group(SasquatchSettings)
    logs: LogSettings = group(LogSettings)
    alerts: AlertSettings = group(AlertSettings)

    local_repos: Path = setting("LOCAL_REPOS", folder, "folder of the local repositories", default="/tmp")  # noqa: S108 - the contract's default
    s3_endpoint: str = setting(
        "S3_ENDPOINT_URL",
        http_uri_or("file"),
        "the image bucket's S3 server; file:///folder on one machine, which has the bucket as a folder",
    )
    bucket: str = setting("IMAGE_BUCKET", text, "bucket of the raw images")
    bucket_topic: str = setting(
        "BUCKET_TOPIC", text, "topic of the bucket's notifications", default="rubin-prompt-processing"
    )
    offset_reset: str = setting(
        "BUCKET_NOTIFICATION_KAFKA_OFFSET_RESET",
        choice("earliest", "latest"),
        "where to begin if the broker cannot find an offset by time",
        default="latest",
    )
    raw_microservice: str | None = setting(
        "RAW_MICROSERVICE",
        http_uri_or("sqlite"),
        "base URI of the raw microservice, ends in /presence; sqlite:///file on one machine",
        default="",
    )
    use_writer: bool = setting(
        "USE_KAFKA_BUTLER_WRITER", boolean, "1: the Butler Writer writes the registry", default="0"
    )
    worker_timeout: float = setting("WORKER_TIMEOUT", seconds, "s that one attempt may take")
    image_timeout: float = setting(
        "IMAGE_TIMEOUT", seconds, "s to wait for images after the visit was due to end", default="20"
    )
    message_expiration: float = setting(
        "MESSAGE_EXPIRATION", seconds, "s after which a visit is dropped", default="3600"
    )
    restart_freq: int = setting(
        "WORKER_RESTART_FREQ", integer, "visits before the worker recycles itself; 0 is never", default="0"
    )
    listen_timeout: float = setting(
        "FANNED_OUT_MSG_LISTEN_TIMEOUT", seconds, "idle s before the worker ends", default="300"
    )
    redis_retry_delay: float = setting(
        "REDIS_RETRY_DELAY", seconds, "s between attempts to reach Redis", default="30"
    )
    repo_retry_delay: float = setting(
        "REPO_RETRY_DELAY", seconds, "s between attempts to reach the central repository", default="30"
    )
    max_attempts: int = setting("MAX_ATTEMPTS", positive, "attempts on one visit-detector", default="3")
    postpone_limit: float = setting(
        "POSTPONE_LIMIT", seconds, "s for which work is postponed while a neighbour is away", default="86400"
    )
    memory_ceiling: int = setting(
        "CHILD_MEMORY_CEILING",
        integer,
        "MiB; a child that keeps more after a visit is replaced; 0 is no ceiling",
        default="0",
    )
    child_idle_timeout: float = setting(
        "CHILD_IDLE_TIMEOUT",
        seconds,
        "s without a visit after which the child is ended, to be started for the next; 0 is never",
        default="0",
    )
    shutdown_grace: float = setting(
        "SHUTDOWN_GRACE", seconds, "s that SIGTERM leaves to the running visit", default="60"
    )
    unknown_count_grace: float = setting(
        "UNKNOWN_NIMAGES_GRACE", seconds, "nimages = 0: s to wait for more snaps after the first", default="2"
    )

    def __attrs_post_init__(self) -> None:
        if self.use_writer and not (self.writer_kafka.servers and self.writer_kafka.topic):
            raise ValueError(
                "BUTLER_WRITER_KAFKA_CLUSTER, BUTLER_WRITER_KAFKA_TOPIC:"
                " are required if USE_KAFKA_BUTLER_WRITER is 1"
            )


@frozen(kw_only=True)
class ChildSettings:
    """What the child of a worker is told; it inherits the worker's environment."""

    deployment: DeploymentSettings = group(DeploymentSettings)
    stream: StreamSettings = group(StreamSettings)
    redis: RedisSettings = group(RedisSettings)
    ledger: LedgerSettings = group(LedgerSettings)
    logs: LogSettings = group(LogSettings)

    read_repo: str | None = setting(
        "READ_CENTRAL_REPO", optional, "central repository to read from; by default CENTRAL_REPO", default=""
    )
    use_writer: bool = setting(
        "USE_KAFKA_BUTLER_WRITER", boolean, "1: the Butler Writer writes the registry", default="0"
    )
    local_repo_config: str | None = setting(
        "LOCAL_REPO_CONFIG",
        optional_resource,
        "Butler configuration of local repositories: a file, or its URI (s3:// and others)",
        default="",
    )
    cache_size: int = setting(
        "LOCAL_REPO_CACHE_SIZE", positive, "datasets of a type that are kept across visits", default="3"
    )
    queried: bool = setting(
        "LOCAL_REPO_REGISTRY",
        boolean,
        "1: a local registry for each visit, and graphs built by queries; slower",
        default="0",
    )
    padding: float = setting(
        "PRELOAD_PADDING", seconds, "arcsec by which footprints are padded", default="30"
    )
    export_types: tuple[re.Pattern[str], ...] = setting(
        "EXPORT_TYPE_REGEXP", patterns, "YAML list of patterns of dataset types to export", default="- .*"
    )
    export_outputs: bool = setting(
        "DEBUG_EXPORT_OUTPUTS", boolean, "0: keep all outputs from the central repository", default="1"
    )
    next_on_refusal: bool = setting(
        "NEXT_PIPELINE_ON_REFUSAL",
        boolean,
        "1: images that a pipeline refuses before its change are the next one's; 0: that is the end",
        default="0",
    )
    export_raws: bool = setting(
        "EXPORT_RAWS", boolean, "1: register raws, where they are, with the outputs made of them", default="0"
    )
    change_tasks: frozenset[str] = setting(
        "CHANGE_TASKS",
        names,
        "task classes that make permanent changes",
        default=" ".join(sorted(CHANGE_TASKS)),
    )
    worker_timeout: float = setting("WORKER_TIMEOUT", seconds, "s that one attempt may take")
    claim_seconds: float | None = setting(
        "CLAIM_SECONDS",
        optional_seconds,
        "s that a claim lasts; 0: as long as the lease; by default 2 x WORKER_TIMEOUT + 120",
        default="",
    )
    iers_cache: str | None = setting(
        "CENTRAL_IERS_CACHE", optional, "zip to import into astropy's download cache", default=""
    )
    repo_retry_delay: float = setting(
        "REPO_RETRY_DELAY", seconds, "s between attempts to reach the central repository", default="30"
    )
