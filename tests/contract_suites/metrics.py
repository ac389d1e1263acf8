"""What every `ports.metrics.Metrics` keeps to."""

import abc
import sys
import threading
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from attrs import frozen
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ports.metrics import Counter, Duration, Gauge, Metrics

__all__ = ["MetricsBench", "MetricsContract", "Observed"]

_INSTRUMENTS = st.sampled_from(["LSSTCam", "HSC"])
_ADDED = st.lists(st.tuples(_INSTRUMENTS, st.integers(0, 10)), max_size=10)
_OBSERVED = st.lists(st.tuples(_INSTRUMENTS, st.floats(0, 2000)), max_size=10)
_SET = st.lists(st.tuples(st.sampled_from(["one", "two"]), st.floats(-1e12, 1e12)), max_size=10)
_THREADS, _TIMES = 4, 5000

# Each adapter runs the suite in a class of its own; an example is the same for all of them.
_IN_EACH_CLASS = settings(suppress_health_check=[HealthCheck.differing_executors])


@frozen
class Observed:
    """A distribution, as far as every store of it knows it."""

    number: int = 0
    total: float = 0.0


class MetricsBench(abc.ABC):
    """Metrics without samples, and a look at them."""

    metrics: Metrics

    @abc.abstractmethod
    def counted(self, counter: Counter, **labels: str) -> float:
        """Read a counter; 0 if it has no such sample."""

    @abc.abstractmethod
    def observed(self, duration: Duration, **labels: str) -> Observed:
        """Read a distribution."""

    @abc.abstractmethod
    def value(self, gauge: Gauge, **labels: str) -> float | None:
        """Read a gauge; None if it has no such sample."""


class MetricsContract(abc.ABC):
    """Tests of `ports.metrics.Metrics`."""

    @abc.abstractmethod
    def bench(self) -> MetricsBench:
        """Make metrics without samples."""

    @_IN_EACH_CLASS
    @given(added=_ADDED)
    def test_counts_add_up_by_label(self, added: list[tuple[str, int]]) -> None:
        bench, expected = self.bench(), Tally[str]()
        for instrument, amount in added:
            bench.metrics.count(Counter.LEASES_LOST, amount, instrument=instrument)
            expected[instrument] += amount
        for instrument in ("LSSTCam", "HSC"):
            assert bench.counted(Counter.LEASES_LOST, instrument=instrument) == expected[instrument]

    def test_a_count_is_of_one_unless_it_says_otherwise(self) -> None:
        bench = self.bench()
        bench.metrics.count(Counter.WRITER_DATASETS)
        bench.metrics.count(Counter.WRITER_DATASETS)
        assert bench.counted(Counter.WRITER_DATASETS) == 2

    @_IN_EACH_CLASS
    @given(observed=_OBSERVED)
    def test_durations_are_kept_by_label(self, observed: list[tuple[str, float]]) -> None:
        bench, expected = self.bench(), defaultdict[str, list[float]](list)
        for instrument, seconds in observed:
            bench.metrics.observe(Duration.ALERT, seconds, instrument=instrument)
            expected[instrument].append(seconds)
        for instrument in ("LSSTCam", "HSC"):
            found = bench.observed(Duration.ALERT, instrument=instrument)
            assert found.number == len(expected[instrument])
            assert found.total == pytest.approx(sum(expected[instrument]))

    @_IN_EACH_CLASS
    @given(values=_SET)
    def test_a_gauge_stands_where_it_was_last_set(self, values: list[tuple[str, float]]) -> None:
        bench = self.bench()
        for queue, value in values:
            bench.metrics.set(Gauge.QUEUE, value, queue=queue, state="waiting")
        for queue in ("one", "two"):
            last = dict(values).get(queue)
            assert bench.value(Gauge.QUEUE, queue=queue, state="waiting") == last
            assert bench.value(Gauge.QUEUE, queue=queue, state="leased") is None

    def test_a_gauge_is_raised_and_lowered(self) -> None:
        bench = self.bench()
        for amount in (1, 1, -1):
            bench.metrics.add(Gauge.WORKERS, amount, instrument="HSC", state="running")
        assert bench.value(Gauge.WORKERS, instrument="HSC", state="running") == 1
        with pytest.raises(ValueError, match="label"):
            bench.metrics.add(Gauge.WORKERS, 1, instrument="HSC")

    def test_the_order_of_labels_does_not_matter(self) -> None:
        bench = self.bench()
        bench.metrics.count(Counter.OUTCOMES, instrument="HSC", outcome="completed")
        bench.metrics.count(Counter.OUTCOMES, outcome="completed", instrument="HSC")
        assert bench.counted(Counter.OUTCOMES, instrument="HSC", outcome="completed") == 2

    @pytest.mark.parametrize("metric", [*Counter, *Duration, *Gauge])
    def test_labels_are_exactly_those_of_the_list(self, metric: Counter | Duration | Gauge) -> None:
        right = dict.fromkeys(metric.labels, "x")
        wrong = [right | {"more": "y"}]
        for name in metric.labels:
            wrong.append({each: "x" for each in metric.labels if each != name})
            wrong.append({each if each != name else "another": "x" for each in metric.labels})
        for labels in wrong:
            with pytest.raises(ValueError, match="label"):
                _sample(self.bench().metrics, metric, labels)
        _sample(self.bench().metrics, metric, right)

    def test_counts_of_several_threads_add_up(self) -> None:
        bench = self.bench()

        def count() -> None:
            for _ in range(_TIMES):
                bench.metrics.count(Counter.NOTIFICATIONS, kind="raw")
                bench.metrics.observe(Duration.FAN_OUT, 1.0)

        threads = [threading.Thread(target=count) for _ in range(_THREADS)]
        with _switching_often():
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert bench.counted(Counter.NOTIFICATIONS, kind="raw") == _THREADS * _TIMES
        assert bench.observed(Duration.FAN_OUT) == Observed(_THREADS * _TIMES, _THREADS * _TIMES)


@contextmanager
def _switching_often() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def _sample(metrics: Metrics, metric: Counter | Duration | Gauge, labels: dict[str, str]) -> None:
    match metric:
        case Counter():
            metrics.count(metric, 1, **labels)
        case Duration():
            metrics.observe(metric, 1.0, **labels)
        case Gauge():
            metrics.set(metric, 1.0, **labels)
