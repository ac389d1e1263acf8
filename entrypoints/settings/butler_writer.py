"""Settings of the Butler Writer (docs/contracts/environment.md)."""

from attrs import frozen

from domain.runs import OUTPUT_RUNS
from entrypoints.settings.common import LogSettings, MetricsSettings
from entrypoints.settings.environment import group, setting
from entrypoints.settings.kafka import GROUP_PROTOCOL, TLS_VERIFY, group_protocol, tls_verify
from entrypoints.settings.parsers import (
    boolean,
    debug_contexts,
    folder_uri,
    log_level,
    names,
    pattern,
    positive,
    seconds,
    text,
)

__all__ = ["ButlerWriterSettings"]


@frozen(kw_only=True)
class ButlerWriterSettings:
    """What the Butler Writer is told."""

    metrics: MetricsSettings = group(MetricsSettings)
    logs: LogSettings = group(LogSettings)

    repository: str = setting("BUTLER_REPOSITORY", text, "shared Butler repository")
    servers: str = setting("KAFKA_CLUSTER", text, "host:port of Kafka")
    topic: str = setting("KAFKA_TOPIC", text, "topic of workers' messages")
    output_topic: str = setting("KAFKA_OUTPUT_TOPIC", text, "topic for word of finished batches")
    dead_letter_topic: str = setting(
        "KAFKA_DEAD_LETTER_TOPIC",
        text,
        "topic for messages that can never be applied",
        default="butler-writer-dead",
    )
    batch_folder: str = setting(
        "OUTPUT_DATASET_LIST_DIRECTORY",
        folder_uri,
        "folder, or URI of one, for lists of the datasets of a batch",
    )
    username: str = setting("KAFKA_USERNAME", text, "blank: no authentication", default="")
    password: str = setting("KAFKA_PASSWORD", text, "password of the user", default="", secret=True)
    ca_file: str = setting("KAFKA_CA_FILE", text, "CA of the brokers' certificates", default="")
    tls_verify: str = setting("KAFKA_TLS_VERIFY", tls_verify, TLS_VERIFY, default="full")
    fetch_wait: float = setting(
        "KAFKA_FETCH_WAIT", seconds, "s a broker may hold back an empty answer", default="0.1"
    )
    session_timeout: float = setting(
        "KAFKA_SESSION_TIMEOUT",
        seconds,
        "s after which a stand-by takes over from a silent writer",
        default="10",
    )
    group_protocol: str = setting("KAFKA_GROUP_PROTOCOL", group_protocol, GROUP_PROTOCOL, default="classic")
    create_topics: bool = setting(
        "KAFKA_CREATE_TOPICS",
        boolean,
        "1: make missing topics, one partition and two weeks each; 0: they are an error",
        default="0",
    )
    kafka_debug: str = setting(
        "KAFKA_DEBUG",
        debug_contexts,
        "librdkafka's debug contexts, or 1 for all; they are logged",
        default="0",
    )
    level: str | None = setting(
        "WRITER_DEBUG_LEVEL",
        log_level,
        "level of the root logger, whatever SERVICE_LOG_LEVELS says",
        default="",
    )
    transactional: bool = setting(
        "KAFKA_TRANSACTIONS", boolean, "0: the broker has no transactions (librdkafka's mock)", default="1"
    )
    batch_size: int = setting("BATCH_SIZE", positive, "messages in a batch at most", default="500")
    batch_age: float = setting("BATCH_AGE", seconds, "s for which a message waits for others", default="0.02")
    quick: bool = setting(
        "QUICK_REGISTRATION",
        boolean,
        "1: use what is not public of the Butler, where it is known; 0: its public interface alone",
        default="1",
    )
    raw_roots: frozenset[str] = setting(
        "RAW_ROOTS",
        names,
        "URIs below which messages may name raws where they are (EXPORT_RAWS); blank: nowhere",
        default="",
    )
    runs: str = setting(
        "RUN_PATTERN",
        pattern,
        "regular expression that the whole name of any run matches to which messages add datasets",
        default=OUTPUT_RUNS,
    )
    formatter_packages: frozenset[str] = setting(
        "FORMATTER_PACKAGES",
        names,
        "packages of which messages may name formatters",
        default="lsst,prompt_pipelines",
    )
    retry_delay: float = setting(
        "REPO_RETRY_DELAY", seconds, "s between attempts to reach the repository", default="5"
    )
