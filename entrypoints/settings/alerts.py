"""Where alerts go: variables that tasks in a worker's child read by themselves, under names of their own."""

from attrs import frozen

from entrypoints.settings.common import LedgerSettings, LogSettings, MetricsSettings, RedisSettings
from entrypoints.settings.environment import group, setting
from entrypoints.settings.parsers import optional, seconds, text

__all__ = ["AlertSettings", "CourierSettings", "OutboxSettings"]


@frozen(kw_only=True)
class AlertSettings:
    """The alert broker, checked before any visit needs it.

    Raises
    ------
    ValueError
        Raised if a server is named without a topic, or the other way round.
    """

    server: str | None = setting("AP_KAFKA_SERVER", optional, "host:port of the alert broker", default="")
    topic: str | None = setting("AP_KAFKA_TOPIC", optional, "topic of alerts", default="")
    username: str = setting("AP_KAFKA_PRODUCER_USERNAME", text, "blank: no authentication", default="")
    password: str = setting(
        "AP_KAFKA_PRODUCER_PASSWORD", text, "password of the user", default="", secret=True
    )
    security_protocol: str = setting(
        "AP_KAFKA_SECURITY_PROTOCOL", text, "as Kafka spells it", default="SASL_PLAINTEXT"
    )
    folder: str | None = setting(
        "AP_ALERT_FOLDER", optional, "URI of a folder for files of alerts, without a broker", default=""
    )

    def __attrs_post_init__(self) -> None:
        if (self.server is None) != (self.topic is None):
            raise ValueError("AP_KAFKA_SERVER and AP_KAFKA_TOPIC must both be set, or neither")


@frozen(kw_only=True)
class OutboxSettings:
    """Where alerts wait."""

    repository: str = setting("CENTRAL_REPO", text, "central repository, in whose datastore the outbox is")


@frozen(kw_only=True)
class CourierSettings:
    """What the courier of alerts is told: a worker's own variables."""

    outbox: OutboxSettings = group(OutboxSettings)
    alerts: AlertSettings = group(AlertSettings)
    redis: RedisSettings = group(RedisSettings)
    ledger: LedgerSettings = group(LedgerSettings)
    metrics: MetricsSettings = group(MetricsSettings)
    logs: LogSettings = group(LogSettings)

    apdb: str = setting("CONFIG_APDB", text, "URI of the APDB's configuration")
    redis_host: str = setting(
        "REDIS_STREAM_HOST", text, "host, or host:port, of Redis; sqlite:///file on one machine"
    )
    worker_timeout: float = setting("WORKER_TIMEOUT", seconds, "s that one attempt may take")
    settling: float = setting(
        "ALERT_SETTLING",
        seconds,
        "s after the end of an attempt from when on its transaction cannot be committed any more;"
        " 0: 2 x WORKER_TIMEOUT + 180",
        default="0",
    )

    def __attrs_post_init__(self) -> None:
        if self.alerts.server is None and self.alerts.folder is None:
            raise ValueError("AP_KAFKA_SERVER, AP_KAFKA_TOPIC: are required, or AP_ALERT_FOLDER is")
