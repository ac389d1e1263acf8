"""What several services are wired with: metrics, probes, the ledger."""

from collections.abc import Callable

from adapters.prometheus.metrics import PrometheusMetrics
from adapters.prometheus.metrics_server import MetricsServer
from adapters.redis.ledger.history_store import RedisHistoryStore
from adapters.sqlite.history_store import SqliteHistoryStore
from entrypoints.containers.addresses import is_sqlite
from entrypoints.settings.common import MetricsSettings, RedisSettings

__all__ = ["make_history_store", "make_metrics_server"]


def make_metrics_server(
    settings: MetricsSettings, metrics: PrometheusMetrics, ready: Callable[[], bool]
) -> MetricsServer:
    """Serve metrics and probes where the settings say."""
    return MetricsServer(metrics, host=settings.host, port=settings.port, ready=ready)


def make_history_store(address: str, redis: RedisSettings) -> RedisHistoryStore | SqliteHistoryStore:
    """Reach what the ledger keeps by the adapter that its address is for."""
    if is_sqlite(address):
        return SqliteHistoryStore(address)
    return RedisHistoryStore(address, timeout=redis.timeout)
