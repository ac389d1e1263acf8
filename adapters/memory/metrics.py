"""Metrics kept in memory."""

import threading
from collections import Counter as Tally
from collections import defaultdict

from ports.metrics import Counter, Duration, Gauge

__all__ = ["MemoryMetrics"]

type _Labels = tuple[tuple[str, str], ...]


class MemoryMetrics:
    """Keeps every sample."""

    def __init__(self) -> None:
        self._counts: Tally[tuple[Counter, _Labels]] = Tally()
        self._seconds: defaultdict[tuple[Duration, _Labels], list[float]] = defaultdict(list)
        self._values: dict[tuple[Gauge, _Labels], float] = {}
        self._lock = threading.Lock()

    def count(self, counter: Counter, amount: int = 1, **labels: str) -> None:
        """See `ports.metrics.Metrics.count`."""
        key = counter, _checked(counter, labels)
        with self._lock:
            self._counts[key] += amount

    def observe(self, duration: Duration, seconds: float, **labels: str) -> None:
        """See `ports.metrics.Metrics.observe`."""
        key = duration, _checked(duration, labels)
        with self._lock:
            self._seconds[key].append(seconds)

    def set(self, gauge: Gauge, value: float, **labels: str) -> None:
        """See `ports.metrics.Metrics.set`."""
        self._values[gauge, _checked(gauge, labels)] = value

    def add(self, gauge: Gauge, amount: float, **labels: str) -> None:
        """See `ports.metrics.Metrics.add`."""
        key = gauge, _checked(gauge, labels)
        with self._lock:
            self._values[key] = self._values.get(key, 0.0) + amount

    def value(self, gauge: Gauge, **labels: str) -> float | None:
        """Say where a gauge stands; None if nobody has said yet."""
        return self._values.get((gauge, _checked(gauge, labels)))

    def total(self, counter: Counter, **labels: str) -> int:
        """Add up a counter over all samples that have these labels."""
        return sum(
            amount
            for (found, has), amount in self._counts.items()
            if found is counter and labels.items() <= dict(has).items()
        )

    def samples(self, duration: Duration, **labels: str) -> list[float]:
        """List all samples of a distribution that have these labels."""
        return [
            seconds
            for (found, has), samples in self._seconds.items()
            if found is duration and labels.items() <= dict(has).items()
            for seconds in samples
        ]


def _checked(metric: Counter | Duration | Gauge, labels: dict[str, str]) -> _Labels:
    if sorted(labels) != sorted(metric.labels):
        raise ValueError(f"{metric.key} has the labels {metric.labels}, not {tuple(labels)}")
    return tuple(sorted(labels.items()))
