"""Metrics in Prometheus' format."""

from typing import override

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from adapters.prometheus.metrics import PrometheusMetrics
from ports.metrics import Counter, Duration, Gauge
from tests.contract_suites.metrics import MetricsBench, MetricsContract, Observed

_VALUES = st.text(st.characters(codec=None), max_size=20)


def _samples(metrics: PrometheusMetrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


class _Bench(MetricsBench):
    def __init__(self) -> None:
        self.metrics: PrometheusMetrics = PrometheusMetrics()

    @override
    def counted(self, counter: Counter, **labels: str) -> float:
        return self._sample(f"{counter.key}_total", labels) or 0.0

    @override
    def observed(self, duration: Duration, **labels: str) -> Observed:
        number = self._sample(f"{duration.key}_count", labels) or 0.0
        return Observed(int(number), self._sample(f"{duration.key}_sum", labels) or 0.0)

    @override
    def value(self, gauge: Gauge, **labels: str) -> float | None:
        return self._sample(gauge.key, labels)

    def _sample(self, name: str, labels: dict[str, str]) -> float | None:
        return _samples(self.metrics).get((f"prompt_processing_{name}", tuple(sorted(labels.items()))))


class TestPrometheusMetrics(MetricsContract):
    @override
    def bench(self) -> MetricsBench:
        return _Bench()


@given(st.lists(st.floats(0, 2000), min_size=1, max_size=10))
def test_durations_fall_into_buckets(seconds: list[float]) -> None:
    metrics = PrometheusMetrics()
    for each in seconds:
        metrics.observe(Duration.WRITER_BATCH, each)
    samples = _samples(metrics)
    name = "prompt_processing_writer_batch_seconds"
    assert samples[f"{name}_count", ()] == len(seconds)
    for (found, labels), value in samples.items():
        if found == f"{name}_bucket":
            assert value == sum(each <= float(dict(labels)["le"]) for each in seconds)


@given(_VALUES)
def test_any_value_of_a_label_can_be_served(value: str) -> None:
    metrics = PrometheusMetrics()
    metrics.count(Counter.NOTIFICATIONS, kind=value)
    assert 1.0 in _samples(metrics).values()


def test_two_processes_worth_of_metrics_do_not_mix() -> None:
    one, other = PrometheusMetrics(), PrometheusMetrics()
    one.count(Counter.WRITER_DATASETS, 3)
    assert _samples(one)["prompt_processing_writer_datasets_total", ()] == 3
    assert _samples(other)["prompt_processing_writer_datasets_total", ()] == 0


def test_what_the_former_dashboards_plot_is_exposed_beside_ours() -> None:
    metrics = PrometheusMetrics()
    metrics.count(Counter.VISITS_FANNED_OUT, 2, instrument="LSST-TS8", novelty="new")
    metrics.count(Counter.VISITS_FANNED_OUT, instrument="LSST-TS8", novelty="repeated")
    for amount in (1, 1, -1):
        metrics.add(Gauge.WORKERS, amount, instrument="LSSTCam", state="processing")
    metrics.add(Gauge.WORKERS, 1, instrument="LSSTCam", state="running")
    metrics.observe(Duration.ATTEMPT, 2.5, instrument="LSSTCam")
    samples = _samples(metrics)
    assert samples["lsst_ts8_next_visit_messages", ()] == 3
    assert samples["lsstcam_prompt_processing_instances_processing", ()] == 1
    assert samples["lsstcam_prompt_processing_instances_running", ()] == 1
    assert samples["request_processing_seconds_count", ()] == 1
    assert samples["request_processing_seconds_sum", ()] == 2.5
