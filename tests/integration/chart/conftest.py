from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.integration.chart.helm import EXAMPLES, Helm, find_helm
from tests.integration.chart.objects import Object

ALL = ("defaults", *sorted(file.stem for file in EXAMPLES.glob("*.yaml")))


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Helm:
    cache = pytestconfig.cache
    folder = cache.mkdir("helm") if cache is not None else tmp_path_factory.mktemp("helm")
    return Helm(find_helm(folder), tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def renderings(helm: Helm) -> Mapping[str, Sequence[Object]]:
    """What the chart renders with its defaults and with each example."""
    files: dict[str, list[Path]] = {
        name: [] if name == "defaults" else [EXAMPLES / f"{name}.yaml"] for name in ALL
    }
    return {name: helm.template(*values) for name, values in files.items()}


@pytest.fixture(params=ALL)
def rendered(request: pytest.FixtureRequest, renderings: Mapping[str, Sequence[Object]]) -> Sequence[Object]:
    return renderings[request.param]


@pytest.fixture(params=[name for name in ALL if name != "defaults"])
def example(request: pytest.FixtureRequest, renderings: Mapping[str, Sequence[Object]]) -> Sequence[Object]:
    return renderings[request.param]


@pytest.fixture
def lsstcam(renderings: Mapping[str, Sequence[Object]]) -> Sequence[Object]:
    return renderings["lsstcam"]
