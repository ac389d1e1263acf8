"""Settings of the raw microservice (docs/contracts/environment.md)."""

from attrs import frozen

from entrypoints.settings.common import LogSettings, MetricsSettings, RedisSettings
from entrypoints.settings.environment import group, setting
from entrypoints.settings.kafka import NO_BROKER, KafkaSettings
from entrypoints.settings.parsers import boolean, choice, http_uri, integer, names, seconds, text

__all__ = ["RawPresenceSettings"]

_LSST = "LATISS LSSTComCam LSSTComCamSim LSSTCam LSST-TS8"


def _refused(value: str) -> bool:
    if boolean(value):
        raise ValueError("is refused: an image that was asked for once would be denied to a retry")
    return False


def _http_uri_or_none(value: str) -> str:
    return http_uri(value) or ""


@frozen(kw_only=True)
class _PresenceKafkaSettings(KafkaSettings):
    servers: str = setting(
        "KAFKA_CLUSTER",
        text,
        "host:port of Kafka; none: another process fills the index, and this one only answers",
        default=NO_BROKER,
    )


@frozen(kw_only=True)
class RawPresenceSettings:
    """What the raw microservice is told."""

    kafka: _PresenceKafkaSettings = group(_PresenceKafkaSettings)
    redis: RedisSettings = group(RedisSettings)
    metrics: MetricsSettings = group(MetricsSettings)
    logs: LogSettings = group(LogSettings)

    redis_host: str = setting("REDIS_HOST", text, "host, or host:port, of Redis")
    lifetime: float = setting("GROUP_LIFETIME", seconds, "s that an image is remembered", default="86400")
    delete_seen: bool = setting("DELETE_SEEN", _refused, "refused if 1", default="0")
    instruments: frozenset[str] = setting(
        "SUPPORTED_INSTRUMENTS", names, "instruments whose raws are indexed", default=_LSST
    )
    camera_files: frozenset[str] = setting(
        "CAMERA_FILES", names, "camera files beside the shipped ones", default=""
    )
    s3_endpoint: str = setting(
        "S3_ENDPOINT_URL",
        _http_uri_or_none,
        "the image bucket's S3 server; required with KAFKA_CLUSTER",
        default="",
    )
    bucket: str = setting(
        "IMAGE_BUCKET", text, "bucket of the raw images; required with KAFKA_CLUSTER", default=""
    )
    bucket_topic: str = setting(
        "BUCKET_TOPIC", text, "topic of the bucket's notifications", default="rubin-prompt-processing"
    )
    consumer_group: str = setting("CONSUMER_GROUP", text, "Kafka consumer group", default="raw-presence")
    offset: str = setting(
        "OFFSET", choice("earliest", "latest"), "where a new group begins", default="latest"
    )
    catch_up_after: float = setting(
        "CATCH_UP_AFTER", seconds, "s without a notification until the bucket is listed", default="60"
    )
    host: str = setting("HOST", text, "address to serve on", default="127.0.0.1")
    port: int = setting(
        "PORT",
        integer,
        "port to serve on; 0 is any free one; as METRICS_PORT: metrics and probes are on it too",
        default="8080",
    )
    retry_delay: float = setting("RETRY_DELAY", seconds, "s between attempts to reach Redis", default="1")

    def __attrs_post_init__(self) -> None:
        if self.indexes and not (self.s3_endpoint and self.bucket):
            raise ValueError("S3_ENDPOINT_URL, IMAGE_BUCKET: are required with KAFKA_CLUSTER")

    @property
    def indexes(self) -> bool:
        """Whether this process fills the index, and does not only answer from it."""
        return self.kafka.servers != NO_BROKER

    @property
    def one_port(self) -> bool:
        """Whether the port that answers questions has metrics and probes to itself."""
        return self.port != 0 and self.port == self.metrics.port
