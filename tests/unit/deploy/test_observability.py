"""The dashboard, the alerts and their pages: as committed, and true to what processes expose."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.prometheus.metrics import PrometheusMetrics
from deploy.observability.__main__ import written
from deploy.observability.alerts import ALERTS, RUNBOOK, rules
from deploy.observability.dashboard import dashboard_json
from deploy.observability.queries import Metric, name_of
from domain.work.outcomes import RULES
from domain.work.promptness import Promptness
from ports.metrics import Counter, Duration, Gauge
from ports.work_publisher import Novelty

_ROOT = Path(__file__).parents[3]
_LIST: tuple[Metric, ...] = (*Counter, *Duration, *Gauge)
_GRAFANA = {"$__rate_interval": "2m", "$__range": "12h", "$instrument": "SimCam"}
_VALUES = {
    "promptness": {one.value for one in Promptness},
    "outcome": {rule.name for rule in RULES.values()},
    "novelty": {one.value for one in Novelty},
    "state": {"waiting", "leased", "delayed", "dead"},
}
"""Labels whose values are a closed set."""


def _exposed() -> Mapping[str, frozenset[str]]:
    """List what a process exposes: each sample's labels by its name."""
    metrics = PrometheusMetrics()
    for counter in Counter:
        metrics.count(counter, 1, **dict.fromkeys(counter.labels, "x"))
    for duration in Duration:
        metrics.observe(duration, 1.0, **dict.fromkeys(duration.labels, "x"))
    for gauge in Gauge:
        metrics.set(gauge, 1.0, **dict.fromkeys(gauge.labels, "x"))
    families = text_string_to_metric_families(metrics.text().decode())
    return {sample.name: frozenset(sample.labels) for family in families for sample in family.samples}


def _faults(query: str, exposed: Mapping[str, frozenset[str]]) -> list[str]:
    """Say what a query asks for that no process has."""
    faults: list[str] = []
    known = frozenset[str]().union(*exposed.values())

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            for matcher in node.matchers.matchers:
                if matcher.name not in exposed.get(node.name or "", ()):
                    faults.append(f"{node.name} has no label {matcher.name}")
                values = _VALUES.get(matcher.name)
                if values and "=~" not in str(matcher) and matcher.value not in values:
                    faults.append(f"no {matcher.name} is {matcher.value!r}")
            if node.name not in exposed:
                faults.append(f"there is no metric {node.name}")
        elif isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            faults.extend(
                f"nothing has the label {label}" for label in node.modifier.labels if label not in known
            )

    promql_parser.walk(promql_parser.parse(query), visit)
    return faults


def _panels(dashboard: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", ())


def _dashboard_queries() -> list[str]:
    dashboard = json.loads(dashboard_json())
    queries = [target["expr"] for panel in _panels(dashboard) for target in panel.get("targets", ())]
    for variable, value in _GRAFANA.items():
        queries = [query.replace(variable, value) for query in queries]
    return queries


@pytest.mark.parametrize("path", written(), ids=lambda path: str(path.name))
def test_what_is_committed_is_what_is_generated(path: Path) -> None:
    assert path.read_text() == written()[path], "run python -m deploy.observability"


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_alerts_ask_for_what_processes_expose(alert: Any) -> None:
    assert _faults(alert.expr, _exposed()) == []


def test_the_dashboard_asks_for_what_processes_expose() -> None:
    exposed = _exposed()
    assert [fault for query in _dashboard_queries() for fault in _faults(query, exposed)] == []


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("prompt_processing_outcomes", "there is no metric prompt_processing_outcomes"),
        ('prompt_processing_leases_lost_total{outcome="completed"}', "has no label outcome"),
        ('sum(rate(prompt_processing_outcomes_total{outcome="done"}[5m]))', "no outcome is 'done'"),
        ("sum by (camera) (prompt_processing_leases_lost_total)", "nothing has the label camera"),
    ],
)
def test_other_queries_would_be_found_out(query: str, fault: str) -> None:
    assert fault in " ".join(_faults(query, _exposed()))


@pytest.mark.parametrize("metric", _LIST, ids=lambda metric: metric.key)
def test_every_metric_is_on_the_dashboard(metric: Metric) -> None:
    names = "|".join(re.escape(name_of(metric, part)) for part in ("", "bucket", "sum", "count"))
    assert re.search(rf"\b({names})\b", " ".join(_dashboard_queries()))


def test_panels_do_not_lie_upon_each_other_and_have_names_of_their_own() -> None:
    panels = list(_panels(json.loads(dashboard_json())))
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert {x for x, _ in cells} <= set(range(24))
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)


def test_every_alert_has_its_section_in_the_runbook() -> None:
    sections = re.findall(r"^## (\w+)$", (_ROOT / RUNBOOK).read_text(), re.MULTILINE)
    assert sections == [alert.name for alert in ALERTS]


def test_alerts_lead_to_the_section_of_their_name() -> None:
    (group,) = json.loads(json.dumps(rules()))["groups"]
    for rule in group["rules"]:
        page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert (_ROOT / page).is_file()
        assert anchor == rule["alert"].lower()
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert re.fullmatch(r"\d+m", rule["for"])
