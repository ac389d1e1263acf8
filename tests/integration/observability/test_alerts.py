"""The alert rules on nights made up for them, judged by Prometheus' own tool."""

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import pytest

_RULES: Final = Path(__file__).parents[3] / "deploy" / "chart" / "files" / "alerts.yaml"
_SAMPLES: Final = 240
"""Of half a minute each: two hours, looked at after 100 minutes."""

type Series = Mapping[str, str]
"""From the name of a series to its samples, as promtool writes them."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not on the PATH (Debian's package prometheus has it)")
    return found


def _constant(value: float) -> str:
    return f"{value:g}x{_SAMPLES}"


def _rising(step: int) -> str:
    return f"0+{step}x{_SAMPLES}"


def _born(minute: int, value: int = 1) -> str:
    """Write a counter that is first seen then, and does not change any more."""
    return f"_x{2 * minute} {value}x{_SAMPLES - 2 * minute}"


def _pods(series: str, number: int, samples: str) -> Series:
    return {series.replace("{", f'{{pod="{pod}",', 1): samples for pod in range(number)}


_QUEUE: Final = 'queue_entries{queue="instrument:simcam",state="%s"}'
_OURS: Final = 'instrument="SimCam"'
_OUTCOME: Final = f'outcomes_total{{{_OURS},outcome="%s"}}'
_ENDED: Final = f'visit_detectors_total{{{_OURS},promptness="%s"}}'

_HEALTHY: Final[Series] = {
    _QUEUE % "waiting": "0 0 9 0 " * (_SAMPLES // 4),
    _QUEUE % "leased": _constant(9),
    _QUEUE % "dead": _constant(3),
    f'visits_fanned_out_total{{{_OURS},novelty="new"}}': _rising(1),
    'notifications_total{kind="raw"}': _rising(9),
    _OUTCOME % "completed": _rising(9),
    _OUTCOME % "no images": _born(30, 5),
    _ENDED % "in time": _rising(9),
    f"writer_messages_total{{{_OURS}}}": _rising(9),
    'writer_events_total{result="applied"}': _rising(9),
    'announcements_dropped_total{reason="not an observation"}': _rising(1),
    "writer_oldest_timestamp_seconds": _constant(0),
}
_NIGHTS: Final[Mapping[str, tuple[Series, set[str]]]] = {
    "healthy": ({}, set()),
    "by day": (dict.fromkeys(_HEALTHY, "") | {_QUEUE % "waiting": _constant(0)}, set()),
    "no fan-out": (
        {_QUEUE % state: "" for state in ("waiting", "leased", "delayed", "dead")},
        {"FanOutAbsent"},
    ),
    "notifications lost": ({'notifications_total{kind="raw"}': _constant(70)}, {"NotificationsSilent"}),
    "images lost": (
        {_OUTCOME % "completed": _constant(70), _OUTCOME % "no images": _rising(9)},
        {"ImagesMissing"},
    ),
    "too few workers": ({_QUEUE % "waiting": _constant(5)}, {"QueueLag"}),
    "a dead letter": ({_QUEUE % "dead": f"3x119 4x{_SAMPLES - 120}"}, {"DeadLetters"}),
    "dead letters long ago": ({_QUEUE % "dead": f"3x39 4x{_SAMPLES - 40}"}, set()),
    "an announcement set aside": (
        {'announcements_dropped_total{reason="invalid"}': _born(60)},
        {"AnnouncementsSetAside"},
    ),
    "alerts that a worker left and ended": (
        {f"alerts_waiting_total{{{_OURS}}}": "_x160 7x20"},
        {"AlertsWaiting"},
    ),
    "a visit-detector held": ({f"visit_detectors_held_total{{{_OURS}}}": _born(80)}, {"AlertsHeld"}),
    "a message set aside by a writer that ended": (
        {'writer_events_total{result="set aside"}': "_x120 1x20"},
        {"WriterMessagesSetAside"},
    ),
    "a writer that hangs": ({"writer_oldest_timestamp_seconds": _constant(5000)}, {"WriterLag"}),
    "a writer that lags, from batch to batch": (
        {"writer_oldest_timestamp_seconds": "0 5000 " * (_SAMPLES // 2)},
        {"WriterLag"},
    ),
    "no writer": ({'writer_events_total{result="applied"}': _constant(70)}, {"WriterSilent"}),
    "late once in the life of many workers": (_pods(_ENDED % "late", 15, _born(60)), {"VisitsLate"}),
    "late, less than one in a hundred": (_pods(_ENDED % "late", 9, _born(60)), set()),
    "failed": (_pods(_ENDED % "failed", 3, _born(60)), {"VisitsFailed"}),
    "failed long ago": (_pods(_ENDED % "failed", 3, _born(30)), set()),
    "two failed": (_pods(_ENDED % "failed", 2, _born(60)), set()),
    "leases lost": (_pods(f"leases_lost_total{{{_OURS}}}", 6, _born(80)), {"LeasesLost"}),
    "a queue emptied": (
        {'queues_lost_total{queue="instrument:simcam",kind="came back older"}': _born(80)},
        {"QueueLost"},
    ),
    "a lag unknown": (
        {'queue_lags_repaired_total{queue="instrument:simcam"}': _born(80)},
        {"QueueLagUnknown"},
    ),
    "a clock that is off": ({'clock_skew_total{source="nextVisit"}': _rising(1)}, {"ClockSkew"}),
}


def _test(night: str, changed: Series, firing: Iterable[str]) -> Mapping[str, object]:
    expected = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(firing)]
    asked = {
        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
        "eval_time": "100m",
        "exp_samples": expected,
    }
    return {
        "name": night,
        "interval": "30s",
        "input_series": [
            {"series": f"prompt_processing_{name}", "values": values}
            for name, values in {**_HEALTHY, **changed}.items()
            if values
        ],
        "promql_expr_test": [asked],
    }


def _judge(promtool: str, file: Path, nights: Mapping[str, tuple[Series, set[str]]]) -> str:
    """Have the rules judged on nights, and give what the tool complains of."""
    tests = [_test(night, changed, firing) for night, (changed, firing) in nights.items()]
    file.write_text(json.dumps({"rule_files": [str(_RULES)], "evaluation_interval": "1m", "tests": tests}))
    done = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, check=False)  # noqa: S603 - it was found on the PATH
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_alerts_are_those_that_each_night_deserves(promtool: str, tmp_path: Path) -> None:
    assert _judge(promtool, tmp_path / "tests.yaml", _NIGHTS) == ""


def test_an_alert_that_did_not_come_would_be_missed(promtool: str, tmp_path: Path) -> None:
    wrong = {
        "healthy": (_NIGHTS["healthy"][0], {"QueueLag"}),
        "no writer": (_NIGHTS["no writer"][0], set[str]()),
    }
    complaint = _judge(promtool, tmp_path / "tests.yaml", wrong)
    assert "QueueLag" in complaint
    assert "WriterSilent" in complaint


def test_every_alert_is_deserved_by_some_night() -> None:
    rules = {line.split()[-1] for line in _RULES.read_text().splitlines() if line.startswith("  - alert:")}
    assert set[str]().union(*(firing for _, firing in _NIGHTS.values())) == rules
