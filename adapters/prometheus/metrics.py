"""Metrics as Prometheus reads them."""

from typing import Final

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client import Counter as PrometheusCounter
from prometheus_client import Gauge as PrometheusGauge
from prometheus_client.metrics import MetricWrapperBase

from adapters.prometheus.former_names import FormerNames
from ports.metrics import Counter, Duration, Gauge

__all__ = ["PrometheusMetrics"]

_PREFIX: Final = "prompt_processing_"
_BUCKETS: Final = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 7.0, 10.0, 15.0, 20.0, 35.0, 50.0, 60.0, 90.0,
    120.0, 180.0, 300.0, 600.0, 900.0,
)  # fmt: skip
"""Seconds; denser where the minute's budget has its limits, up to a worker's time-out."""


type _Labels = tuple[tuple[str, str], ...]


class PrometheusMetrics:
    """`ports.metrics.Metrics` in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._counters = {
            counter: PrometheusCounter(
                _PREFIX + counter.key, counter.meaning, counter.labels, registry=self._registry
            )
            for counter in Counter
        }
        self._histograms = {
            duration: Histogram(
                _PREFIX + duration.key,
                duration.meaning,
                duration.labels,
                registry=self._registry,
                buckets=_BUCKETS,
            )
            for duration in Duration
        }
        self._gauges = {
            gauge: PrometheusGauge(_PREFIX + gauge.key, gauge.meaning, gauge.labels, registry=self._registry)
            for gauge in Gauge
        }

        self._former = FormerNames(self._registry)

        # The client's own way to a child takes as long as all else that a request costs.
        self._counted: dict[tuple[Counter, _Labels], PrometheusCounter] = {}
        self._observed: dict[tuple[Duration, _Labels], Histogram] = {}

    def count(self, counter: Counter, amount: int = 1, **labels: str) -> None:
        """See `ports.metrics.Metrics.count`."""
        key = counter, tuple(labels.items())
        child = self._counted.get(key)
        if child is None:
            child = self._counted[key] = _labelled(self._counters[counter], counter.labels, labels)
        child.inc(amount)
        self._former.count(counter, amount, labels)

    def observe(self, duration: Duration, seconds: float, **labels: str) -> None:
        """See `ports.metrics.Metrics.observe`."""
        key = duration, tuple(labels.items())
        child = self._observed.get(key)
        if child is None:
            child = self._observed[key] = _labelled(self._histograms[duration], duration.labels, labels)
        child.observe(seconds)
        self._former.observe(duration, seconds)

    def set(self, gauge: Gauge, value: float, **labels: str) -> None:
        """See `ports.metrics.Metrics.set`."""
        _labelled(self._gauges[gauge], gauge.labels, labels).set(value)

    def add(self, gauge: Gauge, amount: float, **labels: str) -> None:
        """See `ports.metrics.Metrics.add`."""
        _labelled(self._gauges[gauge], gauge.labels, labels).inc(amount)
        self._former.add(gauge, amount, labels)

    def text(self) -> bytes:
        """Write all samples in Prometheus' text format, version 0.0.4."""
        return generate_latest(self._registry)


def _labelled[T: MetricWrapperBase](metric: T, names: tuple[str, ...], labels: dict[str, str]) -> T:
    if not names and not labels:
        return metric
    # Samples with a label that UTF-8 cannot express could not be served.
    return metric.labels(
        **{name: value.encode("utf-8", "replace").decode() for name, value in labels.items()}
    )
