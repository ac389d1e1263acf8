"""Settings that several processes share the meaning of."""

from collections.abc import Mapping

from attrs import frozen

from entrypoints.settings.environment import setting
from entrypoints.settings.parsers import boolean, integer, log_levels, optional, seconds, text

__all__ = ["LedgerSettings", "LogSettings", "MetricsSettings", "RedisSettings"]


@frozen(kw_only=True)
class LogSettings:
    """What is logged."""

    levels: Mapping[str, str] = setting(
        "SERVICE_LOG_LEVELS", log_levels, "`logger=LEVEL` pairs, `.` is the root", default=".=INFO"
    )


@frozen(kw_only=True)
class MetricsSettings:
    """Where Prometheus finds the metrics."""

    host: str = setting("METRICS_HOST", text, "address to serve metrics on", default="127.0.0.1")
    port: int = setting("METRICS_PORT", integer, "port of the metrics; 0 is any free one", default="8000")
    chart: str = setting("CHART_VERSION", text, "version of the chart, for build_info", default="")


@frozen(kw_only=True)
class RedisSettings:
    """How to reach Redis; the variable with its host differs from process to process."""

    password: str | None = setting("REDIS_PASSWORD", optional, "password of Redis", default="", secret=True)
    tls: bool = setting("REDIS_TLS", boolean, "1: TLS to Redis", default="0")
    ca_file: str | None = setting("REDIS_CA_FILE", optional, "CA of Redis' certificate", default="")
    timeout: float = setting("REDIS_TIMEOUT", seconds, "s that Redis may take to answer", default="5")


@frozen(kw_only=True)
class LedgerSettings:
    """Where attempts, outcomes and claims are kept."""

    url: str | None = setting(
        "LEDGER_URL",
        optional,
        "redis://host:port/db, postgresql://user:password@host/database or sqlite:///file;"
        " by default the queue's Redis",
        default="",
    )
