"""The dashboard: the night against its goals, the minute against its budget, and every metric."""

import string
from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.builders import bargauge, stat, timeseries
from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common, dashboard

from deploy.observability.queries import Metric, grown, name_of, quantile, rate, selected
from domain.work.budget import QUEUE
from domain.work.promptness import BUDGET, GOALS, MINUTE, Goal, Promptness
from domain.work.quality import MEASURES
from ports.metrics import Counter, Duration, Gauge

__all__ = ["dashboard_json"]

_SOURCE: Final = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")
_OURS: Final = 'instrument=~"$instrument"'
_CHANGES: Final = "process.task (associate|diaPipe).*"
"""The stages of tasks that change the APDB and send alerts, by the labels that they have in pipelines."""
_PARTS: Mapping[str, tuple[tuple[str, ...], float]] = {
    QUEUE: (('stage="queue"',), 0.0),
    "transfer": (('stage="transfer"',), BUDGET["transfer"]),
    "ingest and graph": (('stage=~"ingest|process.graph"',), BUDGET["ingest and graph"]),
    "ISR to DiaSources": (
        ('stage=~"process.task .*"', f'stage!~"{_CHANGES}"'),
        BUDGET["ISR to DiaSources"],
    ),
    "APDB and alerts": ((f'stage=~"{_CHANGES}"',), BUDGET["APDB"] + BUDGET["alerts"]),
}
"""Which stages are which part of the budget; one task does both the APDB and the alerts."""


def dashboard_json() -> str:
    """Write the dashboard as Grafana imports it."""
    board = (
        builders.Dashboard("Prompt Processing")
        .uid("prompt-processing")
        .tags(["prompt-processing"])
        .time("now-12h", "now")
        .refresh("30s")
        .timezone("utc")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .with_variable(builders.DatasourceVariable("datasource").type("prometheus"))
        .with_variable(_instruments())
    )
    board = board.with_row(builders.Row("Against the goals"))
    for promptness in Promptness:
        board = board.with_panel(_share(promptness))
    board = board.with_panel(_fared()).with_panel(_since_shutter())
    board = board.with_row(builders.Row("Against the budget")).with_panel(_budget())
    for part in _PARTS:
        board = board.with_panel(_part(part))
    board = board.with_panel(_writer_lag())
    board = board.with_row(builders.Row("Quality of the images"))
    for measure in MEASURES:
        board = board.with_panel(_quality(measure))
    board = board.with_row(builders.Row("Every metric"))
    for metric in (*Counter, *Duration, *Gauge):
        board = board.with_panel(_metric(metric))
    built = board.build()
    for number, panel in enumerate(built.panels or (), start=1):
        panel.id_val = number
    return JSONEncoder(sort_keys=True, indent=2).encode(built) + "\n"


def _instruments() -> builders.QueryVariable:
    return (
        builders.QueryVariable("instrument")
        .datasource(_SOURCE)
        .query(f"label_values({name_of(Counter.OUTCOMES)}, instrument)")
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .all_value(".*")
    )


def _targets(queries: Mapping[str, str]) -> list[Dataquery]:
    """Make a panel's queries from their legends."""
    return [
        Dataquery().expr(expr).legend_format(legend).ref_id(letter)
        for letter, (legend, expr) in zip(string.ascii_uppercase, queries.items(), strict=False)
    ]


def _graph(title: str, meaning: str, queries: Mapping[str, str]) -> timeseries.Panel:
    panel = timeseries.Panel().title(title).description(meaning).datasource(_SOURCE).span(8).height(7).min(0)
    for target in _targets(queries):
        panel = panel.with_target(target)
    return panel


def _limit(panel: timeseries.Panel, seconds: float) -> timeseries.Panel:
    """Draw a line where the time allowed ends."""
    line = common_builders.GraphThresholdsStyleConfig().mode(common.GraphTresholdsStyleMode.DASHED)
    return panel.unit("s").thresholds(_steps(seconds)).thresholds_style(line)


def _steps(limit: float, below: str = "green", above: str = "red") -> builders.ThresholdsConfig:
    return (
        builders.ThresholdsConfig()
        .mode(dashboard.ThresholdsMode.ABSOLUTE)
        .steps([dashboard.Threshold(color=below), dashboard.Threshold(value=limit, color=above)])
    )


