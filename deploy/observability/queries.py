"""PromQL over the closed list of metrics, so that no query names one that does not exist."""

from ports.metrics import Counter, Duration, Gauge

__all__ = ["Metric", "grown", "name_of", "quantile", "rate", "selected"]

type Metric = Counter | Duration | Gauge

_PREFIX = "prompt_processing_"


def name_of(metric: Metric, part: str = "") -> str:
    """Name a metric as it is exposed.

    Parameters
    ----------
    metric
        One of the list.
    part
        Of a distribution: ``bucket``, ``sum`` or ``count``.
    """
    suffix = "total" if isinstance(metric, Counter) else part
    return f"{_PREFIX}{metric.key}_{suffix}" if suffix else f"{_PREFIX}{metric.key}"


def selected(metric: Metric, *matchers: str, part: str = "") -> str:
    """Select the series of a metric that match, such as ``kind="raw"``."""
    inside = ",".join(matchers)
    return name_of(metric, part) + (f"{{{inside}}}" if inside else "")


def grown(counter: Counter, window: str, *matchers: str, by: str = "") -> str:
    """Write how much a counter grew, series included that began or ended meanwhile.

    ``increase`` alone does not see a counter's first value, and so would miss
    what happens once in the life of a worker.
    """
    series = selected(counter, *matchers)
    total = f"sum by ({by})" if by else "sum"
    return (
        f"{total} ((increase({series}[{window}]) and {series} offset {window})"
        f" or (last_over_time({series}[{window}]) unless {series} offset {window}))"
    )


def rate(metric: Counter | Duration, *matchers: str, by: str = "", part: str = "") -> str:
    """Write how fast a metric grows, per second, over what a panel's point stands for."""
    total = f"sum by ({by})" if by else "sum"
    return f"{total} (rate({selected(metric, *matchers, part=part)}[$__rate_interval]))"


def quantile(share: float, duration: Duration, *matchers: str, by: str = "") -> str:
    """Write the value that a share of a distribution's samples do not exceed, in seconds."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, {rate(duration, *matchers, by=labels, part='bucket')})"
