"""What several services are wired with: metrics, probes, the ledger."""

import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from adapters.folder.image_store import FolderImageStore
from adapters.prometheus.metrics import PrometheusMetrics
from adapters.prometheus.metrics_server import MetricsServer
from adapters.redis.ledger.history_store import RedisHistoryStore
from adapters.s3.image_store import S3ImageStore
from entrypoints.containers.parts.addresses import is_sql, s3_connection
from entrypoints.settings.common import MetricsSettings, RedisSettings
from ports.metrics import Gauge, Metrics

if TYPE_CHECKING:
    from adapters.sql.history_store import SqlHistoryStore

__all__ = ["make_history_store", "make_image_store", "make_metrics_server", "tell_build"]


def make_metrics_server(
    settings: MetricsSettings, metrics: PrometheusMetrics, ready: Callable[[], bool], *, build: bool = True
) -> MetricsServer:
    """Serve metrics and probes where the settings say, and by default tell what runs."""
    if build:
        tell_build(settings, metrics)
    return MetricsServer(metrics, host=settings.host, port=settings.port, ready=ready)


def tell_build(settings: MetricsSettings, metrics: Metrics, deployment: str = "") -> None:
    """Say what runs as a metric; with the deployment id, where one is known."""
    version = importlib.metadata.version("prompt-processing")
    metrics.set(Gauge.BUILD, 1, version=version, deployment=deployment, chart=settings.chart)


def make_history_store(address: str, redis: RedisSettings) -> "RedisHistoryStore | SqlHistoryStore":
    """Reach what the ledger keeps by the adapter that its address is for."""
    if is_sql(address):
        # What speaks SQL takes 12 MiB, which workers with a ledger on Redis never need.
        from adapters.sql.history_store import SqlHistoryStore  # noqa: PLC0415 - for want of memory

        return SqlHistoryStore(address)
    return RedisHistoryStore(address, timeout=redis.timeout)


def make_image_store(endpoint: str, bucket: str, *, threads: int = 4) -> S3ImageStore | FolderImageStore:
    """Reach the image bucket by the adapter that its address is for.

    Parameters
    ----------
    endpoint, bucket
        S3_ENDPOINT_URL and IMAGE_BUCKET.
    threads
        Requests at once.
    """
    parts = urlsplit(endpoint)
    if parts.scheme == "file":
        return FolderImageStore(Path(unquote(parts.path)) / bucket, threads=threads)
    return S3ImageStore(bucket=bucket, connection=s3_connection(endpoint), threads=threads)
