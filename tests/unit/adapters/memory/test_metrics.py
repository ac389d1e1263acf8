from typing import override

from adapters.memory.metrics import MemoryMetrics
from ports.metrics import Counter, Duration, Gauge
from tests.contract_suites.metrics import MetricsBench, MetricsContract, Observed


class _Bench(MetricsBench):
    def __init__(self) -> None:
        self.metrics: MemoryMetrics = MemoryMetrics()

    @override
    def counted(self, counter: Counter, **labels: str) -> float:
        return self.metrics.total(counter, **labels)

    @override
    def observed(self, duration: Duration, **labels: str) -> Observed:
        samples = self.metrics.samples(duration, **labels)
        return Observed(len(samples), sum(samples))

    @override
    def value(self, gauge: Gauge, **labels: str) -> float | None:
        return self.metrics.value(gauge, **labels)


class TestMemoryMetrics(MetricsContract):
    @override
    def bench(self) -> MetricsBench:
        return _Bench()


def test_totals_are_over_all_samples_with_the_labels() -> None:
    metrics = MemoryMetrics()
    metrics.count(Counter.OUTCOMES, instrument="A", outcome="completed")
    metrics.count(Counter.OUTCOMES, 2, instrument="B", outcome="completed")
    metrics.count(Counter.OUTCOMES, instrument="B", outcome="ignored")
    assert metrics.total(Counter.OUTCOMES) == 4
    assert metrics.total(Counter.OUTCOMES, instrument="B") == 3
    assert metrics.total(Counter.OUTCOMES, instrument="B", outcome="completed") == 2
    assert metrics.total(Counter.LEASES_LOST) == 0


def test_samples_are_found_by_some_of_their_labels() -> None:
    metrics = MemoryMetrics()
    metrics.observe(Duration.STAGE, 1.5, instrument="A", stage="wait")
    metrics.observe(Duration.STAGE, 2.5, instrument="A", stage="ingest")
    assert metrics.samples(Duration.STAGE, stage="wait") == [1.5]
