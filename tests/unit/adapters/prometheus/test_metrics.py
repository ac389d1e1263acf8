"""Metrics in Prometheus' format."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from adapters.memory.metrics import MemoryMetrics
from adapters.prometheus.metrics import PrometheusMetrics
from ports.metrics import Counter, Duration, Gauge

_VALUES = st.text(st.characters(codec=None), max_size=20)


def _samples(metrics: PrometheusMetrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


@given(st.lists(st.tuples(st.sampled_from(["LSSTCam", "HSC"]), st.integers(0, 10)), max_size=10))
def test_counts_add_up_by_label(counts: list[tuple[str, int]]) -> None:
    metrics, memory = PrometheusMetrics(), MemoryMetrics()
    for instrument, amount in counts:
        metrics.count(Counter.LEASES_LOST, amount, instrument=instrument)
        memory.count(Counter.LEASES_LOST, amount, instrument=instrument)
    samples = _samples(metrics)
    for instrument, _ in counts:
        name = "prompt_processing_leases_lost_total"
        assert samples[name, (("instrument", instrument),)] == memory.total(
            Counter.LEASES_LOST, instrument=instrument
        )


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


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=5))
def test_a_gauge_stands_where_it_was_last_set(values: list[float]) -> None:
    metrics, memory = PrometheusMetrics(), MemoryMetrics()
    for value in values:
        metrics.set(Gauge.QUEUE, value, queue="one", state="waiting")
        memory.set(Gauge.QUEUE, value, queue="one", state="waiting")
    labels = (("queue", "one"), ("state", "waiting"))
    assert _samples(metrics)["prompt_processing_queue_entries", labels] == values[-1]
    assert memory.value(Gauge.QUEUE, queue="one", state="waiting") == values[-1]
    assert memory.value(Gauge.QUEUE, queue="other", state="waiting") is None


@given(_VALUES)
def test_any_value_of_a_label_can_be_served(value: str) -> None:
    metrics = PrometheusMetrics()
    metrics.count(Counter.NOTIFICATIONS, kind=value)
    assert 1.0 in _samples(metrics).values()


@pytest.mark.parametrize("labels", [{}, {"instrument": "x", "more": "y"}, {"other": "x"}])
def test_wrong_labels_are_refused(labels: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="label"):
        PrometheusMetrics().count(Counter.LEASES_LOST, 1, **labels)


def test_labels_are_refused_where_there_are_none() -> None:
    with pytest.raises(ValueError, match="label"):
        PrometheusMetrics().observe(Duration.FAN_OUT, 1.0, instrument="x")


def test_two_processes_worth_of_metrics_do_not_mix() -> None:
    one, other = PrometheusMetrics(), PrometheusMetrics()
    one.count(Counter.WRITER_DATASETS, 3)
    assert _samples(one)["prompt_processing_writer_datasets_total", ()] == 3
    assert _samples(other)["prompt_processing_writer_datasets_total", ()] == 0
