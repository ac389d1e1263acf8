import pytest

from adapters.memory.metrics import MemoryMetrics
from ports.metrics import Counter, Duration


def test_totals_are_over_all_samples_with_the_labels() -> None:
    metrics = MemoryMetrics()
    metrics.count(Counter.OUTCOMES, instrument="A", outcome="completed")
    metrics.count(Counter.OUTCOMES, 2, instrument="B", outcome="completed")
    metrics.count(Counter.OUTCOMES, instrument="B", outcome="ignored")
    assert metrics.total(Counter.OUTCOMES) == 4
    assert metrics.total(Counter.OUTCOMES, instrument="B") == 3
    assert metrics.total(Counter.OUTCOMES, instrument="B", outcome="completed") == 2
    assert metrics.total(Counter.LEASES_LOST) == 0


def test_samples_are_kept() -> None:
    metrics = MemoryMetrics()
    metrics.observe(Duration.STAGE, 1.5, instrument="A", stage="wait")
    metrics.observe(Duration.STAGE, 2.5, instrument="A", stage="ingest")
    assert metrics.samples(Duration.STAGE, stage="wait") == [1.5]


@pytest.mark.parametrize(
    "labels", [{}, {"instrument": "A"}, {"instrument": "A", "outcome": "x", "more": "y"}]
)
def test_labels_are_exactly_those_of_the_list(labels: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="outcome"):
        MemoryMetrics().count(Counter.OUTCOMES, 1, **labels)