def _share(promptness: Promptness) -> stat.Panel:
    """Show the share of visit-detectors of the time range that fared so."""
    goal: Goal = GOALS[promptness]
    some = grown(Counter.VISIT_DETECTORS, "$__range", _OURS, f'promptness="{promptness.value}"')
    whole = grown(Counter.VISIT_DETECTORS, "$__range", _OURS)
    (target,) = _targets({promptness.value: f"({some} or vector(0)) / {whole}"})
    steps = _steps(goal.share, "red", "green") if goal.is_floor else _steps(goal.share)
    return (
        stat.Panel()
        .title(f"{promptness.value.capitalize()} (goal: {'≥' if goal.is_floor else '≤'} {goal.share:.1%})")
        .description("Of the visit-detectors in the time range whose images came")
        .datasource(_SOURCE)
        .span(4)
        .height(7)
        .unit("percentunit")
        .decimals(2)
        .thresholds(steps)
        .with_target(target.instant())
    )


def _fared() -> timeseries.Panel:
    expr = rate(Counter.VISIT_DETECTORS, _OURS, by="promptness")
    return _graph("Visit-detectors", Counter.VISIT_DETECTORS.meaning, {"{{promptness}}": expr}).span(6)


def _since_shutter() -> timeseries.Panel:
    queries = {f"{share:.0%}": quantile(share, Duration.ALERT, _OURS) for share in (0.5, 0.9, 0.98)}
    return _limit(_graph("From shutter to alerts", Duration.ALERT.meaning, queries), MINUTE).span(6)


def _mean(part: str) -> str:
    """Write the seconds that one completed visit-detector spent in a part, on the average."""
    matchers, _ = _PARTS[part]
    spent = rate(Duration.STAGE, _OURS, *matchers, part="sum")
    return f"{spent} / {rate(Duration.ALERT, _OURS, part='count')}"


def _budget() -> bargauge.Panel:
    panel = (
        bargauge.Panel()
        .title("Means, with what the budget allows")
        .description("Seconds of one visit-detector; they add up to the minute, of which the rest is slack")
        .datasource(_SOURCE)
        .span(8)
        .height(14)
        .unit("s")
        .min(0)
        .max(MINUTE)
        .orientation(common.VizOrientation.HORIZONTAL)
        .thresholds(_steps(MINUTE))
    )
    queries = {f"{part} ({allowed:g} s)": _mean(part) for part, (_, allowed) in _PARTS.items()}
    whole = f"{rate(Duration.ALERT, _OURS, part='sum')} / {rate(Duration.ALERT, _OURS, part='count')}"
    for target in _targets({**queries, f"from shutter to alerts ({MINUTE:g} s)": whole}):
        panel = panel.with_target(target.instant())
    return panel


def _part(part: str) -> timeseries.Panel:
    matchers, allowed = _PARTS[part]
    stages = quantile(0.98, Duration.STAGE, _OURS, *matchers, by="stage")
    queries = {"mean of all": _mean(part), "98% of {{stage}}": stages}
    return _limit(_graph(part, f"The budget allows {allowed:g} s", queries), allowed)


def _writer_lag() -> timeseries.Panel:
    age = f"max(time() - ({name_of(Gauge.WRITER_OLDEST)} > 0)) or vector(0)"
    return _graph("Writer's lag", "Age of the message that the writer is at", {"lag": age}).unit("s")


def _quality(measure: str) -> timeseries.Panel:
    expr = f"avg by (instrument) ({selected(Gauge.QUALITY, _OURS, f'measure="{measure}"')})"
    return _graph(MEASURES[measure], "Mean over what the workers did last", {"{{instrument}}": expr})


def _metric(metric: Metric) -> timeseries.Panel:
    """Show one metric by its labels, whatever it is."""
    matchers = (_OURS,) if "instrument" in metric.labels else ()
    by = ", ".join(metric.labels)
    legend = " ".join(f"{{{{{label}}}}}" for label in metric.labels) or metric.key
    match metric:
        case Counter():
            return _graph(metric.key, metric.meaning, {legend: rate(metric, *matchers, by=by)})
        case Duration():
            queries = {
                f"{legend} {share:.0%}": quantile(share, metric, *matchers, by=by) for share in (0.5, 0.98)
            }
            return _graph(metric.key, metric.meaning, queries).unit("s")
        case Gauge():
            largest = f"max by ({by})" if by else "max"
            return _graph(metric.key, metric.meaning, {legend: f"{largest} ({selected(metric, *matchers)})"})
