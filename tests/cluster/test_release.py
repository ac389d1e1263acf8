"""What the trial asks of the chart: it is played by hand, and should not be found to be refused then."""

from pathlib import Path
from typing import Any

import pytest

from tests.cluster.production import production_scaling
from tests.cluster.release import night_values
from tests.cluster.world import World
from tests.integration.chart.helm import Helm, find_helm, merged
from tests.integration.chart.objects import find

_NOTHING: Any = None


def test_the_chart_takes_the_trials_values(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    world = World(
        programs=_NOTHING,
        demo=_NOTHING,
        kafka="10.67.0.1:9092",
        registry="http://10.67.0.1:8081",
        s3={
            "S3_ENDPOINT_URL": "http://10.67.0.1:9000",
            "AWS_DEFAULT_REGION": "x",
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        apdb="/srv/butler/apdb.yaml",
    )
    cache = getattr(pytestconfig, "cache", None)
    helm = Helm(find_helm(tmp_path if cache is None else cache.mkdir("helm")), tmp_path)
    values = night_values(world, "localhost/trial", "next")
    for more, strategy in (({}, "accurate"), (production_scaling(), "eager")):
        spec = find(helm.template(merged(values, more)), "ScaledJob")["spec"]
        assert spec["scalingStrategy"]["strategy"] == strategy
        [container] = spec["jobTargetRef"]["template"]["spec"]["containers"]
        assert container["image"] == "localhost/trial/service:next"
