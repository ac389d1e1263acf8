from collections.abc import Mapping, Sequence

import pytest

from entrypoints.containers.parts.deployment import INSTALL
from tests.integration.chart.helm import EXAMPLES, Helm, find_helm
from tests.integration.chart.objects import Object

EVERYTHING = {
    "imageNotifications": {"username": "pp", "securityProtocol": "SASL_SSL"},
    "redis": {"passwordKey": "queue-password", "tls": True},
    "ca": {"kafkaKey": "kafka-ca", "redisKey": "redis-ca", "schemaRegistryKey": "registry-ca"},
    "ledger": {"urlKey": "ledger-url"},
    "registry": {"centralRepoFile": True},
    "instrument": {
        "centralRepo": "/srv/central",
        "readRepo": "/srv/read",
        "camera": (INSTALL / "cameras" / "lsstcam.yaml").read_text(),
        "changeTasks": "some.Task other.Task",
        "localRepoConfig": "",
    },
    "worker": {"priorityClassName": "night"},
    "presence": {"instruments": "", "redis": {"passwordKey": "index-password", "tls": True}},
    "console": {
        "enabled": True,
        "rootPath": "/prompt-console",
        "trustedProxies": "10.0.0.0/8",
        "tokenKey": "console-token",
        "logLevel": ".=INFO",
    },
    "writer": {"logLevel": ".=INFO adapters=DEBUG", "kafka": {"debug": True, "createTopics": True}},
    "fanOut": {"logLevel": ".=INFO", "extraEnv": {"REDIS_RETRY_INITIAL_DELAY": 2}},
    "image": {"pullSecrets": ["registry"]},
    "initializer": {"registerDatasetTypes": True},
    "hostAliases": [{"ip": "192.0.2.1", "hostnames": ["camera"]}],
    "tolerations": [{"key": "night", "operator": "Exists"}],
    "nodeSelector": {"night": "true"},
    "extraEnv": {"LOCAL_REPO_REGISTRY": 0},
    "monitoring": {"labels": {"release": "prometheus"}},
}
"""What no example turns on, on top of LSSTCam's."""

NAMES = ("defaults", *sorted(file.stem for file in EXAMPLES.glob("*.yaml")))
ALL = (*NAMES, "everything")


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Helm:
    cache = getattr(pytestconfig, "cache", None)  # it can be switched off
    folder = cache.mkdir("helm") if cache is not None else tmp_path_factory.mktemp("helm")
    return Helm(find_helm(folder), tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def renderings(helm: Helm) -> Mapping[str, Sequence[Object]]:
    """What the chart renders with its defaults and with each example."""
    rendered = {
        name: helm.template(*([] if name == "defaults" else [EXAMPLES / f"{name}.yaml"])) for name in NAMES
    }
    return {**rendered, "everything": helm.template(EXAMPLES / "lsstcam.yaml", EVERYTHING)}


@pytest.fixture(params=ALL)
def rendered(request: pytest.FixtureRequest, renderings: Mapping[str, Sequence[Object]]) -> Sequence[Object]:
    return renderings[request.param]


@pytest.fixture(params=[name for name in ALL if name != "defaults"])
def example(request: pytest.FixtureRequest, renderings: Mapping[str, Sequence[Object]]) -> Sequence[Object]:
    return renderings[request.param]


@pytest.fixture
def lsstcam(renderings: Mapping[str, Sequence[Object]]) -> Sequence[Object]:
    return renderings["lsstcam"]
