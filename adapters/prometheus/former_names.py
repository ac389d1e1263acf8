"""Metrics under the names that the former system's dashboards plot, beside our own."""

import re
import threading

from prometheus_client import CollectorRegistry, Summary
from prometheus_client import Gauge as PrometheusGauge

from ports.metrics import Counter, Duration, Gauge

__all__ = ["FormerNames"]


class FormerNames:
    """Follows what is counted, and exposes it once more (docs/contracts/logs-and-metrics.md).

    The instrument is in the name of a metric there, and not among its labels.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._gauges: dict[str, PrometheusGauge] = {}
        self._lock = threading.Lock()
        self._requests = Summary("request_processing_seconds", Duration.ATTEMPT.meaning, registry=registry)

    def count(self, counter: Counter, amount: int, labels: dict[str, str]) -> None:
        """Follow a counter."""
        if counter is Counter.VISITS_FANNED_OUT:
            self._gauge(labels["instrument"], "next_visit_messages").inc(amount)

    def observe(self, duration: Duration, seconds: float) -> None:
        """Follow a distribution."""
        if duration is Duration.ATTEMPT:
            self._requests.observe(seconds)

    def add(self, gauge: Gauge, amount: float, labels: dict[str, str]) -> None:
        """Follow a gauge."""
        if gauge is Gauge.WORKERS:
            state = labels["state"]
            self._gauge(labels["instrument"], f"prompt_processing_instances_{state}").inc(amount)

    def _gauge(self, instrument: str, name: str) -> PrometheusGauge:
        full = re.sub(r"\W", "_", f"{instrument.lower()}_{name}", flags=re.ASCII)
        with self._lock:
            if full not in self._gauges:
                meaning = f"Of {instrument}, as the former system counts"
                self._gauges[full] = PrometheusGauge(full, meaning, registry=self._registry)
            return self._gauges[full]
