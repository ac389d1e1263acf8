"""Schemas of objects: Kubernetes' and KEDA's from their packages, the others' from their documentation."""

from collections.abc import Mapping
from typing import Any, Final

import jsonschema
import kubernetes_validate

__all__ = ["KUBERNETES", "check"]

KUBERNETES: Final = ("1.29", "1.37")
"""The oldest that the chart is for, and the newest that is known."""

type Object = Mapping[str, Any]

_LABELS: Final = {"type": "object", "additionalProperties": {"type": "string"}}


def _strict(required: list[str], **properties: object) -> Object:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


_SELECTOR: Final = _strict([], matchLabels=_LABELS, matchExpressions={"type": "array"})
_ENDPOINTS: Final = {
    "type": "array",
    "minItems": 1,
    "items": _strict(
        ["port"],
        port={"type": "string"},
        path={"type": "string"},
        interval={"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"},
        scheme={"enum": ["http", "https"]},
        honorLabels={"type": "boolean"},
    ),
}

# The parts of each that charts of this kind use; what is not listed is refused.
_SPECS: Final[Mapping[tuple[str, str], Object]] = {
    # ricoberger/vault-secrets-operator
    ("ricoberger.de/v1alpha1", "VaultSecret"): _strict(
        ["type"],
        path={"type": "string", "pattern": "^[^/].*[^/]$"},
        type={"enum": ["Opaque", "kubernetes.io/dockerconfigjson", "kubernetes.io/tls"]},
        keys={"type": "array", "items": {"type": "string"}},
        templates=_LABELS,
        isBinary={"type": "boolean"},
        reconcileStrategy={"enum": ["Replace", "Merge"]},
        vaultRole={"type": "string"},
        vaultNamespace={"type": "string"},
        version={"type": "integer"},
    ),
    # prometheus-operator
    ("monitoring.coreos.com/v1", "ServiceMonitor"): _strict(
        ["selector", "endpoints"], selector=_SELECTOR, endpoints=_ENDPOINTS, targetLabels={"type": "array"}
    ),
    ("monitoring.coreos.com/v1", "PodMonitor"): _strict(
        ["selector", "podMetricsEndpoints"],
        selector=_SELECTOR,
        podMetricsEndpoints=_ENDPOINTS,
        podTargetLabels={"type": "array", "items": {"type": "string"}},
    ),
    ("monitoring.coreos.com/v1", "PrometheusRule"): _strict(
        ["groups"],
        groups={
            "type": "array",
            "minItems": 1,
            "items": _strict(
                ["name", "rules"],
                name={"type": "string"},
                interval={"type": "string"},
                rules={
                    "type": "array",
                    "minItems": 1,
                    "items": _strict(
                        ["expr"],
                        alert={"type": "string"},
                        record={"type": "string"},
                        expr={"type": ["string", "integer"]},
                        labels=_LABELS,
                        annotations=_LABELS,
                        **{"for": {"type": "string", "pattern": "^[0-9]+[smhd]$"}},
                    ),
                },
            ),
        },
    ),
    # Argo CD
    ("argoproj.io/v1alpha1", "Application"): _strict(
        ["project", "source", "destination"],
        project={"type": "string"},
        source=_strict(
            ["repoURL", "targetRevision", "path"],
            repoURL={"type": "string"},
            targetRevision={"type": "string"},
            path={"type": "string"},
            helm=_strict([], releaseName={"type": "string"}, valueFiles={"type": "array"}),
        ),
        destination=_strict(["namespace", "server"], namespace={"type": "string"}, server={"type": "string"}),
        syncPolicy=_strict(
            [],
            automated=_strict([], prune={"type": "boolean"}, selfHeal={"type": "boolean"}),
            syncOptions={"type": "array", "items": {"type": "string", "pattern": "^[A-Za-z]+=[a-z]+$"}},
            retry={"type": "object"},
        ),
        ignoreDifferences={"type": "array", "items": {"type": "object"}},
    ),
}


def check(one: Object, version: str = KUBERNETES[0]) -> None:
    """Check an object against the schema of its kind; whatever the schema does not know is a fault."""
    kind = (one["apiVersion"], one["kind"])
    if kind[0] == "keda.sh/v1alpha1":
        _check_keda(one, version)
    elif kind in _SPECS:
        schema = _strict(
            ["apiVersion", "kind", "metadata", "spec"],
            apiVersion={"const": kind[0]},
            kind={"const": kind[1]},
            metadata={"type": "object", "required": ["name"]},
            spec=_SPECS[kind],
        )
        jsonschema.validate(one, schema)
        _check_metadata(one, version)
    else:
        kubernetes_validate.validate(one, version, strict=True)


def _check_metadata(one: Object, version: str) -> None:
    """Metadata are the same for all kinds, so a ConfigMap's stand in."""
    bare = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": one["metadata"]}
    kubernetes_validate.validate(bare, version, strict=True)


def _check_keda(one: Object, version: str) -> None:
    # It takes two seconds to import, which only this check should cost.
    from cloudcoil.models.keda import v1alpha1  # noqa: PLC0415 - as just said

    _check_metadata(one, version)
    if one["kind"] == "ScaledJob":
        # The job is Kubernetes' own; KEDA's model stumbles over whole numbers in quantities.
        job, target = _parted(one["spec"]["jobTargetRef"])
        kubernetes_validate.validate(job, version, strict=True)
        one = {**one, "spec": {**one["spec"], "jobTargetRef": target}}
    model = getattr(v1alpha1, one["kind"])
    read = model.model_validate(one).model_dump(mode="json", by_alias=True, exclude_unset=True)
    # Models drop what they do not know: nothing may be missing from what they read.
    if lost := _lost(one, read):
        raise ValueError("; ".join(lost))


def _parted(target: Object) -> tuple[Object, Object]:
    """Part what is to be made of each job: a job, and the same with an empty pod."""
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job"}, "spec": target}
    return job, {**target, "template": {"spec": {"containers": [{"name": "empty"}]}}}


def _lost(wanted: object, found: object, path: str = "") -> list[str]:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return [
            line for key, value in wanted.items() for line in _lost(value, found.get(key), f"{path}.{key}")
        ]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        return [
            line
            for number, (one, other) in enumerate(zip(wanted, found, strict=True))
            for line in _lost(one, other, f"{path}[{number}]")
        ]
    return [] if wanted is None or str(wanted) == str(found) else [f"{path}: {wanted!r} became {found!r}"]
