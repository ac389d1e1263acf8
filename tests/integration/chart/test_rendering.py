"""Helm takes the chart, and Kubernetes would take what it renders."""

from collections.abc import Mapping, Sequence

import jsonschema
import kubernetes_validate
import pytest
import yaml

from entrypoints.containers.parts.deployment import INSTALL
from tests.integration.chart.conftest import NAMES
from tests.integration.chart.helm import EXAMPLES, Helm
from tests.integration.chart.objects import Object, find
from tests.integration.chart.schemas import KUBERNETES, check


def test_there_are_three_examples() -> None:
    assert set(NAMES) == {"defaults", "lsstcam", "latiss", "small-observatory"}


@pytest.mark.parametrize("name", NAMES)
def test_helm_lints_without_a_warning(helm: Helm, name: str) -> None:
    values = [] if name == "defaults" else [EXAMPLES / f"{name}.yaml"]
    assert "0 chart(s) failed" in helm.lint(*values)


@pytest.mark.slow
@pytest.mark.parametrize("version", KUBERNETES)
def test_every_object_fits_the_schema_of_its_kind(rendered: Sequence[Object], version: str) -> None:
    for one in rendered:
        check(one, version)


def test_an_object_has_one_name(rendered: Sequence[Object]) -> None:
    names = [(one["kind"], one["metadata"]["name"]) for one in rendered]
    assert len(set(names)) == len(names)
    assert all(len(name) <= 63 for _, name in names)


def test_what_is_rendered_of_which_kind(renderings: Mapping[str, Sequence[Object]]) -> None:
    workers = {"ScaledJob", "Job", "CronJob", "NetworkPolicy", "PodMonitor"}
    shared = {"Deployment", "Service", "PodDisruptionBudget", "ServiceMonitor", "PrometheusRule", "ConfigMap"}
    kinds = {name: {one["kind"] for one in objects} for name, objects in renderings.items()}
    assert kinds == {
        "defaults": workers,
        "latiss": workers
        | {"TriggerAuthentication", "VaultSecret", "Deployment", "Service", "ServiceMonitor"},
        "everything": workers | shared | {"TriggerAuthentication", "VaultSecret"},
        "lsstcam": workers | shared | {"TriggerAuthentication", "VaultSecret"},
        "small-observatory": (workers | shared)
        - {"PodMonitor", "ServiceMonitor", "PrometheusRule", "PodDisruptionBudget"},
    }


@pytest.mark.slow
def test_the_schemas_do_find_faults(lsstcam: Sequence[Object]) -> None:
    def spoilt(kind: str, ending: str, **changes: object) -> Object:
        one = find(lsstcam, kind, ending)
        return {**one, "spec": {**one["spec"], **changes}}

    with pytest.raises(ValueError, match=r"\.spec\.rolout"):
        check(spoilt("ScaledJob", "", rolout={"strategy": "gradual"}))
    with pytest.raises(ValueError, match="maxReplicaCount"):
        check(spoilt("ScaledJob", "", maxReplicaCount="many"))
    for change in [spoilt("VaultSecret", "", typ="Opaque"), spoilt("ServiceMonitor", "writer", endpoints=[])]:
        with pytest.raises(jsonschema.ValidationError):
            check(change)
    with pytest.raises(kubernetes_validate.ValidationError):
        check(spoilt("Deployment", "writer", replica=2))


def test_argo_cds_application_is_one() -> None:
    for file in sorted((INSTALL / "deploy" / "argocd").glob("*.yaml")):
        for one in yaml.safe_load_all(file.read_text()):
            check(one)
            assert (INSTALL / one["spec"]["source"]["path"] / "Chart.yaml").is_file()
            for values in one["spec"]["source"]["helm"]["valueFiles"]:
                assert (INSTALL / one["spec"]["source"]["path"] / values).is_file()
            options = one["spec"]["syncPolicy"].get("syncOptions", [])
            assert "Replace=true" not in options  # it would delete the ScaledJob, and all workers with it
