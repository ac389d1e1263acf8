"""When somebody is to be told, in the form that Prometheus reads."""

from collections.abc import Mapping, Sequence
from typing import Final

from attrs import frozen

from deploy.observability.queries import grown, name_of, selected
from domain.work.promptness import GOALS, Promptness
from ports.metrics import Counter, Gauge

__all__ = ["ALERTS", "RUNBOOK", "Alert", "rules"]

RUNBOOK: Final = "docs/runbook.md"
_WRITER_LAG: Final = 60  # Seconds.
_FEW: Final = 2
"""Visit-detectors, that are no share of anything yet."""


@frozen(kw_only=True)
class Alert:
    """One rule; its section in the runbook has its name."""

    name: str
    severity: str
    """``critical``: alerts of this night are being lost; ``warning``: they may be."""
    expr: str
    lasting: str
    """How long it must be so."""
    summary: str


def _share_exceeded(promptness: Promptness) -> str:
    """Ask for the instruments with a larger share of the last hour than its goal allows."""
    some = grown(Counter.VISIT_DETECTORS, "1h", f'promptness="{promptness.value}"', by="instrument")
    whole = grown(Counter.VISIT_DETECTORS, "1h", by="instrument")
    return f"{some} / {whole} > {GOALS[promptness].share} and {some} > {_FEW}"


_QUEUE = name_of(Gauge.QUEUE)
_WAITING, _DEAD = selected(Gauge.QUEUE, 'state="waiting"'), selected(Gauge.QUEUE, 'state="dead"')
_NO_IMAGES = grown(Counter.OUTCOMES, "15m", 'outcome="no images"', by="instrument")
_AWAITED = grown(Counter.OUTCOMES, "15m", 'outcome=~"completed|no images"', by="instrument")
_SET_ASIDE = grown(Counter.ANNOUNCEMENTS_DROPPED, "1h", 'reason=~"unreadable|invalid|expired"', by="reason")
_WRITER_AGE = f"time() - ({name_of(Gauge.WRITER_OLDEST)} > 0)"

ALERTS: Sequence[Alert] = (
    Alert(
        name="FanOutAbsent",
        severity="critical",
        expr=f"absent({_QUEUE})",
        lasting="2m",
        summary="No fan-out is at work: visits are announced to nobody",
    ),
    Alert(
        name="NotificationsSilent",
        severity="critical",
        expr=f"{grown(Counter.VISITS_FANNED_OUT, '15m', 'novelty="new"')} > 0"
        f" unless {grown(Counter.NOTIFICATIONS, '15m', 'kind="raw"')} > 0",
        lasting="5m",
        summary="Visits are announced, and nobody is notified of their images",
    ),
    Alert(
        name="ImagesMissing",
        severity="warning",
        expr=f"{_NO_IMAGES} / {_AWAITED} > 0.5 and {_NO_IMAGES} > {_FEW}",
        lasting="5m",
        summary="Of {{ $labels.instrument }}, {{ $value | humanizePercentage }} of the images do not come",
    ),
    Alert(
        name="QueueLag",
        severity="critical",
        expr=f"max by (queue) (min_over_time({_WAITING}[3m])) > 0",
        lasting="0m",
        summary="{{ $value }} visit-detectors of {{ $labels.queue }} have no worker for 3 minutes",
    ),
    Alert(
        name="DeadLetters",
        severity="warning",
        expr=f"max by (queue) ({_DEAD} - min_over_time({_DEAD}[1h])) > 0",
        lasting="0m",
        summary="{{ $value }} visit-detectors of {{ $labels.queue }} were set aside within an hour",
    ),
    Alert(
        name="AnnouncementsSetAside",
        severity="warning",
        expr=f"{_SET_ASIDE} > 0",
        lasting="0m",
        summary="{{ $value | humanize }} announcements within an hour were {{ $labels.reason }}",
    ),
    Alert(
        name="AlertsWaiting",
        severity="critical",
        expr=f"{grown(Counter.ALERTS_WAITING, '1h', by='instrument')} > 0",
        lasting="0m",
        summary="{{ $value | humanize }} alerts of {{ $labels.instrument }} in an hour were not taken",
    ),
    Alert(
        name="AlertsHeld",
        severity="warning",
        expr=f"{grown(Counter.VISIT_DETECTORS_HELD, '1h', by='instrument')} > 0",
        lasting="0m",
        summary="{{ $value | humanize }} visit-detectors of {{ $labels.instrument }} were held in an hour",
    ),
    Alert(
        name="WriterMessagesSetAside",
        severity="warning",
        expr=f"{grown(Counter.WRITER_EVENTS, '1h', 'result="set aside"')} > 0",
        lasting="0m",
        summary="{{ $value | humanize }} messages of workers in an hour can never be written",
    ),
    Alert(
        name="WriterLag",
        severity="warning",
        expr=f"max(max_over_time(({_WRITER_AGE})[2m:15s])) > {_WRITER_LAG}",
        lasting="2m",
        summary="The registry is {{ $value | humanizeDuration }} behind the workers",
    ),
    Alert(
        name="WriterSilent",
        severity="critical",
        expr=f"{grown(Counter.WRITER_MESSAGES, '15m')} > 0"
        f" unless {grown(Counter.WRITER_EVENTS, '15m', 'result="applied"')} > 0",
        lasting="5m",
        summary="Workers hand outputs over, and no writer writes",
    ),
    Alert(
        name="VisitsLate",
        severity="warning",
        expr=_share_exceeded(Promptness.LATE),
        lasting="5m",
        summary="Of {{ $labels.instrument }}, {{ $value | humanizePercentage }} took more than a minute",
    ),
    Alert(
        name="VisitsFailed",
        severity="warning",
        expr=_share_exceeded(Promptness.FAILED),
        lasting="5m",
        summary="Of {{ $labels.instrument }}, {{ $value | humanizePercentage }} failed",
    ),
    Alert(
        name="QueueLost",
        severity="critical",
        expr=f"{grown(Counter.QUEUES_LOST, '1h', by='queue')} > 0",
        lasting="0m",
        summary="{{ $labels.queue }} lost work, and was rebuilt from the announcements",
    ),
    Alert(
        name="QueueLagUnknown",
        severity="warning",
        expr=f"{grown(Counter.QUEUE_LAGS_REPAIRED, '1h', by='queue')} > 0",
        lasting="0m",
        summary="Redis lost count of the lag of {{ $labels.queue }}, by which workers are started",
    ),
    Alert(
        name="LeasesLost",
        severity="warning",
        expr=f"{grown(Counter.LEASES_LOST, '30m', by='instrument')} > 5",
        lasting="0m",
        summary="{{ $value | humanize }} attempts of {{ $labels.instrument }} lost their lease in 30 min",
    ),
    Alert(
        name="ClockSkew",
        severity="warning",
        expr=f"{grown(Counter.CLOCK_SKEW, '15m', by='source')} > 3",
        lasting="0m",
        summary="The clock behind {{ $labels.source }} is ahead by more than a second",
    ),
)


def rules() -> Mapping[str, object]:
    """Write the alerts as one group of rules: what a rules file holds, and a PrometheusRule's spec."""
    group = {"name": "prompt-processing", "rules": [_rule(alert) for alert in ALERTS]}
    return {"groups": [group]}


def _rule(alert: Alert) -> Mapping[str, object]:
    return {
        "alert": alert.name,
        "expr": alert.expr,
        "for": alert.lasting,
        "labels": {"severity": alert.severity},
        "annotations": {"summary": alert.summary, "runbook_url": f"{RUNBOOK}#{alert.name.lower()}"},
    }
