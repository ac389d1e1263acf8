"""The table of metrics, for the page that explains them."""

from typing import Final

from deploy.observability.queries import name_of
from ports.metrics import Counter, Duration, Gauge

__all__ = ["BEGIN", "END", "metrics_table", "with_table"]

BEGIN: Final = "<!-- metrics: written by python -m deploy.observability -->\n"
END: Final = "<!-- end of metrics -->"


def metrics_table() -> str:
    """Write a row for each metric of the closed list."""
    rows = ["| metric | kind | labels | meaning |", "| --- | --- | --- | --- |"]
    for metric in (*Counter, *Duration, *Gauge):
        kind = {Counter: "counter", Duration: "histogram, seconds", Gauge: "gauge"}[type(metric)]
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        rows.append(f"| `{name_of(metric)}` | {kind} | {labels} | {metric.meaning} |")
    return "".join(f"{row}\n" for row in rows)


def with_table(page: str) -> str:
    """Put the table where the page has its place for it."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{metrics_table()}\n{END}{after}"
