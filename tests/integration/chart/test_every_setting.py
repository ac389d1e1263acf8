"""What a process may be told has a value in the chart, or a reason why it has none."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from entrypoints.settings.environment import describe_settings
from tests.integration.chart.conftest import EVERYTHING
from tests.integration.chart.helm import EXAMPLES, Helm, merged
from tests.integration.chart.objects import Object
from tests.integration.chart.test_settings import SETTINGS, environments

SAID = {
    "imageNotifications": {"tlsVerify": "ca"},
    "alerts": {"securityProtocol": "SASL_SSL"},
    "writer": {"kafka": {"tlsVerify": "0"}, "runPattern": "own/.*", "formatterPackages": "lsst own"},
    "worker": {"claim": 1920},
    "fanOut": {
        "kafka": {"tlsVerify": "full"},
        "keda": {"redisRetryDelayCap": 5, "consumerGone": 600},
    },
    "instrument": {"localRepoConfig": "s3://configs/local.yaml"},
    "presence": {"logLevel": ".=INFO"},
}
"""What neither the examples nor `EVERYTHING` say, and has a value."""

RARE = "by extraEnv: its default is right on a cluster, and few have a reason to change it"
NO_CLUSTER = "for one machine without a cluster"
UNSAID: Mapping[str, str] = {
    "KAFKA_FETCH_WAIT": RARE,
    "KAFKA_GROUP_PROTOCOL": RARE,
    "KAFKA_SESSION_TIMEOUT": RARE,
    "CHILD_IDLE_TIMEOUT": RARE,
    "EXPORT_RAWS": RARE,
    "NEXT_PIPELINE_ON_REFUSAL": RARE,
    "REDIS_STREAM_CREATE": RARE,
    "RETRY_DELAY": RARE,
    "KAFKA_TRANSACTIONS": RARE,
    "QUICK_REGISTRATION": RARE,
    "RAW_ROOTS": RARE,
    "REPO_RETRY_DELAY": RARE + "; of the workers by instrument.repoWait",
    "LOCAL_REPO_REGISTRY": RARE,
    "ALERT_SETTLING": "the courier's default fits every broker",
    "AP_ALERT_FOLDER": NO_CLUSTER,
    "CONSOLE_LOG_FOLDER": NO_CLUSTER,
    "CONSOLE_NOTE": NO_CLUSTER,
    "DELETE_SEEN": "is refused if it is set",
    "WRITER_DEBUG_LEVEL": "writer.logLevel, if it is one level and not the pairs that are tried here",
}


@pytest.fixture(scope="module")
def said(helm: Helm) -> Sequence[Object]:
    return helm.template(EXAMPLES / "lsstcam.yaml", merged(EVERYTHING, SAID))


def test_every_setting_has_a_value_in_the_chart_or_a_reason(said: Sequence[Object], tmp_path: Path) -> None:
    found = environments(said, tmp_path)
    assert found.keys() == SETTINGS.keys()
    lacking = {
        f"{command}: {name}"
        for command, kinds in SETTINGS.items()
        for kind in kinds
        for name, _, _ in describe_settings(kind)
        if name not in found[command] and name not in UNSAID
    }
    assert lacking == set()


def test_no_reason_is_left_over() -> None:
    known = {name for kinds in SETTINGS.values() for kind in kinds for name, _, _ in describe_settings(kind)}
    assert UNSAID.keys() - known == set()
