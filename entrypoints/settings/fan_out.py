"""Settings of Next Visit Fan Out (docs/contracts/environment.md)."""

from pathlib import Path

from attrs import frozen

from entrypoints.settings.common import LedgerSettings, LogSettings, MetricsSettings, RedisSettings
from entrypoints.settings.environment import group, setting
from entrypoints.settings.kafka import KafkaSettings
from entrypoints.settings.parsers import (
    boolean,
    choice,
    existing_file,
    http_uri,
    names,
    optional,
    optional_folder,
    seconds,
    text,
)
from ports.work_queue import CONSUMER_GONE_SECONDS, LEASE_SECONDS

__all__ = ["FanOutSettings"]


@frozen(kw_only=True)
class FanOutSettings:
    """What the fan-out is told."""

    kafka: KafkaSettings = group(KafkaSettings)
    redis: RedisSettings = group(RedisSettings)
    ledger: LedgerSettings = group(LedgerSettings)
    metrics: MetricsSettings = group(MetricsSettings)
    logs: LogSettings = group(LogSettings)

    registry: str = setting("KAFKA_SCHEMA_REGISTRY_URL", http_uri, "schema registry")
    registry_ca_file: str | None = setting(
        "KAFKA_SCHEMA_REGISTRY_CA_FILE", optional, "CA of the registry's certificate", default=""
    )
    schema_cache: Path | None = setting(
        "SCHEMA_CACHE", optional_folder, "folder that keeps schemas for when the registry is away", default=""
    )
    consumer_group: str = setting("CONSUMER_GROUP", text, "Kafka consumer group")
    topic: str = setting("NEXT_VISIT_TOPIC", text, "topic of nextVisit")
    canceled_topic: str = setting(
        "NEXT_VISIT_CANCELED_TOPIC", text, "topic of nextVisitCanceled; none: nobody listens", default=""
    )
    offset: str = setting(
        "OFFSET", choice("earliest", "latest"), "where a new group begins", default="latest"
    )
    message_expiration: float = setting("MESSAGE_EXPIRATION", seconds, "s after which a visit is dropped")
    postpone_limit: float = setting(
        "POSTPONE_LIMIT",
        seconds,
        "as the workers' own: s that announcements are read back, if they do not expire before",
        default="86400",
    )
    instruments: frozenset[str] = setting(
        "SUPPORTED_INSTRUMENTS", names, "instruments to serve, separated by blanks or commas"
    )
    config_file: Path = setting("INSTRUMENT_CONFIG_FILE", existing_file, "YAML: streams and active detectors")
    redis_host: str = setting("REDIS_HOST", text, "host, or host:port, of Redis")
    workers_group: str = setting(
        "REDIS_STREAM_CONSUMER_GROUP",
        text,
        "the workers' consumer group on the streams; {instrument} in it is the instrument in lower case",
        default="workers",
    )
    lease_seconds: float = setting(
        "LEASE_SECONDS",
        seconds,
        "as the workers' own: s after which a silent one's work is put back",
        default=f"{LEASE_SECONDS:g}",
    )
    gone_seconds: float = setting(
        "CONSUMER_GONE_SECONDS",
        seconds,
        "s after which a silent worker that holds nothing is no consumer any more",
        default=f"{CONSUMER_GONE_SECONDS:g}",
    )
    retry_delay: float = setting(
        "REDIS_RETRY_INITIAL_DELAY",
        seconds,
        "s after which what failed is tried again, doubled each time",
        default="1",
    )
    longest_retry_delay: float = setting(
        "REDIS_RETRY_DELAY_CAP", seconds, "s between attempts at most", default="5"
    )
    debug: bool = setting("DEBUG_LOGS", boolean, "1: log debug messages", default="0")
